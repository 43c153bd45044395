/** Verified senders, branded links, names of addresses, records by mail: what they do, and what they refuse. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startSenders } from './senders.ts';

const SENDERS = '/v3/verified_senders';
const LINKS = '/v3/whitelabel/links';
const IPS = '/v3/whitelabel/ips';
const SENDER = { nickname: 'Orders', from_email: 'Orders@gmail.example', reply_to: 'answers@gmail.example' };

let world: Awaited<ReturnType<typeof startSenders>>;
beforeAll(async () => {
  world = await startSenders();
  const operator = world.callBy('operator');
  const { json } = await operator('POST', '/v3/whitelabel/domains', { domain: 'own.example' });
  await operator('POST', `/v3/whitelabel/domains/${json.id}/validate`);
});
afterAll(() => world.stop());
beforeEach(() => {
  world.dns.reset();
  world.holds.length = 0;
  // A day of its own: mails of ours to one reader are counted by the day.
  world.clock.now += 86_400_000;
});

/** The mail that was held last. */
function mail() {
  const hold = world.holds.at(-1);
  if (hold?.kind !== 'job') throw new Error('no mail was held');
  const { content, copies, account } = hold.job;
  const text = content!.parts[0]!.value;
  return {
    account,
    from: content!.from.email,
    to: copies[0]!.address,
    text,
    link: /https:\/\/\S+/.exec(text)?.[0] ?? '',
  };
}

test('an address may be sent from once whoever reads its mail has pressed the button; then it may not, when it is deleted', async () => {
  // Prepare
  const call = world.callBy('single22');

  // Act
  const made = await call('POST', SENDERS, SENDER);
  const { link, ...sent } = mail();
  const anonymous = { authorization: '' };
  const opened = await call('GET', link, undefined, anonymous);
  const early = await world.readVerifiedSender('single22', 'orders@gmail.example');
  const pressed = await call('POST', link, undefined, anonymous);
  const again = await call('POST', link, undefined, anonymous);

  // Assess
  expect([made.status, made.json.verified]).toEqual([201, false]);
  expect(sent).toMatchObject({ account: 'operator', from: 'no-reply@own.example', to: 'Orders@gmail.example' });
  expect([opened.status, opened.body.includes('<button>')]).toEqual([200, true]);
  expect(early).toBeUndefined();
  expect([pressed.status, again.status]).toEqual([200, 404]);
  expect(await world.readVerifiedSender('single22', 'ORDERS@gmail.example')).toMatchObject({ domain: 'own.example' });
  expect(await world.readVerifiedSender('single22', 'other@gmail.example')).toBeUndefined();
  expect((await call('GET', `${SENDERS}/steps_completed`)).json).toEqual({
    results: { sender_verified: true, domain_verified: false },
  });
  expect((await call('DELETE', `${SENDERS}/${made.json.id}`)).status).toBe(204);
  expect(await world.readVerifiedSender('single22', 'orders@gmail.example')).toBeUndefined();
});

// Attack: a tenant guesses, changes or keeps links, or uses his own for another's sender.
test('a link counts for two days, for one sender, beside those sent after it, and until one of them is used', async () => {
  const call = world.callBy('linkold2');
  const victim = world.callBy('linkvic2');
  const { json: made } = await call('POST', SENDERS, SENDER);
  const former = mail().link;
  await call('POST', `${SENDERS}/resend/${made.id}`);
  const first = mail().link;
  const press = (link: string) => call('POST', link, undefined, { authorization: '' });
  const start = world.clock.now;
  world.clock.now = start + 2 * 86_400_000 + 1;
  expect((await press(first)).status).toBe(404);
  world.clock.now = start;
  expect((await call('GET', former, undefined, { authorization: '' })).status).toBe(200);
  expect((await press(first.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))).status).toBe(404);
  expect((await press(first.replace('linkold2', 'linkvic2'))).status).toBe(404);
  await victim('POST', SENDERS, SENDER);
  const theirs = mail().link;
  expect((await call('GET', theirs)).status).toBe(404);
  for (const path of ['', '.', 'a.b.c', `linkold2.${made.id}.`, '%00', 'x'.repeat(5_000)])
    expect((await press(`https://api.example${SENDERS}/verify/${path}`)).status).toBe(404);
  expect(await world.readVerifiedSender('linkvic2', 'orders@gmail.example')).toBeUndefined();
  expect((await call('GET', former)).status).toBe(204);
  for (const used of [former, first]) expect((await press(used)).status).toBe(404);
  expect((await call('POST', `${SENDERS}/resend/${made.id}`)).json.errors[0].error_id).toBe('already-verified');
});

test('another address is to be verified anew; senders of one address are one; pages by the last id seen', async () => {
  const call = world.callBy('change22');
  const { json: made } = await call('POST', SENDERS, SENDER);
  await call('POST', mail().link, undefined, { authorization: '' });
  expect((await call('POST', SENDERS, SENDER)).json.errors[0]).toEqual({
    field: 'from_email',
    message: 'already exists',
    error_id: 'already-exists',
  });
  expect((await call('PATCH', `${SENDERS}/${made.id}`, { city: 'Denver' })).json).toMatchObject({
    city: 'Denver',
    verified: true,
  });
  const moved = await call('PATCH', `${SENDERS}/${made.id}`, { from_email: 'new@gmail.example' });
  expect(moved.json).toMatchObject({ id: made.id, from_email: 'new@gmail.example', verified: false });
  expect(mail().to).toBe('new@gmail.example');
  expect(await world.readVerifiedSender('change22', 'orders@gmail.example')).toBeUndefined();
  await call('POST', SENDERS, { ...SENDER, from_email: 'third@gmail.example' });
  const all = (await call('GET', SENDERS)).json.results;
  expect(all).toHaveLength(2);
  expect((await call('GET', `${SENDERS}?lastSeenID=${all[0].id}&limit=5`)).json.results).toEqual([all[1]]);
  expect((await call('GET', `${SENDERS}?id=${all[0].id}`)).json.results).toEqual([all[0]]);
  expect((await call('GET', `${SENDERS}?limit=x`)).status).toBe(400);
});

test.each([
  [{ ...SENDER, nickname: '' }, 'nickname'],
  [{ ...SENDER, from_email: 'none' }, 'from_email'],
  [{ ...SENDER, reply_to: undefined }, 'reply_to'],
  [{ ...SENDER, state: 'Colorado' }, 'state'],
  [{ ...SENDER, from_name: 'a\r\nBcc: x@example.com' }, 'from_name'],
  [{ ...SENDER, city: 7 }, 'city'],
])('a sender %j is refused: %s', async (body, field) => {
  const answer = await world.callBy('refuse33')('POST', SENDERS, body);
  expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
  expect(world.holds).toEqual([]);
});

// Attack: a tenant, or many accounts of one, has the operator's domain write to strangers: again and again to one, or once to many.
test('an account has us send so much of such mail on a day, and no more; a reader gets so much, whoever asks; so do all accounts together', async () => {
  const call = world.callBy('spammer2');
  const add = (by: typeof call, n: number, from = `n${n}@gmail.example`) =>
    by('POST', SENDERS, { ...SENDER, from_email: from });
  const limit = (message: string) => [400, { message: expect.stringContaining(message), error_id: 'limit' }];
  const said = ({ status, json }: Awaited<ReturnType<typeof call>>) => [status, json.errors?.[0]];

  // One reader, whatever he writes behind a plus sign, and whoever asks.
  for (let n = 0; n < 5; n++) expect((await add(call, n, `Victim+${n}@gmail.example`)).status).toBe(201);
  expect(said(await add(call, 5, 'victim@gmail.example'))).toEqual(limit('an address gets 5'));
  expect(said(await add(world.callBy('spammer3'), 6, 'victim+x@gmail.example'))).toEqual(limit('an address gets 5'));

  // Many readers.
  for (let n = 6; n < 50; n++) expect((await add(call, n)).status).toBe(201);
  expect(said(await add(call, 50))).toEqual(limit('an account can have 50'));

  // Many accounts: those that are left of a thousand.
  const { allOwnMailKey } = await import('../../../core/records/senders.ts');
  const day = new Date(world.clock.now).toISOString().slice(0, 10);
  while (await world.deps.countOwnMail!(allOwnMailKey, day, 999));
  expect((await add(world.callBy('spammer4'), 51)).status).toBe(201);
  expect(said(await add(world.callBy('spammer5'), 52))).toEqual(limit('all accounts together'));

  // Tomorrow
  world.clock.now += 86_400_000;
  expect((await add(call, 53, 'victim@gmail.example')).status).toBe(201);
});

// Attack: what a tenant writes into a sender's fields is an advertisement, which the operator's domain carries to whom he likes.
test('nothing of an account’s own words is in the mail that verifies an address', async () => {
  const call = world.callBy('words222');
  const words = 'Win at https://casino.example';
  const names = { nickname: words, from_name: words, reply_to_name: words, address: words, address2: words };
  const more = { city: words, country: words, zip: 'casino', state: 'ca', reply_to: 'x@casino.example' };
  expect((await call('POST', SENDERS, { ...SENDER, ...names, ...more })).status).toBe(201);
  expect(JSON.stringify(world.holds.at(-1))).not.toMatch(/casino|Win at/);
  for (const local of ['"Win at https://casino.example"', 'www.casino.example/win', 'win!'])
    expect((await call('POST', SENDERS, { ...SENDER, from_email: `${local}@victim.example` })).json.errors).toEqual([
      { field: 'from_email', message: expect.stringContaining('only letters'), error_id: 'invalid-email' },
    ]);
  // Nobody is asked whether he wants to be a sender for whom he has agreed to nothing yet: the subject is ours too.
  expect(world.holds).toHaveLength(1);
});

test('a link host is valid when it answers for us and DNS names the account; deliver and a subuser have it then', async () => {
  // Prepare
  const call = world.callBy('linkown2');
  await world.addSubuser('linkown2', 'shop', 'linksub2');

  // Act
  const { json: made } = await call('POST', LINKS, { domain: 'links.example', subdomain: 'go', default: true });
  const early = (await call('POST', `${LINKS}/${made.id}/validate`)).json;
  expect((await call('POST', `${LINKS}/${made.id}/subuser`, { username: 'shop' })).status).toBe(400);
  world.publish(made);
  world.answering.add('go.links.example');
  const late = (await call('POST', `${LINKS}/${made.id}/validate`)).json;
  const lent = await call('POST', `${LINKS}/${made.id}/subuser`, { username: 'shop' });

  // Assess
  expect(made.dns.owner_cname.host).toBe(`${made.user_id}.links.example`);
  expect(early.validation_results).toEqual({
    domain_cname: { valid: false, reason: 'https://go.links.example/up: ENOTFOUND' },
    owner_cname: {
      valid: false,
      reason: `There is no CNAME record at ${made.user_id}.links.example: it must lead to track.example.net`,
    },
  });
  expect(late.valid).toBe(true);
  expect([lent.status, lent.json.valid, lent.json.default]).toEqual([200, true, true]);
  expect(await world.readLinkHost('linkown2', 'links.example')).toBe('go.links.example');
  expect(await world.readLinkHost('linksub2', 'shop.example')).toBe('go.links.example');
  expect((await call('GET', `${LINKS}/default?domain=elsewhere.example`)).json.id).toBe(made.id);
  expect((await call('DELETE', `${LINKS}/subuser?username=shop`)).status).toBe(204);
  expect((await call('GET', `${LINKS}/subuser?username=shop`)).status).toBe(404);
  expect((await call('PATCH', `${LINKS}/${made.id}`, { default: false })).json.default).toBe(false);
  expect((await call('DELETE', `${LINKS}/${made.id}`)).status).toBe(204);
  expect((await call('GET', `${LINKS}/${made.id}`)).status).toBe(404);
});

// Attack: a tenant names another's link host, which answers for this stack already, as his own.
test('a host that answers for another account is nobody else’s: his number is not in the zone, and the host is taken', async () => {
  const owner = world.callBy('hostown2');
  const thief = world.callBy('hostbad2');
  const { json: own } = await owner('POST', LINKS, { domain: 'brand.example', subdomain: 'go' });
  world.publish(own);
  world.answering.add('go.brand.example');
  expect((await owner('POST', `${LINKS}/${own.id}/validate`)).json.valid).toBe(true);
  const { json: stolen } = await thief('POST', LINKS, { domain: 'brand.example', subdomain: 'go' });
  expect((await thief('POST', `${LINKS}/${stolen.id}/validate`)).json).toMatchObject({
    valid: false,
    validation_results: { owner_cname: { valid: false } },
  });
  world.publish(stolen);
  expect((await thief('POST', `${LINKS}/${stolen.id}/validate`)).json.validation_results.domain_cname.reason).toContain(
    'in use',
  );
});

test('the name of an address is checked both ways; one that the settings do not have is refused with what to change', async () => {
  const call = world.callBy('rdnsrdn2');
  const other = await call('POST', IPS, { ip: '192.0.2.1', subdomain: 'o1', domain: 'example.org' });
  expect(other.json.errors[0].message).toContain('ehloName in the stack');
  expect((await call('POST', IPS, { ip: '203.0.113.5', domain: 'example.net' })).json.errors[0].field).toBe('ip');
  const { json: made } = await call('POST', IPS, { ip: '192.0.2.1', domain: 'example.net' });
  expect(made).toMatchObject({ rdns: 'mta1.example.net', subdomain: 'mta1', valid: false });
  expect((await call('POST', IPS, { ip: '192.0.2.1', domain: 'example.net' })).status).toBe(400);
  world.dns.zone['A mta1.example.net'] = [{ data: '192.0.2.1' }];
  const half = (await call('POST', `${IPS}/${made.id}/validate`)).json;
  expect(half.validation_results.a_record).toMatchObject({
    valid: false,
    reason: expect.stringContaining('no PTR record'),
  });
  world.dns.zone['PTR 1.2.0.192.in-addr.arpa'] = [{ data: 'mta1.example.net' }];
  expect((await call('POST', `${IPS}/${made.id}/validate`)).json).toMatchObject({ valid: true });
  expect((await call('GET', `${IPS}?ip=192.0`)).json).toMatchObject([
    { valid: true, users: [{ username: 'rdnsrdn2' }] },
  ]);
  expect((await call('GET', `${IPS}?ip=10.`)).json).toEqual([]);
});

test('records go to a colleague by mail; what is missing is named in this call’s own shape of errors', async () => {
  const call = world.callBy('mailrec2');
  const { json: domain } = await call('POST', '/v3/whitelabel/domains', { domain: 'rec.example' });
  const { json: link } = await call('POST', LINKS, { domain: 'rec.example' });
  const send = (body: object) => call('POST', '/v3/whitelabel/dns/email', body);
  const body = { domain_id: domain.id, link_id: link.id, email: 'dns@colleague.example' };
  expect((await send({ ...body, link_id: 1 })).json).toEqual({
    errors: { field: 'link_id', error: 'there is no such link' },
  });
  expect((await send({ ...body, email: 'nobody' })).json.errors.field).toBe('email');
  expect((await send(body)).status).toBe(204);
  const { to, text } = mail();
  expect(to).toBe('dns@colleague.example');
  for (const { host, data } of [domain.dns.dkim1, domain.dns.mail_cname, link.dns.domain_cname, link.dns.owner_cname])
    expect(text).toContain(`CNAME  ${host}\n    ${data}`);

  // Attack: the account's own words are an advertisement.
  world.holds.length = 0;
  const refusal = await send({ ...body, message: 'Look at https://casino.example' });
  expect([refusal.status, refusal.json.errors]).toEqual([
    400,
    { field: 'message', error: `message must have no links, addresses or names of hosts other than ${domain.domain}` },
  ]);
  expect(world.holds).toEqual([]);
  expect((await send({ ...body, message: 'Please,\r\n\r\nby   Friday.' })).status).toBe(204);
  expect(mail().text).toContain('do nothing.\n\nPlease, by Friday.\n\nCNAME');
});
