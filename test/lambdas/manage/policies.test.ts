/** Security policies of webhooks over the API, on real tables: what they secure, who is under them, and that none goes while somebody is. */
import { createPublicKey } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DomainRecord } from '../../../core/records/domains.ts';
import { hostsIn } from '../../../io/hosts.ts';
import { parseSettingsIn } from '../../../io/parse-settings.ts';
import { policiesIn } from '../../../io/policies.ts';
import type { ManageDeps } from '../../../lambdas/manage/manage.ts';
import { startManage } from './account.ts';

const POLICIES = '/v3/user/webhooks/security/policies';
const SETTINGS = '/v3/user/webhooks/parse/settings';
const OAUTH = {
  client_id: 'me',
  client_secret: 'very-secret',
  token_url: 'https://login.shop.example/token',
  scopes: ['mail.in'],
};
const SIGNED = { name: 'Signed', signature: { enabled: true } };

let world: Awaited<ReturnType<typeof startManage>>;
let tables: ReturnType<typeof policiesIn> & ReturnType<typeof parseSettingsIn>;
beforeAll(async () => {
  world = await startManage();
  tables = { ...policiesIn('Accounts', world.client), ...parseSettingsIn('Accounts', world.client) };
});
afterAll(() => world.stop());

const sealed: string[] = [];
const callBy = (account: string, overrides: Partial<ManageDeps> = {}) =>
  world.callBy(account, {
    ...tables,
    anyPort: false,
    sealPolicySecret: async (whose, policy, secret) => {
      sealed.push(`${whose} ${policy} ${secret.toString('latin1')}`);
      return `sealed-${sealed.length}`;
    },
    listDomains: async () => [{ domain: `${account}.example` } as DomainRecord],
    ...overrides,
  });
const settingOf = (account: string, security_policy?: unknown) => ({
  hostname: `in.${account}.example`,
  url: 'https://hooks.shop.example/in',
  spam_check: false,
  send_raw: false,
  ...(security_policy === undefined ? {} : { security_policy }),
});

describe('a policy', () => {
  it('has a key for signatures, or a client, or both; its secrets are sealed for it and never shown', async () => {
    const call = callBy('secrets2');
    const made = await call('POST', POLICIES, { name: 'Both', oauth: OAUTH, signature: { enabled: true } });
    expect(made.status).toBe(201);
    const { policy } = made.json;
    const { client_secret: _, ...shown } = OAUTH;
    expect(policy).toEqual({
      id: expect.any(String),
      name: 'Both',
      oauth: shown,
      signature: { public_key: expect.stringMatching(/^MFkwEwYHKoZIzj0CAQ/) },
    });
    const key = createPublicKey({
      key: Buffer.from(policy.signature.public_key, 'base64'),
      format: 'der',
      type: 'spki',
    });
    expect(key.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect((await call('GET', `${POLICIES}/${policy.id}`)).json).toEqual({ policy });
    expect((await call('GET', POLICIES)).json).toEqual({ policies: [policy] });
    expect(sealed.filter((one) => one.startsWith(`secrets2 ${policy.id} `))).toHaveLength(2);
    // Attack: whoever reads the table, or a backup of it, has the secrets.
    const { Items = [] } = await world.client.send(new ScanCommand({ TableName: 'Accounts' }));
    expect(JSON.stringify(Items)).not.toContain('very-secret');
    expect(JSON.stringify(Items)).not.toMatch(/BEGIN|MIGHAgEAMBMGByqGSM49/);
  });

  it('changes by what is said; a signature that comes again has another key', async () => {
    const call = callBy('changes2');
    const { id, signature } = (await call('POST', POLICIES, SIGNED)).json.policy;
    const change = async (body: object) => (await call('PATCH', `${POLICIES}/${id}`, body)).json.policy;
    expect(await change({ name: 'Renamed' })).toEqual({ id, name: 'Renamed', signature });
    expect(await change({ oauth: OAUTH, signature: { enabled: false } })).toEqual({
      id,
      name: 'Renamed',
      oauth: expect.objectContaining({ client_id: 'me' }),
    });
    expect((await change({ oauth: { scopes: [] } })).oauth).toEqual({
      client_id: 'me',
      token_url: OAUTH.token_url,
      scopes: [],
    });
    const again = await change({ signature: { enabled: true }, oauth: null });
    expect(Object.keys(again)).toEqual(['id', 'name', 'signature']);
    expect(again.signature.public_key).not.toBe(signature.public_key);
  });

  // Attack: a key that may change policies has the secret sent to a server of its own.
  it('does not send its secret to another token URL, unless the secret comes with it', async () => {
    const call = callBy('exfiltra');
    const { id } = (await call('POST', POLICIES, { name: 'x', oauth: OAUTH })).json.policy;
    const elsewhere = { token_url: 'https://attacker.example/token' };
    const refused = await call('PATCH', `${POLICIES}/${id}`, { oauth: elsewhere });
    expect([refused.status, refused.json.errors[0].field]).toEqual([400, 'oauth.client_secret']);
    expect((await call('PATCH', `${POLICIES}/${id}`, { oauth: { ...elsewhere, client_secret: 'new' } })).status).toBe(
      200,
    );
  });

  it.each([
    [null, undefined],
    [null, []],
    [null, { name: 'nothing' }],
    [null, { signature: { enabled: false } }],
    ['name', { name: 5, signature: { enabled: true } }],
    ['name', { name: 'x'.repeat(256), signature: { enabled: true } }],
    ['signature.enabled', { signature: true }],
    ['signature.enabled', { signature: { enabled: 'yes' } }],
    ['oauth', { oauth: 'me' }],
    ['oauth.client_id', { oauth: { token_url: 'https://a.example/' } }],
    ['oauth.token_url', { oauth: { client_id: 'me' } }],
    ['oauth.token_url', { oauth: { client_id: 'me', token_url: 'ftp://a.example/' } }],
    ['oauth.token_url', { oauth: { client_id: 'me', token_url: 'https://a.example:6379/' } }],
    ['oauth.scopes', { oauth: { client_id: 'me', token_url: 'https://a.example/', scopes: ['two words'] } }],
    ['oauth.scopes', { oauth: { client_id: 'me', token_url: 'https://a.example/', scopes: [5] } }],
    ['oauth.scopes', { oauth: { client_id: 'me', token_url: 'https://a.example/', scopes: 'one' } }],
  ])('names %s where it is wrong: %j', async (field, body) => {
    const { status, json } = await callBy('wrongs22')('POST', POLICIES, body);
    expect([status, json.errors[0].field ?? null]).toEqual([400, field]);
  });

  it('is one of fifty at most', async () => {
    const call = callBy('fifty222');
    for (let n = 0; n < 50; n++) expect((await call('POST', POLICIES, SIGNED)).status).toBe(201);
    expect((await call('POST', POLICIES, SIGNED)).status).toBe(400);
  });

  // Attack: another account's policy is read, changed, used or taken away.
  it('is its account’s alone', async () => {
    const { id } = (await callBy('victim22')('POST', POLICIES, SIGNED)).json.policy;
    const attack = callBy('attacker');
    for (const [method, body] of [['GET'], ['PATCH', { name: 'mine' }], ['DELETE']] as const)
      expect((await attack(method, `${POLICIES}/${id}`, body)).status).toBe(404);
    const used = await attack('POST', SETTINGS, settingOf('attacker', id));
    expect([used.status, used.json.errors[0].field]).toEqual([400, 'security_policy']);
    expect((await callBy('victim22')('GET', `${POLICIES}/${id}`)).json.policy.name).toBe('Signed');
    expect((await attack('GET', `${POLICIES}/${'x'.repeat(600)}`)).status).toBe(404);
  });
});

describe('a parse setting', () => {
  it('goes under a policy and out of it again; a policy with something under it goes only with force', async () => {
    const call = callBy('shopshop');
    const { id } = (await call('POST', POLICIES, SIGNED)).json.policy;
    const made = await call('POST', SETTINGS, settingOf('shopshop', id));
    expect([made.status, made.json.security_policy]).toEqual([201, id]);
    const host = `${SETTINGS}/in.shopshop.example`;
    // What is not said stays.
    expect((await call('PATCH', host, { send_raw: true })).json).toMatchObject({ send_raw: true, security_policy: id });

    const refused = await call('DELETE', `${POLICIES}/${id}`);
    expect([refused.status, refused.json.errors[0].message]).toEqual([
      400,
      expect.stringContaining('in use: take in.shopshop.example out of it first'),
    ]);
    expect((await call('DELETE', `${POLICIES}/${id}?force=perhaps`)).status).toBe(400);

    expect((await call('PATCH', host, { security_policy: null })).json).not.toHaveProperty('security_policy');
    expect((await call('PATCH', host, { security_policy: id })).json.security_policy).toBe(id);
    const forced = await call('DELETE', `${POLICIES}/${id}?force=true`);
    expect([forced.status, forced.json]).toEqual([200, { policy: id }]);
    expect((await call('GET', host)).json).toEqual({ ...settingOf('shopshop'), send_raw: true });
    expect((await call('DELETE', `${POLICIES}/${id}`)).status).toBe(404);
  });

  it('under a policy that is none is refused, and its host name stays free', async () => {
    const call = callBy('nothing2');
    for (const wrong of ['none', 5, {}, 'x'.repeat(101)]) {
      const { status, json } = await call('POST', SETTINGS, settingOf('nothing2', wrong));
      expect([status, json.errors[0].field]).toEqual([400, 'security_policy']);
    }
    expect(await hostsIn('Accounts', world.client).readHost('in.nothing2.example')).toBeUndefined();
    expect((await call('POST', SETTINGS, settingOf('nothing2'))).status).toBe(201);
    const changed = await call('PATCH', `${SETTINGS}/in.nothing2.example`, { security_policy: 'none' });
    expect([changed.status, changed.json.errors[0].field]).toEqual([400, 'security_policy']);
  });

  // Attack: a policy is taken away at the moment at which a setting goes under it: mail would be signed by nobody, without a word.
  it('is never left under a policy that is gone, whoever comes first', async () => {
    const call = callBy('racerace');
    await call('POST', SETTINGS, settingOf('racerace'));
    const host = `${SETTINGS}/in.racerace.example`;
    for (let n = 0; n < 15; n++) {
      const { id } = (await call('POST', POLICIES, SIGNED)).json.policy;
      const [put, gone] = await Promise.all([
        call('PATCH', host, { security_policy: id }),
        call('DELETE', `${POLICIES}/${id}`),
      ]);
      const { security_policy: under } = (await call('GET', host)).json;
      const there = (await call('GET', `${POLICIES}/${id}`)).status === 200;
      expect({ put: put.status, gone: gone.status, under: under === id, there }).toEqual(
        there ? { put: 200, gone: 400, under: true, there } : { put: 400, gone: 200, under: false, there },
      );
      if (there) await call('DELETE', `${POLICIES}/${id}?force=true`);
    }
  });
});
