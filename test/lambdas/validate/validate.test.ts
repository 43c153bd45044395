/**
 * validate, on a real table and files in memory: jobs that wait for their file, runs that end, die, or meet, and files that are none. However
 * often it is interrupted, each address is in the result once, in the order of the file.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Hold } from '../../../core/records/holds.ts';
import {
  AWAIT_MS,
  FIRST_LOOKS,
  isJobId,
  LOOK_MS,
  makeJobId,
  newJob,
  parseValidationMessage,
  SEGMENT,
  type ValidationJobRecord,
} from '../../../core/validation/job.ts';
import { validationJobsIn } from '../../../io/validation-jobs.ts';
import { type ValidateDeps, validate } from '../../../lambdas/validate/validate.ts';
import { startDynamodb } from '../../io/dynamodb.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const ACCOUNT = 'shopshop';
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let jobs: ReturnType<typeof validationJobsIn>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
  jobs = validationJobsIn('Accounts', dynamodb.client);
});
afterAll(() => dynamodb.stop());

let made = 0;
let job: ValidationJobRecord;
let world: ReturnType<typeof makeWorld>;
beforeEach(async () => {
  const random = Buffer.alloc(10, ++made);
  job = newJob(ACCOUNT, makeJobId(NOW, random), 'csv', NOW);
  await jobs.createValidationJob(job);
  world = makeWorld();
});

function makeWorld() {
  const parts = new Map<number, string>();
  const here = {
    now: NOW,
    /** Of each question for it, one after the other; then an hour. */
    remaining: [] as number[],
    file: undefined as { octets: Buffer; etag: string } | undefined,
    parts,
    result: undefined as string | undefined,
    holds: [] as Hold[],
    problems: [] as string[],
    asked: [] as string[][],
    reads: 0,
  };
  let runs = 0;
  const deps: ValidateDeps = {
    ...jobs,
    now: () => here.now,
    remainingMs: () => here.remaining.shift() ?? 100_000,
    randomId: () => `run-${++runs}`,
    findUpload: async () => here.file && { octets: here.file.octets.length, etag: here.file.etag },
    readUpload: async (_, etag) => {
      here.reads++;
      return here.file?.etag === etag ? here.file.octets : undefined;
    },
    putPart: async (_, segment, csv) => void parts.set(segment, csv),
    joinParts: async (_, header, segments) => {
      here.result = header + Array.from({ length: segments }, (_, n) => parts.get(n)!).join('');
    },
    lookAtDomains: async (names) => {
      here.asked.push([...new Set(names)]);
      return new Map([...names].map((name) => [name, { takesMail: name !== 'dead.example' }]));
    },
    readSuppressions: async (account, addresses) => {
      expect(account).toBe(ACCOUNT);
      const bounced = addresses.filter((one) => one === 'gone@xn--bcher-kva.example');
      return new Map(bounced.map((one) => [one, { bounces: { created: 1 } } as never]));
    },
    hold: async (hold) => void here.holds.push(hold),
    report: (problem) => void here.problems.push(problem),
  };
  const putFile = (addresses: readonly string[], etag = 'e1') => {
    here.file = { octets: Buffer.from(addresses.join('\n')), etag };
  };
  return { ...here, here, deps, putFile };
}

const look = (waits = false, more: Partial<ValidateDeps> = {}) =>
  validate([{ messageId: 'm', body: JSON.stringify({ v: 1, account: ACCOUNT, id: job.id, waits }) }], {
    ...world.deps,
    ...more,
  });
const stored = async () => (await jobs.readValidationJob(ACCOUNT, job.id))!;
const users = (count: number) => Array.from({ length: count }, (_, n) => `user${n}@site${n % 7}.example`);
const emailsOf = (csv: string) =>
  csv
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(',')[0]);

describe('a job without its file', () => {
  it('is looked at again by the one look that waits, and by no other', async () => {
    expect(await look()).toEqual([]);
    expect(world.here.holds).toEqual([]);
    await look(true);
    expect(world.here.holds).toMatchObject([
      {
        kind: 'validate',
        account: ACCOUNT,
        copies: 0,
        due: NOW + LOOK_MS,
        validate: { v: 1, account: ACCOUNT, id: job.id, waits: true },
      },
    ]);
    expect(await stored()).toEqual(job);
    expect(FIRST_LOOKS.at(-1)).toBeLessThanOrEqual(30);
  });

  it('ends when its time is over', async () => {
    world.here.now = NOW + AWAIT_MS;
    await look(true);
    expect([await stored(), world.here.holds]).toMatchObject([
      { status: 'Error', errors: ['no file was put in time'], finishedAt: NOW + AWAIT_MS },
      [],
    ]);
  });

  it('is none: a message about a job that is gone is done with; one that says nothing is handed back', async () => {
    await jobs.removeValidationJob(ACCOUNT, job.id);
    expect(await look(true)).toEqual([]);
    for (const body of ['{}', '{"v":1,"account":"a"}', '{"v":1,"account":"a","id":"../x"}', 'no JSON'])
      expect(await validate([{ messageId: 'p', body }], world.deps)).toEqual(['p']);
  });
});

describe('a job with its file', () => {
  it('judges all addresses as the single validation does, and has its end', async () => {
    world.putFile([
      'emails',
      'ada@site.example',
      'gone@bücher.example',
      'x@dead.example',
      'noname',
      'INFO@site.example',
    ]);
    world.here.now = NOW + 5_000;
    expect(await look()).toEqual([]);
    expect(await stored()).toMatchObject({
      status: 'Done',
      addresses: 5,
      segments: 1,
      processed: 1,
      finishedAt: NOW + 5_000,
      errors: [],
    });
    expect(world.here.result).toBe(
      [
        'email,verdict,score,local,host,suggestion,has_valid_address_syntax,has_mx_or_a_record,dns_error,is_suspected_disposable_address,is_suspected_role_address,has_known_bounces,has_suspected_bounces',
        'ada@site.example,Valid,0.97,ada,site.example,,true,true,,false,false,false,false',
        'gone@bücher.example,Invalid,0.02,gone,bücher.example,,true,true,,false,false,true,true',
        'x@dead.example,Invalid,0.02,x,dead.example,,true,false,,false,false,false,false',
        'noname,Invalid,0,noname,,,false,false,,false,false,false,false',
        'INFO@site.example,Risky,0.6305,INFO,site.example,,true,true,,false,true,false,false',
        '',
      ].join('\r\n'),
    );
    // Each domain once.
    expect(world.here.asked).toEqual([['site.example', 'xn--bcher-kva.example', 'dead.example']]);
    // What has ended is not begun again.
    await look();
    expect(world.here.reads).toBe(1);
  });

  it('goes on in another run when its time is nearly over, from the next segment on', async () => {
    const addresses = users(4 * SEGMENT + 10);
    world.putFile(addresses);
    // The first question is for how long the job is taken.
    world.here.remaining = [170_000, 120_000, 90_000, 59_999];
    await look();
    expect(await stored()).toMatchObject({ status: 'Processing', segments: 5, processed: 2 });
    expect(world.here.holds).toMatchObject([{ kind: 'validate', due: NOW, validate: { id: job.id } }]);
    expect(world.here.result).toBeUndefined();
    world.here.parts.set(0, 'not written again');
    await look(true);
    expect(await stored()).toMatchObject({ status: 'Done', processed: 5 });
    expect([...world.here.parts.keys()]).toEqual([0, 1, 2, 3, 4]);
    expect(world.here.parts.get(0)).toBe('not written again');
  });

  // Attack: the function is killed, or a store does not answer, wherever it hurts.
  it.each(['putPart', 'changeValidationJob', 'joinParts', 'readUpload', 'lookAtDomains', 'readSuppressions'] as const)(
    'loses and doubles nothing when %s fails, each time it is called once',
    async (name) => {
      const addresses = users(2 * SEGMENT + 3);
      world.putFile(addresses);
      const works = world.deps[name] as (...args: unknown[]) => Promise<unknown>;
      let calls = 0;
      for (let fails = 1, runs = 0; (await stored()).status !== 'Done'; runs++) {
        expect(runs).toBeLessThan(30);
        calls = 0;
        const failing = async (...args: unknown[]) => {
          if (++calls === fails) {
            fails++;
            // It was done, and nobody was told; the next run is an hour later.
            await works(...args);
            throw new Error('killed');
          }
          return works(...args);
        };
        const before = world.here.problems.length;
        const handedBack = await look(false, { [name]: failing });
        expect(handedBack).toEqual(world.here.problems.length > before ? ['m'] : []);
        world.here.now += 3_600_000;
      }
      expect(emailsOf(world.here.result!)).toEqual(addresses);
    },
  );

  it('is one run’s at a time, however many messages there are', async () => {
    world.putFile(users(SEGMENT));
    expect((await Promise.all(Array.from({ length: 5 }, () => look()))).flat()).toEqual([]);
    expect(world.here.reads).toBe(1);
    expect(emailsOf(world.here.result!)).toHaveLength(SEGMENT);
  });

  // Attack: a run that was thought dead wakes up, and writes over what came after it.
  it('is not changed by a run whose place another has taken', async () => {
    world.putFile(users(3 * SEGMENT));
    let late: Promise<unknown> | undefined;
    const putPart: ValidateDeps['putPart'] = async (...args) => {
      // While it sleeps, its time passes and another does the whole job.
      if (!late) {
        world.here.now += 3_600_000;
        late = look();
        await late;
      }
      await world.deps.putPart(...args);
    };
    await look(false, { putPart });
    expect(await stored()).toMatchObject({ status: 'Done', processed: 3, runId: 'run-2' });
    expect(emailsOf(world.here.result!)).toEqual(users(3 * SEGMENT));
  });
});

describe('a file that is none', () => {
  it('is told in words, and asks nobody anything', async () => {
    world.putFile(['']);
    await look();
    expect(await stored()).toMatchObject({ status: 'Error', errors: ['the file has no address'], segments: 0 });
    expect(world.here.asked).toEqual([]);
  });

  it('is not read when it is longer than 50 MB', async () => {
    await look(false, { findUpload: async () => ({ octets: 50_000_001, etag: 'e' }) });
    expect(await stored()).toMatchObject({ status: 'Error', errors: ['the file has more than 50000000 octets'] });
    expect(world.here.reads).toBe(0);
  });

  // Attack: another file is put in the place of the one that was counted, while it is worked through.
  it('is one that was changed in between', async () => {
    world.putFile(users(2 * SEGMENT));
    world.here.remaining = [170_000, 120_000, 10];
    await look();
    world.putFile(users(5), 'e2');
    await look(true);
    expect(await stored()).toMatchObject({
      status: 'Error',
      errors: ['the file was changed, or is gone'],
      processed: 1,
    });
  });
});

it('ids stand in the order of their time, and are ULIDs', () => {
  const ids = [NOW, NOW + 1, NOW + 1e9].map((at) => makeJobId(at, Buffer.alloc(10, 255)));
  expect(ids).toEqual([...ids].sort());
  for (const id of ids) expect([id, isJobId(id)]).toEqual([expect.stringMatching(/^01[0-9A-Z]{24}$/), true]);
  // The ULID specification's own example of a time.
  expect(makeJobId(1_469_918_176_385, Buffer.alloc(10)).slice(0, 10)).toBe('01ARYZ6S41');
  expect(parseValidationMessage(JSON.stringify({ v: 1, account: 'a', id: ids[0], waits: 1 })).waits).toBe(false);
});
