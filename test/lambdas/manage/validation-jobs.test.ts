/** `/v3/validations/email/jobs`, on real tables: what is asked for, what is shown of it to whom, and when there is a result to fetch. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FILE_DAYS, MOST_JOBS, type ValidationMessage } from '../../../core/validation/job.ts';
import { validationJobsIn } from '../../../io/validation-jobs.ts';
import type { ManageDeps } from '../../../lambdas/manage/manage.ts';
import { AT, startManage } from './account.ts';

const JOBS = '/v3/validations/email/jobs';
let world: Awaited<ReturnType<typeof startManage>>;
let jobs: ReturnType<typeof validationJobsIn>;
beforeAll(async () => {
  world = await startManage();
  jobs = validationJobsIn('Accounts', world.client);
});
afterAll(() => world.stop());

const sent: { message: ValidationMessage; seconds: number }[] = [];
const callBy = (account: string, overrides: Partial<ManageDeps> = {}) => {
  sent.length = 0;
  return world.callBy(account, {
    ...jobs,
    linkUpload: async ({ account, id }, type) => `https://bucket.example/${account}/${id}?${type}`,
    linkResult: async ({ account, id }) => `https://bucket.example/${account}/${id}/result`,
    sendLooks: async (looks) => {
      sent.push(...looks);
      return true;
    },
    ...overrides,
  });
};

it.each([
  ['csv', 'text/csv'],
  ['zip', 'application/zip'],
])(
  'gives a place for a %s file, with the header that it must be put with, and has it looked for',
  async (file_type, value) => {
    const account = `place${file_type}`;
    const { status, json } = await callBy(account)('PUT', JOBS, { file_type });
    const { job_id: id } = json;
    expect([status, json]).toEqual([
      200,
      {
        job_id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
        upload_uri: `https://bucket.example/${account}/${id}?${file_type}`,
        upload_headers: [{ header: 'content-type', value }],
      },
    ]);
    expect(sent.map(({ message }) => message)).toEqual(
      [false, false, true].map((waits) => ({ v: 1, account, id, waits })),
    );
  },
);

it.each([[undefined], [[]], [{}], [{ file_type: 'xlsx' }], [{ file_type: 5 }], [{ file_type: null }]])(
  '%j is refused',
  async (body) => {
    const { status, json } = await callBy('wrongs22')('PUT', JOBS, body);
    expect([status, json.errors[0].message.length > 10]).toEqual([400, true]);
    expect((await callBy('wrongs22')('GET', JOBS)).json).toEqual({ result: [] });
  },
);

it('shows how far a job is, from its beginning to its end; the newest first', async () => {
  const account = 'progress';
  const call = callBy(account);
  const { job_id: first } = (await call('PUT', JOBS, { file_type: 'csv' })).json;
  world.clock.now += 5_000;
  const { job_id: second } = (await call('PUT', JOBS, { file_type: 'csv' })).json;
  const listed = { status: 'Initiated', finished_at: 0 };
  expect((await call('GET', JOBS)).json.result).toEqual([
    { id: second, started_at: AT + 5, ...listed },
    { id: first, started_at: AT, ...listed },
  ]);
  const show = async () => (await call('GET', `${JOBS}/${first}`)).json.result;
  sent.length = 0;
  expect(await show()).toEqual({
    id: first,
    status: 'Initiated',
    started_at: AT,
    finished_at: 0,
    segments: 0,
    segments_processed: 0,
    is_download_available: false,
    errors: [],
  });
  // Who asks has it looked for.
  expect(sent).toEqual([{ message: { v: 1, account, id: first, waits: false }, seconds: 0 }]);
  expect((await call('GET', `${JOBS}/${first}/download`)).status).toBe(404);

  const run = (await jobs.takeValidationJob((await jobs.readValidationJob(account, first))!, 'run', 1, 2))!;
  await jobs.changeValidationJob(run, { status: 'Processing', segments: 3, processed: 2 });
  sent.length = 0;
  expect(await show()).toMatchObject({ status: 'Processing', segments: 3, segments_processed: 2 });
  expect(sent).toEqual([]);

  const finishedAt = world.clock.now;
  await jobs.changeValidationJob(run, { status: 'Done', processed: 3, finishedAt }, true);
  expect(await show()).toMatchObject({ status: 'Done', is_download_available: true, finished_at: finishedAt / 1_000 });
  const link = `https://bucket.example/${account}/${first}/result`;
  expect((await call('GET', `${JOBS}/${first}/download`)).json).toEqual({ presigned_url: link });
  // Its files are gone after some days.
  world.clock.now += FILE_DAYS * 86_400_000;
  expect(await show()).toMatchObject({ status: 'Done', is_download_available: false });
  expect((await call('GET', `${JOBS}/${first}/download`)).status).toBe(404);

  const other = (await jobs.takeValidationJob((await jobs.readValidationJob(account, second))!, 'run', 1, 2))!;
  await jobs.changeValidationJob(other, { status: 'Error', errors: ['the file is binary'], finishedAt }, true);
  const failed = (await call('GET', `${JOBS}/${second}`)).json.result;
  expect(failed).toMatchObject({ status: 'Error', errors: [{ message: 'the file is binary' }] });
});

// Attack: an account names another's job, or makes an id up.
it('is its account’s alone', async () => {
  const { job_id: id } = (await callBy('victim22')('PUT', JOBS, { file_type: 'csv' })).json;
  for (const named of [id, id.toLowerCase(), '..', 'job%23x', '0'.repeat(26), 'x'.repeat(500)])
    for (const path of ['', '/download'])
      expect((await callBy('attacker')('GET', `${JOBS}/${named}${path}`)).status).toBe(404);
  expect(sent).toEqual([]);
  expect((await callBy('attacker')('GET', JOBS)).json).toEqual({ result: [] });
});

it('has ten that have not ended, at most; the next waits until one has', async () => {
  const call = callBy('manyjobs');
  for (let n = 0; n < MOST_JOBS; n++) expect((await call('PUT', JOBS, { file_type: 'csv' })).status).toBe(200);
  expect((await call('PUT', JOBS, { file_type: 'csv' })).status).toBe(429);
  const [one] = await jobs.listValidationJobs('manyjobs');
  const run = (await jobs.takeValidationJob(one!, 'run', 1, 2))!;
  await jobs.changeValidationJob(run, { status: 'Done', finishedAt: 1 }, true);
  expect((await call('PUT', JOBS, { file_type: 'csv' })).status).toBe(200);
});

it('leaves nothing behind when nobody would look for its file', async () => {
  const call = callBy('noqueue2', { sendLooks: async () => false });
  expect((await call('PUT', JOBS, { file_type: 'csv' })).status).toBe(503);
  expect((await call('GET', JOBS)).json).toEqual({ result: [] });
});
