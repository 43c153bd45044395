import { describe, expect, test } from 'vitest';
import {
  type Answer,
  type Finding,
  judgeDomain,
  judgePtr,
  judgeTls,
  recordsOf,
  requestPort25,
} from '../../core/doctor.ts';
import { judgeSesAccount, judgeSesIdentity } from '../../core/ses-account.ts';

const sender = { name: 'default-1', ip: '192.0.2.10', ehloName: 'mta1.example.com' };
const domain = { domain: 'example.com', selector: 's1', publicKey: 'MIIB', returnPath: 'em.example.com' };
const there = (...values: string[]): Answer => ({ values });
const none = there();
const failed: Answer = { error: 'ETIMEOUT' };

/** Wrong findings say what to do; right ones have nothing to say. */
function expectFinding(finding: Finding | undefined, state: Finding['state'], found: RegExp, todo?: RegExp): void {
  expect(finding).toMatchObject({ state });
  expect(finding?.found).toMatch(found);
  if (todo) expect(finding?.todo.join('\n')).toMatch(todo);
  else expect(finding?.todo).toEqual([]);
}

test('the request to open port 25 has every address with its name', () => {
  const senders = [sender, { name: 'b-1', ip: '192.0.2.11', ehloName: 'mta2.example.com' }];
  const todo = requestPort25(senders, 'eu-west-1')?.todo.join('\n');
  for (const said of [
    'https://console.aws.amazon.com/support/contacts?#/rdns-limits',
    'Elastic IP address 1: 192.0.2.10\nReverse DNS record for it: mta1.example.com',
    'Elastic IP address 2: 192.0.2.11\nReverse DNS record for it: mta2.example.com',
    'Region: eu-west-1',
  ])
    expect(todo).toContain(said);
  expect(requestPort25([], 'eu-west-1')).toBeUndefined();
});

describe('the name of an address', () => {
  const A = there('192.0.2.10');
  const setPtr = /modify-address-attribute.*--public-ips 192\.0\.2\.10 .*--domain-name mta1\.example\.com/;
  test.each([
    ['both ways', there('mta1.example.com'), A, 'ok', /both ways/, undefined],
    ['in capitals, with a dot', there('MTA1.Example.com.'), A, 'ok', /both ways/, undefined],
    ['one of two', there('ec2.amazonaws.example', 'mta1.example.com'), A, 'ok', /both ways/, undefined],
    ['no PTR', none, A, 'wrong', /192\.0\.2\.10 has no PTR/, setPtr],
    ["AWS's own", there('ec2-192-0-2-10.compute-1.example'), A, 'wrong', /is called ec2-192.*EHLO says/, setPtr],
    [
      'no A',
      there('mta1.example.com'),
      none,
      'wrong',
      /mta1\.example\.com has no A/,
      /^Publish: mta1\.example\.com {2}A {2}192\.0\.2\.10$/m,
    ],
    ['an A elsewhere', there('mta1.example.com'), there('192.0.2.99'), 'wrong', /is 192\.0\.2\.99/, setPtr],
    ['the PTR cannot be asked', failed, A, 'unknown', /of 192\.0\.2\.10 failed \(ETIMEOUT\)/, /again/],
    ['the A cannot be asked', there('mta1.example.com'), failed, 'unknown', /mta1\.example\.com failed/, /again/],
  ] as const)('%s', (_, ptr, forward, state, found, todo) => {
    expectFinding(judgePtr(sender, ptr, forward), state, found, todo);
  });
});

describe('the records of a domain', () => {
  const right: Record<string, Answer> = {
    dkim: there('v=DKIM1; k=rsa; p=MIIB'),
    spf: there('v=spf1 ip4:192.0.2.10 -all'),
    'return path': there('10 mta1.example.com'),
    dmarc: there('v=DMARC1; p=none'),
  };
  const judge = (change: Record<string, Answer>, parents: Answer[] = [], hosts?: Map<string, Answer>) => {
    const answers = recordsOf(domain, [sender]).map(({ purpose }) => ({ ...right, ...change })[purpose] as Answer);
    return new Map(judgeDomain(domain, [sender], answers, parents, hosts).map((one) => [one.check, one]));
  };

  test('all of them right', () => {
    expect([...judge({}).values()].map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  const publish = (name: string, type: string, value: string) =>
    new RegExp(`^Publish: ${`${name}  ${type}  ${value}`.replaceAll('.', '\\.')}$`, 'm');
  const spf = publish('em.example.com', 'TXT', 'v=spf1 ip4:192.0.2.10 -all');
  const mx = publish('em.example.com', 'MX', '10 mta1.example.com');
  const dmarc = publish('_dmarc.example.com', 'TXT', 'v=DMARC1; p=none');
  const dkim = publish('s1._domainkey.example.com', 'TXT', 'v=DKIM1; k=rsa; p=MIIB');

  test.each([
    ['dkim', none, 'wrong', /no such record/, dkim],
    ['dkim', there('v=DKIM1; p=OTHER'), 'wrong', /another one/, dkim],
    ['dkim', there('v=DKIM1; p='), 'wrong', /revoked/, dkim],
    ['dkim', failed, 'unknown', /s1\._domainkey\.example\.com failed/, /again/],
    ['spf', none, 'wrong', /no such record/, spf],
    ['spf', there('google-site-verification=x'), 'wrong', /none that begins with v=spf1/, spf],
    ['spf', there('v=spf1 ip4:192.0.2.10 -all', 'v=spf1 -all'), 'wrong', /more than one SPF record/, spf],
    ['spf', there('v=spf1 ip4:192.0.2.99 -all'), 'wrong', /does not let 192\.0\.2\.10 send/, spf],
    ['spf', there('v=spf1 +all'), 'wrong', /\+all lets everyone send/, spf],
    [
      'spf',
      there('v=spf1 include:spf.example.net -all'),
      'unknown',
      /leaves 192\.0\.2\.10 to other/,
      /ip4:192\.0\.2\.10/,
    ],
    ['return path', none, 'wrong', /has no MX/, mx],
    ['return path', there('0 '), 'wrong', /takes no mail/, mx],
    ['return path', there('0 .'), 'wrong', /takes no mail/, mx],
    ['return path', there('10 mx.example.net'), 'ok', /bounces go to mx\.example\.net/, undefined],
    ['dmarc', none, 'wrong', /no such record/, dmarc],
    ['dmarc', there('v=DMARC1; p=monitor'), 'wrong', /not none, quarantine or reject/, dmarc],
    ['dmarc', there('v=DMARC1; p=none', 'v=DMARC1; p=reject'), 'wrong', /more than one/, dmarc],
    ['dmarc', there('v=DMARC1; p=reject; aspf=s'), 'note', /only DKIM aligns/, /aspf=r/],
    ['dmarc', there('v=DMARC1; p=reject; adkim=s'), 'ok', /aligned/, undefined],
  ] as const)('%s: %j', (check, answer, state, found, todo) => {
    expectFinding(judge({ [check]: answer }).get(check), state, found, todo);
  });

  test("a domain without DMARC has its parent's", () => {
    expectFinding(
      judge({ dmarc: none }, [none, there('v=DMARC1; p=reject')]).get('dmarc'),
      'ok',
      /above says .*reject/,
    );
    expectFinding(judge({ dmarc: none }, [failed]).get('dmarc'), 'unknown', /above failed/, /again/);
  });

  test('an MX without an address is as good as none', () => {
    const [host, other] = ['mta1.example.com', 'mx2.example.com'];
    const two = { 'return path': there(`10 ${host}`, `20 ${other}`) };
    const dead = new Map([
      [host, none],
      [other, none],
    ]);
    const half = new Map([...dead, [other, there('192.0.2.1')] as const]);
    expectFinding(judge(two, [], dead).get('return path'), 'wrong', /mta1.*mx2.*has no address/, mx);
    expectFinding(judge(two, [], half).get('return path'), 'ok', /bounces go to/);
  });

  test('without an address of our own, there is no return path of ours', () => {
    expect(recordsOf(domain, []).map(({ purpose }) => purpose)).toEqual(['dkim', 'dmarc']);
  });
});

test('TLS of our own MX is a note, not a fault', () => {
  const states = (...answers: [Answer, Answer]) => judgeTls(domain, ...answers).map(({ state }) => state);
  expect(states(none, none)).toEqual(['note', 'note']);
  expect(states(there('v=TLSRPTv1; rua=mailto:x@example.com'), there('v=STSv1; id=1'))).toEqual(['ok', 'ok']);
  expect(states(failed, there('something else'))).toEqual(['unknown', 'note']);
});

describe('SES', () => {
  const healthy = {
    production: true,
    sending: true,
    enforcement: 'HEALTHY',
    quota: { day: 50_000, second: 14, sent: 9 },
  };
  test.each([
    ['all is well', healthy, ['ok'], /50000 messages a day, 14 a second/, /^$/],
    [
      'the sandbox',
      { ...healthy, production: false },
      ['wrong'],
      /sandbox/,
      /put-account-details --region eu-west-1 --production-access-enabled/,
    ],
    ['paused', { ...healthy, sending: false }, ['wrong'], /paused/, /put-account-sending-attributes/],
    ['shut down', { ...healthy, enforcement: 'SHUTDOWN' }, ['wrong'], /paused/, /Support Center/],
    ['probation', { ...healthy, enforcement: 'PROBATION' }, ['wrong'], /under review/, /answer it/],
    [
      'the quota nearly used',
      { ...healthy, quota: { day: 100, second: 1, sent: 80 } },
      ['wrong'],
      /80 of 100/,
      /say 1000: Service Quotas/,
    ],
    [
      'the sandbox, and paused',
      { ...healthy, production: false, sending: false },
      ['wrong', 'wrong'],
      /paused/,
      /sending/,
    ],
    ['no answer', { error: 'AccessDenied' }, ['unknown'], /AccessDenied/, /ses:GetAccount/],
  ] as const)('%s', (_, account, states, found, todo) => {
    const findings = judgeSesAccount(account, 'eu-west-1');
    expect(findings.map(({ state }) => state)).toEqual(states);
    expect(findings.map((one) => one.found).join('\n')).toMatch(found);
    expect(findings.flatMap((one) => one.todo).join('\n')).toMatch(todo);
  });
});

test.each([
  ['an identity that is ready', { dkim: 'SUCCESS', mailFrom: 'SUCCESS' }, 'ok', /may be sent from/, undefined],
  ['none', undefined, 'wrong', /no identity of SES/, /^pennypost ses identity example\.com$/],
  ['no DKIM yet', { dkim: 'PENDING', mailFrom: 'SUCCESS' }, 'wrong', /PENDING/, /^Publish the DKIM record above\.$/],
  ['DKIM given up', { dkim: 'FAILED', mailFrom: 'SUCCESS' }, 'wrong', /FAILED/, /pennypost ses identity example\.com/],
  [
    'no MAIL FROM yet',
    { dkim: 'SUCCESS', mailFrom: 'PENDING' },
    'wrong',
    /ses\.example\.com/,
    /^Publish: ses\.example\.com {2}MX {2}10 feedback-smtp\.eu-west-1\.amazonses\.com\nPublish: ses\.example\.com {2}TXT {2}v=spf1 include:amazonses\.com -all$/,
  ],
  ['no answer', { error: 'AccessDenied' }, 'unknown', /AccessDenied/, /ses:GetEmailIdentity/],
] as const)('a domain at SES: %s', (_, identity, state, found, todo) => {
  expectFinding(judgeSesIdentity('example.com', identity, 'eu-west-1'), state, found, todo);
});
