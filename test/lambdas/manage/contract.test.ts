/**
 * Every operation of SendGrid's suppressions and of the two mail settings that bear on them, as ../shared/oai lists them: status
 * and body against its schema.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { AT, startManage } from './account.ts';

const OAI = new URL('../../../../shared/oai/', import.meta.url);
type Operation = { method: string; path: string; id: string; status: number; file: string };

const operations: Operation[] = existsSync(OAI)
  ? readFileSync(new URL('operations.csv', OAI), 'utf8')
      .split('\n')
      .map((line) => line.split(','))
      .filter(
        ([, group, , path = '']) =>
          group === 'suppressions' || /mail_settings\/(address_whitelist|bounce_purge)$/.test(path),
      )
      .map(([, group, method = '', path = '', id = '', status = '']) => ({
        method,
        path,
        id,
        status: Number(status.split(' ')[0]),
        file: `tsg_${group}_v3.json`,
      }))
  : [];

const BODIES: Record<string, unknown> = {
  CreatAsmGroup: { name: 'New', description: 'A new group', is_default: false },
  UpdateAsmGroup: { name: 'Newer', description: 'What it is' },
  AddSuppressionToAsmGroup: { recipient_emails: ['new1@example.com', 'new2@example.com'] },
  SearchSuppressionFromAsmGroup: { recipient_emails: ['listed@example.com', 'nobody@example.com'] },
  CreateGlobalSuppression: { recipient_emails: ['new1@example.com'] },
  DeleteSuppressionBlocks: { delete_all: false, emails: ['listed@example.com', 'nobody@example.com'] },
  DeleteSuppressionBounces: { delete_all: true },
  DeleteInvalidEmails: { emails: ['listed@example.com'] },
  DeleteSpamReports: { delete_all: true },
  UpdateAddressWhitelist: { enabled: true, list: ['email1@example.com', 'example.com'] },
  UpdateBouncePurge: { enabled: true, soft_bounces: 5, hard_bounces: null },
};

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world?.stop());

/** An account of its own for each operation: two groups, and an address that is on every list. */
async function seed(account: string) {
  const address = 'listed@example.com';
  const entry = { created: AT - 60, reason: '550 5.1.1 unknown', status: '5.1.1', ip: '192.0.2.1' };
  await world.createGroup(account, { name: 'News', description: 'Our news', isDefault: true }, AT * 1_000);
  await world.createGroup(account, { name: 'Offers', description: 'Our offers', isDefault: false }, AT * 1_000);
  for (const list of ['bounces', 'blocks', 'invalid_emails', 'spam_reports', 'unsubscribes', 'group#1'] as const)
    await world.suppress({ account, address, list, entry: { ...entry, classification: 'Invalid Address' } });
}

const accountOf = (n: number) => `contract`.slice(0, 6) + String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26));

describe.skipIf(operations.length === 0)('the suppressions of SendGrid’s OpenAPI document', () => {
  it('are all routes, each with a scope', () => {
    expect(operations).toHaveLength(37);
    const known = ROUTES.map(({ method, path }) => `${method} ${path}`);
    const plain = (path: string) => path.replaceAll(/\{[^}]+\}/g, '{}');
    for (const { method, path } of operations) expect(known.map(plain)).toContain(`${method} ${plain(path)}`);
  });

  it.each(operations.map((one, n) => [`${one.method} ${one.path}`, one, n] as const))('%s', async (_, one, n) => {
    // Prepare
    const account = accountOf(n);
    await seed(account);
    const call = world.callBy(account);
    const path = one.path
      .replace('{group_id}', '1')
      .replace('{email}', encodeURIComponent('listed@example.com'))
      .replace('{classification}', encodeURIComponent('Invalid Address'));
    // Act
    const answer = await call(one.method, path, BODIES[one.id]);
    // Assess
    expect({ status: answer.status, problems: world.problems }).toEqual({ status: one.status, problems: [] });
    expect(answer.headers).toMatchObject({ 'X-RateLimit-Limit': '600', 'X-RateLimit-Remaining': '599' });
    const validate = schemaOf(one);
    if (!validate) expect(answer.body).toBe('');
    else
      expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({ errors: [] });
    // An empty answer would fit most schemas.
    if (one.method === 'GET') expect(answer.body.length).toBeGreaterThan(20);
  });

  it.each(operations.map((one) => [`${one.method} ${one.path}`, one] as const))(
    '%s without a key, or with one that lacks the scope: SendGrid’s errors',
    async (_, { method, path }) => {
      const call = world.callBy('strange2');
      const none = await call(method, path, undefined, { authorization: '' });
      expect([none.status, none.json]).toEqual([401, { errors: [{ field: null, message: 'authorization required' }] }]);
      const wrong = await call(method, path, undefined, { authorization: 'Bearer SG.x' });
      expect([wrong.status, wrong.json.errors[0].field]).toEqual([401, null]);
      const poor = world.callBy('strange2', {}, ['mail.send']);
      const refused = await poor(method, path);
      expect([refused.status, refused.json]).toEqual([403, { errors: [{ field: null, message: 'access forbidden' }] }]);
    },
  );
});

/** Of the documented success; undefined: it has no body. */
function schemaOf({ file, path, method, status }: Operation) {
  const document = JSON.parse(readFileSync(new URL(file, OAI), 'utf8'));
  const content = document.paths[path][method.toLowerCase()].responses[status].content;
  if (!content) return undefined;
  const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addSchema(document, 'oai');
  const pointer = [
    'paths',
    path,
    method.toLowerCase(),
    'responses',
    String(status),
    'content',
    'application/json',
    'schema',
  ];
  const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
  return ajv.compile({ $ref: `oai#/${escaped.join('/')}` });
}
