/** `/v3/whitelabel/domains` on real tables, a name server and Route 53 on loopback: what it does, to whom, and what it refuses. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DomainRecord, domainKey } from '../../../core/records/domains.ts';
import { zoneIsFull } from '../../../core/senders/authentication.ts';
import { startSenders, strings } from './senders.ts';

const PATH = '/v3/whitelabel/domains';
let world: Awaited<ReturnType<typeof startSenders>>;
beforeAll(async () => {
  world = await startSenders();
});
afterAll(() => world.stop());
beforeEach(() => world.dns.reset());

test('automatic security: three CNAMEs, once; the records behind them are ours; valid when DNS says so, then it may send', async () => {
  // Prepare
  const call = world.callBy('automat2');

  // Act
  const made = await call('POST', PATH, { domain: 'Example.COM', default: true });

  // Assess
  expect(made.status).toBe(201);
  const { id, dns } = made.json;
  expect(made.json).toMatchObject({ domain: 'example.com', automatic_security: true, default: true, valid: false });
  expect(Object.keys(dns)).toEqual(['mail_cname', 'dkim1', 'dkim2', 'dmarc']);
  expect(dns.mail_cname).toMatchObject({ type: 'cname', host: expect.stringMatching(/^em\d{4}\.example\.com$/) });
  expect(dns.dkim2).toMatchObject({ host: 's2._domainkey.example.com' });
  expect(world.changes.filter((one) => one.includes(dns.mail_cname.data))).toEqual([
    `set TXT ${dns.mail_cname.data}`,
    `set MX ${dns.mail_cname.data}`,
    `set TXT s1.domainkey.${dns.mail_cname.data}`,
    `set TXT s2.domainkey.${dns.mail_cname.data}`,
  ]);
  expect(await world.readSendingDomain('automat2', 'example.com')).toBeUndefined();

  // Act: nothing is published, then all is
  const early = await call('POST', `${PATH}/${id}/validate`);
  world.publish(made.json);
  const late = await call('POST', `${PATH}/${id}/validate`);

  // Assess
  expect(early.json).toMatchObject({ id, valid: false });
  expect(early.json.validation_results.dkim1.reason).toContain(`it must lead to ${dns.dkim1.data}`);
  expect(late.json).toMatchObject({
    valid: true,
    validation_results: {
      mail_cname: { valid: true, reason: null },
      dkim1: { valid: true, reason: null },
      dkim2: { valid: true, reason: null },
      spf: { valid: true, reason: null },
    },
  });
  expect(await world.readSendingDomain('automat2', 'example.com')).toMatchObject({ domain: 'example.com' });
  expect((await call('GET', `${PATH}/${id}`)).json).toMatchObject({ valid: true, dns: { dkim1: { valid: true } } });
  expect((await call('GET', `${PATH}/default`)).json).toMatchObject([{ id, default: true }]);
  expect(world.problems).toEqual([]);
});

test('a validation says of each record what is wrong; a look-up that fails takes nothing away that was known', async () => {
  // Prepare
  const call = world.callBy('reasons2');
  const { json: made } = await call('POST', PATH, { domain: 'reasons.example', automatic_security: false });
  const { id, dns } = made;
  expect(Object.keys(dns)).toEqual(['subdomain_spf', 'mail_server', 'domain_spf', 'dkim', 'dmarc']);
  const results = async () => (await call('POST', `${PATH}/${id}/validate`)).json;

  // Act and assess: all wrong, each in its own way
  world.dns.zone = {
    [`MX ${dns.mail_server.host}`]: [{ data: { preference: 10, exchange: 'elsewhere.example' } }],
    [`TXT ${dns.subdomain_spf.host}`]: [{ data: [Buffer.from('v=spf1 ip4:192.0.2.1 -all')] }],
    [`TXT ${dns.dkim.host}`]: [{ data: [Buffer.from('v=DKIM1; p=')] }],
    [`TXT ${dns.dmarc.host}`]: 'SERVFAIL',
  };
  const wrong = await results();
  expect(wrong.valid).toBe(false);
  expect(wrong.validation_results.mail_server.reason).toContain('it does not name smtp.example.net');
  expect(wrong.validation_results.subdomain_spf.reason).toContain('it does not name ip4:192.0.2.2');
  expect(wrong.validation_results.dkim.reason).toContain('revoked');
  expect(wrong.validation_results.dmarc.reason).toContain('failed (ESERVFAIL)');

  // all right
  world.publish(made);
  expect((await results()).valid).toBe(true);
  expect(await world.readSendingDomain('reasons2', 'reasons.example')).toBeDefined();

  // DNS is down: the answer says so, and mail goes on
  world.dns.zone[`TXT ${dns.dkim.host}`] = 'SERVFAIL';
  expect((await results()).valid).toBe(false);
  expect(await world.readSendingDomain('reasons2', 'reasons.example')).toBeDefined();

  // the record is gone: nothing is sent any more
  delete world.dns.zone[`TXT ${dns.dkim.host}`];
  expect((await results()).valid).toBe(false);
  expect(await world.readSendingDomain('reasons2', 'reasons.example')).toBeUndefined();
});

test('its own SPF counts where the account asks for it; addresses that it names are some of the stack’s', async () => {
  const call = world.callBy('spfspf22');
  const { json: made } = await call('POST', PATH, {
    domain: 'spf.example',
    automatic_security: false,
    custom_spf: true,
    ips: ['192.0.2.2'],
  });
  expect(made.dns.subdomain_spf.data).toBe('v=spf1 ip4:192.0.2.2 -all');
  world.publish(made);
  world.dns.zone['TXT spf.example'] = [{ data: [Buffer.from('v=spf1 mx -all')] }];
  const first = (await call('POST', `${PATH}/${made.id}/validate`)).json;
  expect([first.valid, first.validation_results.domain_spf.reason]).toEqual([
    false,
    expect.stringContaining('does not include em'),
  ]);
  expect((await call('PATCH', `${PATH}/${made.id}`, { custom_spf: false })).json).toMatchObject([
    { custom_spf: false },
  ]);
  expect((await call('POST', `${PATH}/${made.id}/validate`)).json.valid).toBe(true);
  const added = await call('POST', `${PATH}/${made.id}/ips`, { ip: '192.0.2.1' });
  expect(added.json.ips).toEqual(['192.0.2.2', '192.0.2.1']);
  expect((await call('DELETE', `${PATH}/${made.id}/ips/192.0.2.2`)).json.ips).toEqual(['192.0.2.1']);
  expect((await call('DELETE', `${PATH}/${made.id}/ips/192.0.2.2`)).status).toBe(404);
  expect((await call('POST', `${PATH}/${made.id}/ips`, { ip: '203.0.113.9' })).json.errors[0].field).toBe('ip');
});

test('keys take turns: automatic at once and a week apart, by hand when the next one is published', async () => {
  // Prepare
  const call = world.callBy('rotate22');
  const { json: made } = await call('POST', PATH, { domain: 'turns.example', custom_dkim_selector: 'abc' });
  world.publish(made);
  await call('POST', `${PATH}/${made.id}/validate`);
  const rotate = () => call('POST', `${PATH}/${made.id}/rotate`);
  const states = (answer: { json: { keys: { selector: string; state: string }[] } }) =>
    answer.json.keys.map(({ selector, state }) => `${selector} ${state}`);
  const start = world.clock.now;

  // Act
  const first = await rotate();
  const early = await rotate();
  world.clock.now = start + 8 * 86_400_000;
  const made2 = await rotate();
  const second = await rotate();
  world.clock.now = start;

  // Assess
  expect(states(first)).toEqual(['abc retired', 'abc2 active']);
  expect([early.status, early.json.errors[0].message]).toEqual([400, expect.stringContaining('less than a week ago')]);
  expect(states(made2)).toEqual(['abc2 active', 'abc pending']);
  expect(states(second)).toEqual(['abc2 retired', 'abc active']);
  // The customer did nothing, and it is valid all the time.
  expect((await call('POST', `${PATH}/${made.id}/validate`)).json.valid).toBe(true);

  // By hand
  const { json: hand } = await call('POST', PATH, { domain: 'hand.example', automatic_security: false });
  world.publish(hand);
  await call('POST', `${PATH}/${hand.id}/validate`);
  const waiting = await call('POST', `${PATH}/${hand.id}/rotate`);
  expect(states(waiting)).toEqual(['m1 active', 'm2 pending']);
  const { host, data } = waiting.json.keys[1];
  expect((await call('POST', `${PATH}/${hand.id}/rotate`)).json.errors[0].message).toContain(
    `${host} is not published`,
  );
  world.dns.zone[`TXT ${host}`] = [{ data: strings(data) }];
  await call('POST', `${PATH}/${hand.id}/validate`);
  expect((await call('GET', `${PATH}/${hand.id}`)).json.dns.dkim.host).toBe('m2._domainkey.hand.example');
});

test('a subuser sends by what its parent lends, five at most, until the parent takes it back or loses it', async () => {
  // Prepare
  const call = world.callBy('parent22');
  await world.addSubuser('parent22', 'Shop', 'subuser2');
  const ids: number[] = [];
  for (let n = 0; n < 6; n++) {
    const { json: made } = await call('POST', PATH, { domain: `lent${n}.example`, automatic_security: false });
    world.publish(made);
    ids.push(made.id);
  }
  const lend = (n: number, how = 'subuser:add', username = 'Shop') =>
    call('POST', `${PATH}/${ids[n]}/${how}`, { username });

  // Act and assess
  expect((await lend(0)).json.errors[0].message).toContain('validate the domain');
  for (const id of ids) await call('POST', `${PATH}/${id}/validate`);
  expect((await lend(0, 'subuser:add', 'nobody')).json.errors[0].field).toBe('username');
  for (let n = 0; n < 5; n++) expect((await lend(n)).status).toBe(201);
  expect((await lend(5)).json.errors[0].message).toContain('5 domains');
  expect((await lend(2)).status).toBe(201);
  const lent = (await call('GET', `${PATH}/subuser/all?username=Shop`)).json;
  expect(lent.map(({ domain }: { domain: string }) => domain).sort()).toEqual(
    [0, 1, 2, 3, 4].map((n) => `lent${n}.example`),
  );
  expect(await world.readSendingDomain('subuser2', 'lent3.example')).toMatchObject({ pk: 'parent22' });
  expect((await call('DELETE', `${PATH}/subuser?username=Shop`)).status).toBe(400);

  expect((await call('DELETE', `${PATH}/${ids[3]}/subuser?username=Shop`)).status).toBe(204);
  expect(await world.readSendingDomain('subuser2', 'lent3.example')).toBeUndefined();
  expect((await lend(5, 'subuser')).json.domain).toBe('lent5.example');
  expect((await call('GET', `${PATH}/subuser?username=Shop`)).json.domain).toBe('lent5.example');
  expect(await world.readSendingDomain('subuser2', 'lent0.example')).toBeUndefined();
  expect((await call('DELETE', `${PATH}/${ids[5]}`)).status).toBe(204);
  expect(await world.readSendingDomain('subuser2', 'lent5.example')).toBeUndefined();
  expect((await call('GET', `${PATH}/subuser?username=Shop`)).status).toBe(404);
  // On behalf: the domain becomes the subuser's own.
  const own = await call('POST', PATH, { domain: 'own-shop.example', username: 'Shop', automatic_security: false });
  expect(own.json).toMatchObject({ username: 'Shop', domain: 'own-shop.example' });
  expect((await call('GET', `${PATH}?username=Shop`)).json).toHaveLength(1);
  expect(await world.readOwnDomain('subuser2', 'own-shop.example')).toBeDefined();
});

test('the compliance check names what receivers would: DKIM, SPF, DMARC and its alignment, key size, names of addresses', async () => {
  const call = world.callBy('comply22');
  const { json: made } = await call('POST', PATH, { domain: 'comply.example', automatic_security: false });
  const check = async () => (await call('GET', `${PATH}/${made.id}/compliance`)).json;
  const before = await check();
  expect(before.ready).toBe(false);
  world.publish(made);
  const { zone } = world.dns;
  zone['TXT _dmarc.comply.example'] = [{ data: [Buffer.from('v=DMARC1; p=reject; aspf=s')] }];
  zone['A smtp.example.net'] = [{ data: '192.0.2.9' }];
  for (const [n, ip] of [
    [1, '192.0.2.1'],
    [2, '192.0.2.2'],
  ] as const) {
    zone[`A mta${n}.example.net`] = [{ data: ip }];
    zone[`PTR ${n}.2.0.192.in-addr.arpa`] = [{ data: `mta${n}.example.net` }];
  }
  const after = await check();
  const brief = after.findings.map(({ check: what, state }: { check: string; state: string }) => `${what} ${state}`);
  expect(brief.sort()).toEqual(['dkim ok', 'dkim ok', 'dmarc note', 'ptr ok', 'ptr ok', 'return path ok', 'spf ok']);
  expect(after.ready).toBe(true);
  expect(JSON.stringify(after)).toContain('2048 bits');
});

// Attack: a tenant authenticates a domain of the operator's, in the hope that the stack itself publishes the proof in his zone.
test('records are written into the operator’s zone for the operator’s own account alone, and never in place of what is there', async () => {
  world.changes.length = 0;
  await world.callBy('attack22')('POST', PATH, { domain: 'own.example', automatic_security: false });
  await world.callBy('attack23')('POST', PATH, { domain: 'own.example', automatic_security: true });
  expect(world.changes.filter((one) => /(^|\.| )own\.example$/.test(one))).toEqual([]);
  const operator = world.callBy('operator');
  const made = await operator('POST', PATH, { domain: 'own.example', automatic_security: true });
  expect(world.changes.filter((one) => one.endsWith('.own.example'))).toHaveLength(4);
  expect((await operator('POST', `${PATH}/${made.json.id}/validate`)).json.valid).toBe(true);
  // Its records go with it; made again, it finds its place free.
  expect((await operator('DELETE', `${PATH}/${made.json.id}`)).status).toBe(204);
  expect(world.changes.filter((one) => one.startsWith('removed') && one.endsWith('.own.example'))).toHaveLength(4);
});

// Attack: a tenant names domains that are not his, thousands of them, one after the other or at once, makes and deletes them at the same time,
// until the operator's zone takes no record of anybody's any more (Route 53: 10,000).
test('domains that nobody has proved fill no zone: ten of an account, however many calls at once', async () => {
  const standing = () => {
    const there = new Set<string>();
    for (const change of world.changes) {
      const [what, ...record] = change.split(' ');
      if (what === 'set') there.add(record.join(' '));
      else there.delete(record.join(' '));
    }
    return there.size;
  };
  world.changes.length = 0;
  const call = world.callBy('filler22');
  const create = (n: number, more = {}) => call('POST', PATH, { domain: `stranger${n}.example`, ...more });

  // Act: a burst, then one more, then by hand
  const burst = await Promise.all(Array.from({ length: 40 }, (_, n) => create(n)));
  for (let n = 100; n < 115; n++) await create(n);
  const one = await create(200);
  const byHand = await create(201, { automatic_security: false });

  // Assess
  expect(burst.filter(({ status }) => status === 201).length).toBeLessThanOrEqual(10);
  expect(burst.filter(({ status }) => status >= 500)).toEqual([]);
  expect([one.status, one.json.errors[0]]).toEqual([
    400,
    { field: 'automatic_security', message: expect.stringContaining('validate or delete one') },
  ]);
  expect(byHand.status).toBe(201);
  const own = (await call('GET', `${PATH}?limit=500`)).json as { id: number; automatic_security: boolean }[];
  expect(own.filter((made) => made.automatic_security)).toHaveLength(10);
  expect(standing()).toBe(40);

  // One that is proved makes room; so does one that is deleted, whatever is done to it at the same time, and leaves nothing behind.
  const { json: mine } = await call('GET', `${PATH}/${own[0]!.id}`);
  world.publish(mine);
  expect((await call('POST', `${PATH}/${own[0]!.id}/validate`)).json.valid).toBe(true);
  expect((await create(202)).status).toBe(201);
  for (const { id } of own)
    await Promise.all([
      call('POST', `${PATH}/${id}/ips`, { ip: '192.0.2.1' }),
      call('DELETE', `${PATH}/${id}`),
      call('POST', `${PATH}/${id}/validate`),
    ]);
  expect(standing()).toBe(4);
  expect((await create(203)).status).toBe(201);
});

test('an account has a hundred domains with automatic security at most; the operator, whose zone it is, has no limit of these', () => {
  const record = (n: number, validAt?: number) => ({
    ...domainKey('filler23', `d${n}.example`),
    ...({ domain: `d${n}.example`, validAt, authentication: { automatic: true } } as DomainRecord),
  });
  const proven = Array.from({ length: 100 }, (_, n) => record(n, 1));
  expect(zoneIsFull('filler23', proven.slice(1))).toBeUndefined();
  expect(zoneIsFull('filler23', proven)).toContain('100 domains');
  expect(zoneIsFull('operator', [...proven, ...Array.from({ length: 20 }, (_, n) => record(n))])).toBeUndefined();
});

// Attack: accounts come and go, and leave their records.
test('the records of a subuser’s domains go with it', async () => {
  const parent = world.callBy('records2', { sources: [{ ip: '192.0.2.1', lane: 'a-1' }] });
  await parent('POST', '/v3/subusers', {
    username: 'Leaver',
    email: 'leaver@example.com',
    password: 'a-Password-of-12',
    ips: ['192.0.2.1'],
  });
  world.changes.length = 0;
  const made = await parent('POST', PATH, { domain: 'leaver.example', username: 'Leaver' });
  expect([made.status, world.changes.length]).toEqual([201, 4]);
  expect((await parent('DELETE', '/v3/subusers/Leaver')).status).toBe(204);
  expect(world.changes.slice(4).sort()).toEqual(
    world.changes
      .slice(0, 4)
      .map((one) => one.replace('set', 'removed'))
      .sort(),
  );
});

// Attack: a tenant takes the name of another's inbound host as the subdomain of his return path, and so the other's mail.
test('a return path is claimed only once DNS says that it is the account’s', async () => {
  const attacker = world.callBy('squatter');
  const { json: made } = await attacker('POST', PATH, {
    domain: 'victim.example',
    subdomain: 'parse',
    automatic_security: false,
  });
  const { hostsIn } = await import('../../../io/hosts.ts');
  const hosts = hostsIn('Accounts', world.client);
  expect(await hosts.readHost('parse.victim.example')).toBeUndefined();
  expect((await attacker('POST', `${PATH}/${made.id}/validate`)).json.valid).toBe(false);
  expect(await hosts.readHost('parse.victim.example')).toBeUndefined();
  await hosts.claimHost({ pk: 'host#parse.victim.example', sk: 'host', account: 'victim22', kind: 'parse' });
  world.publish(made);
  const late = (await attacker('POST', `${PATH}/${made.id}/validate`)).json;
  expect([late.valid, late.validation_results.mail_server.reason]).toEqual([
    false,
    expect.stringContaining('choose another subdomain'),
  ]);
});

// Attack: a tenant says that a domain is his, and has another's inbound mail come to him.
test('a domain that DNS has not proved gives no host of inbound parse', async () => {
  const { parseSettingsIn } = await import('../../../io/parse-settings.ts');
  const { accountsIn } = await import('../../../io/accounts.ts');
  const { listDomains } = accountsIn('Accounts', world.client);
  const call = world.callBy('parsebad', { ...parseSettingsIn('Accounts', world.client), listDomains, anyPort: false });
  const { json: made } = await call('POST', PATH, { domain: 'parsed.example', automatic_security: false });
  const setting = { hostname: 'in.parsed.example', url: 'https://hook.example/' };
  const early = await call('POST', '/v3/user/webhooks/parse/settings', setting);
  world.publish(made);
  await call('POST', `${PATH}/${made.id}/validate`);
  expect([early.status, early.json.errors[0].field]).toEqual([400, 'hostname']);
  expect((await call('POST', '/v3/user/webhooks/parse/settings', setting)).status).toBe(201);
});

test.each([
  [{}, 'domain'],
  [{ domain: 'localhost' }, 'domain'],
  [{ domain: '192.0.2.1' }, 'domain'],
  [{ domain: 7 }, 'domain'],
  [{ domain: 'a.example', subdomain: 'a.b' }, 'subdomain'],
  [{ domain: 'a.example', subdomain: '' }, 'subdomain'],
  [{ domain: 'a.example', ips: ['203.0.113.1'] }, 'ips.0'],
  [{ domain: 'a.example', ips: 'x' }, 'ips'],
  [{ domain: 'a.example', default: 'yes' }, 'default'],
  [{ domain: 'a.example', custom_dkim_selector: 'long4' }, 'custom_dkim_selector'],
  [{ domain: 'a.example', region: 'eu' }, 'region'],
  [{ domain: 'a.example', username: 'nobody' }, 'username'],
])('%j is refused: %s', async (body, field) => {
  const answer = await world.callBy('refuse22')('POST', PATH, body);
  expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
});

test('automatic security needs a zone of the stack: asked for, it is refused; not asked for, the records are published by hand', async () => {
  const sending = { ...world.deps.sending!, targets: undefined };
  const call = world.callBy('nozone22', { sending });
  const refused = await call('POST', PATH, { domain: 'nozone.example', automatic_security: true });
  expect([refused.status, refused.json.errors[0].field]).toEqual([400, 'automatic_security']);
  const made = await call('POST', PATH, { domain: 'nozone.example' });
  expect([made.status, made.json.automatic_security]).toEqual([201, false]);
  const again = await call('POST', PATH, { domain: 'nozone.example' });
  expect(again.json.errors[0].message).toBe('A domain authentication already exists for this URL.');
});

test('lists are in pages, with links to the others, and by domain', async () => {
  const call = world.callBy('paging22');
  for (let n = 0; n < 5; n++) await call('POST', PATH, { domain: `p${n}.example`, automatic_security: false });
  const second = await call('GET', `${PATH}?limit=2&offset=2`);
  expect(second.json.map(({ domain }: { domain: string }) => domain)).toHaveLength(2);
  expect(second.headers.Link).toContain('offset=4>; rel="next"; title="3"');
  expect((await call('GET', `${PATH}?domain=P3`)).json).toHaveLength(1);
  expect((await call('GET', `${PATH}?limit=0`)).json.errors[0].field).toBe('limit');
});
