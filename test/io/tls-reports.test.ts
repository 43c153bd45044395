import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tlsReportsIn } from '../../io/tls-reports.ts';
import { startDynamodb } from './dynamodb.ts';

const TABLE = 'sites';
const POLICY = { mode: 'enforce' as const, mx: ['mx.x.test'], maxAge: 86_400, id: 'a1' };
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb([TABLE]);
});
afterAll(() => dynamodb.stop());

describe('counters of a day', () => {
  it('add up, however many environments count at once', async () => {
    const { addTlsCounts, readTlsCounts } = tlsReportsIn(TABLE, dynamodb.client);
    const failure = {
      type: 'validation-failure' as const,
      host: 'mx.x.test',
      sessions: 1,
      address: '192.0.2.1',
      reason: 'why'.repeat(100),
    };
    const counts = [
      { domain: 'x.test', policy: POLICY, ok: 3, failed: 1, failures: [failure] },
      { domain: 'y.test', ok: 1, failed: 0, failures: [] },
    ];

    await Promise.all(Array.from({ length: 10 }, () => addTlsCounts('2026-11-23', counts)));
    await addTlsCounts('2026-11-24', counts);

    const read = await readTlsCounts('2026-11-23');
    expect(Object.fromEntries(read)).toEqual({
      'x.test': [
        {
          ...counts[0],
          ok: 30,
          failed: 10,
          failures: [{ ...failure, sessions: 10, reason: 'why'.repeat(100).slice(0, 200) }],
        },
      ],
      'y.test': [{ ...counts[1], ok: 10 }],
    });
    expect((await readTlsCounts('2026-11-22')).size).toBe(0);
  });

  it('tell of each policy by itself', async () => {
    const { addTlsCounts, readTlsCounts } = tlsReportsIn(TABLE, dynamodb.client);
    const none = { domain: 'z.test', ok: 1, failed: 0, failures: [] };
    await addTlsCounts('2026-11-25', [none, { ...none, policy: POLICY }, { ...none, policy: { ...POLICY, id: 'a2' } }]);
    const policies = (await readTlsCounts('2026-11-25')).get('z.test')!.map(({ policy }) => policy?.id);
    expect(policies.sort()).toEqual(['a1', 'a2', undefined]);
  });

  it('remember what was sent', async () => {
    const { recordTlsSent, readTlsSent, readTlsCounts } = tlsReportsIn(TABLE, dynamodb.client);
    await recordTlsSent('2026-11-26', 'x.test', { tries: 1, done: false });
    await recordTlsSent('2026-11-26', 'x.test', { tries: 2, done: true });
    await recordTlsSent('2026-11-26', 'y.test', { tries: 1, done: true });
    expect(Object.fromEntries(await readTlsSent('2026-11-26'))).toEqual({
      'x.test': { tries: 2, done: true },
      'y.test': { tries: 1, done: true },
    });
    expect((await readTlsCounts('2026-11-26')).size).toBe(0);
  });
});
