/**
 * Every AWS call of accept made to fail, in every way, once and for as long as the request lasts: 202 if and only if the
 * message is delivered later, to each recipient once. Any other answer is 429 or 503 in SendGrid's shape, sends nothing, and
 * is made good by one retry with an Idempotency-Key.
 * All cases run on one stack; faults and mail are told apart by account, of which each case has its own.
 */
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiError, errorBody } from '../../core/errors.ts';
import { type DomainRecord, domainKey } from '../../core/records/domains.ts';
import { messageName } from '../../core/records/message-key.ts';
import type { Call } from '../../local/calls.ts';
import type { Fault } from '../../local/faults.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

type Values = Record<string, { S?: string } | undefined>;
const values = ({ input }: Call) => (input.Item ?? input.Key ?? {}) as Values;
const groupOf = ({ input }: Call) => (input.Entries as { MessageGroupId?: string }[])[0]!.MessageGroupId ?? '';
const itemOf = (sort: string) => (call: Call, account: string) => {
  const { pk, sk } = values(call);
  return (
    pk?.S?.split('#')[0] === account && (messageName({ pk: pk.S, sk: sk?.S })?.part ?? sk?.S)?.split('#')[0] === sort
  );
};

/** Every call that accept makes, and how to know one account's. */
const CALLS = {
  'the API key': { service: 'dynamodb', action: 'GetItem', of: itemOf('key') },
  'the domain': { service: 'dynamodb', action: 'GetItem', of: itemOf('domain') },
  'the request record': { service: 'dynamodb', action: 'PutItem', of: itemOf('request') },
  'the content': {
    service: 's3',
    action: 'PutObject',
    of: ({ accesses }, account) => accesses[0]!.resource.includes(`/${account}/`),
  },
  'the lane': {
    service: 'sqs',
    action: 'SendMessageBatch',
    of: (call, account) => groupOf(call).startsWith(`${account}.`),
  },
  'the expand queue': { service: 'sqs', action: 'SendMessageBatch', of: (call, account) => groupOf(call) === account },
  'the hold': { service: 'dynamodb', action: 'PutItem', of: (call, account) => values(call).account?.S === account },
  'taking the Idempotency-Key': {
    service: 'dynamodb',
    action: 'PutItem',
    of: (call, account) => itemOf('idempotency')(call, account) && call.input.ConditionExpression !== undefined,
  },
  'ending the Idempotency-Key': {
    service: 'dynamodb',
    action: 'PutItem',
    of: (call, account) => itemOf('idempotency')(call, account) && call.input.ConditionExpression === undefined,
  },
  'reading the Idempotency-Key': { service: 'dynamodb', action: 'GetItem', of: itemOf('idempotency') },
} satisfies Record<string, Pick<Fault, 'service' | 'action'> & { of: (call: Call, account: string) => boolean }>;
type CallName = keyof typeof CALLS;

const KINDS = ['throttle', 'error500', 'timeout-before', 'timeout-after', 'reset'] as const;
type Kind = (typeof KINDS)[number];
/** A fault that outlasts every retry. */
const ALWAYS = 100;
/** How long a timeout's silence lasts before the line is cut: short, to be quick; one case waits for the client's own. */
const SILENCE_MS = 200;
const CLIENT_PATIENCE_MS = 2_000;

const BODIES = {
  small: (name: string) => mailTo(`${name}@example.net`),
  'of 60 KB': (name: string) =>
    mailTo(`${name}@example.net`, { content: [{ type: 'text/plain', value: 'x'.repeat(60_000) }] }),
  'of more than 10 jobs': (name: string) => ({
    ...mailTo('x'),
    // Two fill a job.
    personalizations: Array.from({ length: 22 }, (_, i) => ({
      to: [{ email: `${name}+${i}@example.net` }],
      custom_args: { pad: 'x'.repeat(9_900) },
      substitutions: { pad: 'x'.repeat(9_900) },
    })),
  }),
  'for later': (name: string) => mailTo(`${name}@example.net`, { send_at: Math.floor(Date.now() / 1_000) + 6 }),
};
type BodyName = keyof typeof BODIES;

type Case = {
  body: BodyName;
  faults: { at: CallName; kind: Kind; times: number; silenceMs?: number }[];
  /** The answer while the fault lasts. */
  status: 202 | 429 | 503;
  /** Sent with an Idempotency-Key, and once more with it afterwards: that answer is always 202. */
  again?: 'at once' | 'when the first has surely died';
  /** Sent once before the fault, with the same Idempotency-Key. */
  sentBefore?: true;
  /** A queue or the hold did not answer and nothing stands in for it: the 503 says that the request may have been accepted. */
  uncertain?: true;
  /** Nobody can know: the last step that decides took effect, and nothing said so. The answer is 503, and it is sent. */
  unknowable?: true;
};

const GOES_THROUGH: Record<BodyName, CallName[]> = {
  small: ['the API key', 'the domain', 'the request record', 'the lane'],
  'of 60 KB': ['the request record', 'the content', 'the lane'],
  'of more than 10 jobs': ['the request record', 'the content', 'the expand queue'],
  'for later': ['the request record', 'the content', 'the hold'],
};
const isQueue = (at: CallName) => at === 'the lane' || at === 'the expand queue';
const refusal = (kind: Kind) => (kind === 'throttle' ? 429 : 503);

function casesOf(body: BodyName, at: CallName, kind: Kind): Case[] {
  const unknowable = at === 'the hold' && kind === 'timeout-after' ? { unknowable: true as const } : {};
  // A queue has a table to stand in for it, and nothing else has.
  const lasting: Case = {
    body,
    faults: [{ at, kind, times: ALWAYS }],
    status: isQueue(at) ? 202 : refusal(kind),
    ...(at === 'the hold' && kind !== 'throttle' ? { uncertain: true } : {}),
    ...unknowable,
  };
  return [{ body, faults: [{ at, kind, times: 1 }], status: 202 }, lasting, { ...lasting, again: 'at once' }];
}

function idempotencyCasesOf(kind: Kind): Case[] {
  const [taking, ending, reading] = (['taking', 'ending', 'reading'] as const).map(
    (what) => `${what} the Idempotency-Key` as const,
  ) as [CallName, CallName, CallName];
  const small = (at: CallName, times: number, status: Case['status'], again: Case['again'] = 'at once'): Case => ({
    body: 'small',
    faults: [{ at, kind, times }],
    status,
    ...(again ? { again } : {}),
  });
  const died = 'when the first has surely died';
  return [
    small(taking, 1, 202),
    // The key is taken by a request that nobody knows to have failed.
    small(taking, ALWAYS, refusal(kind), kind === 'timeout-after' ? died : 'at once'),
    small(ending, 1, 202),
    small(ending, ALWAYS, 202, kind === 'timeout-after' ? 'at once' : died),
    { ...small(reading, 1, 202), sentBefore: true },
    { ...small(reading, ALWAYS, refusal(kind)), sentBefore: true },
  ];
}

const both = (first: CallName, kind: Kind, second: CallName, other = kind): Case['faults'] => [
  { at: first, kind, times: ALWAYS },
  { at: second, kind: other, times: ALWAYS },
];
const TWO_FAULTS: Case[] = [
  { body: 'small', faults: both('the lane', 'throttle', 'the hold'), status: 429 },
  { body: 'small', faults: both('the lane', 'throttle', 'the hold'), status: 429, again: 'at once' },
  { body: 'small', faults: both('the lane', 'error500', 'the hold'), status: 503, uncertain: true },
  { body: 'small', faults: both('the lane', 'reset', 'the content', 'error500'), status: 503, uncertain: true },
  {
    body: 'of 60 KB',
    faults: both('the lane', 'timeout-before', 'the hold', 'throttle'),
    status: 503,
    uncertain: true,
  },
  {
    body: 'of more than 10 jobs',
    faults: both('the expand queue', 'error500', 'the hold', 'reset'),
    status: 503,
    uncertain: true,
  },
  {
    body: 'small',
    faults: both('the lane', 'timeout-after', 'the hold', 'error500'),
    status: 503,
    uncertain: true,
    unknowable: true,
  },
  {
    body: 'for later',
    faults: [
      { at: 'the request record', kind: 'timeout-after', times: 1 },
      { at: 'the hold', kind: 'throttle', times: ALWAYS },
    ],
    status: 429,
  },
];
/** Three tries of two seconds at a queue that says nothing, and then still time for the hold. */
const SILENT: Case = {
  body: 'small',
  faults: [{ at: 'the lane', kind: 'timeout-after', times: ALWAYS, silenceMs: CLIENT_PATIENCE_MS + 1_000 }],
  status: 202,
};

const cases: Case[] = [
  SILENT,
  ...KINDS.flatMap(idempotencyCasesOf),
  ...TWO_FAULTS,
  ...(Object.keys(BODIES) as BodyName[]).flatMap((body) =>
    GOES_THROUGH[body].flatMap((at) => KINDS.flatMap((kind) => casesOf(body, at, kind))),
  ),
]
  // What is sent again after an unanswered queue waits 40 s: that begins first, and all else happens meanwhile. Then what
  // one retry cures, for the SDK gives up retrying when too many of its retries failed (500 tokens for each client).
  .sort((a, b) => rank(a) - rank(b));

function rank(one: Case): number {
  if (waits(one)) return 0;
  return one.faults.every(({ times }) => times === 1) ? 1 : 2;
}

function waits({ faults, again }: Case): boolean {
  return faults.some(({ at }) => isQueue(at)) || (again !== undefined && again !== 'at once');
}

const titleOf = ({ body, faults, status, again, sentBefore }: Case) =>
  [
    faults
      .map(
        ({ at, kind, times, silenceMs }) =>
          `${kind}${silenceMs ? ' (real silence)' : ''} at ${at}${times === 1 ? ' once' : ''}`,
      )
      .join(', '),
    `mail ${body}`,
    ...(sentBefore ? ['sent before'] : []),
    ...(again ? [`sent again ${again}`] : []),
    status,
  ].join('; ');

type Answer = Awaited<ReturnType<Mail['post']>>;
type Run = { before?: Answer; first: Answer; again?: Answer; fired: number[] };

let mail: Mail;
const runs = new Map<Case, Run>();
const nameOf = (one: Case) => `case-${cases.indexOf(one)}`;
/** Eight characters of a-z: one account for each case, so that nothing of it is cached by another. */
const accountOf = (one: Case) =>
  `case${cases
    .indexOf(one)
    .toString(8)
    .padStart(4, '0')
    .replaceAll(/\d/g, (digit) => 'abcdefgh'[Number(digit)]!)}`;
/** As many at once as there are environments: nobody waits in a line before accept. */
const ENVIRONMENTS = 6;
/** accept counts a request as dead after this long. */
const ACCEPT_DIES_MS = 30_500;

async function run(one: Case, key: string): Promise<{ rest: Promise<void> }> {
  const body = BODIES[one.body](nameOf(one));
  const headers = { authorization: `Bearer ${key}`, ...(one.again ? { 'Idempotency-Key': nameOf(one) } : {}) };
  const before = one.sentBefore ? { before: await mail.post(body, headers) } : {};
  const account = accountOf(one);
  const armed = one.faults.map(({ at, kind, times, silenceMs: holdMs = SILENCE_MS }) => {
    const { service, action, of } = CALLS[at];
    return mail.stack.faults.add({
      function: 'accept',
      service,
      action,
      when: (call) => of(call, account),
      kind,
      times,
      holdMs,
    });
  });
  const first = await mail.post(body, headers);
  for (const fault of armed) fault.remove();
  const fired = armed.map((fault) => fault.fired);
  runs.set(one, { ...before, first, fired });
  const sendAgain = async () => void runs.set(one, { ...before, first, fired, again: await mail.post(body, headers) });
  if (one.again === 'at once') await sendAgain();
  const died = one.again !== undefined && one.again !== 'at once';
  return { rest: died ? sleep(ACCEPT_DIES_MS).then(sendAgain) : Promise.resolve() };
}

/** An account with an API key and a domain. Their DKIM keys are one: making an RSA key takes longer than sending with it. */
async function givenAccounts(): Promise<(account: string) => Promise<string>> {
  const { stack, operator } = mail;
  const at = {
    endpoint: stack.awsUrl,
    region: stack.region,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'local' },
  };
  const tables = DynamoDBDocumentClient.from(new DynamoDBClient(at));
  const keys = new KMSClient(at);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return async (account) => {
    const domain = 'example.com';
    const { CiphertextBlob } = await keys.send(
      new EncryptCommand({
        KeyId: stack.outputs.DkimKeyArn,
        Plaintext: privateKey.export({ format: 'der', type: 'pkcs8' }),
        EncryptionContext: { account, domain },
      }),
    );
    const record: DomainRecord = {
      ...domainKey(account, domain),
      domain,
      selector: 's1',
      returnPath: `em.${domain}`,
      publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      privateKey: Buffer.from(CiphertextBlob!).toString('base64'),
      createdAt: Date.now(),
    };
    await tables.send(new PutCommand({ TableName: stack.outputs.AccountsTable!, Item: record }));
    return (await operator.createKey(account, 'faults', ['mail.send'])).key;
  };
}

const arrivals = () => Map.groupBy(mail.sink.dots, ({ recipient }) => /^case-\d+/.exec(recipient)![0]);
const recipientsOf = (one: Case) =>
  (BODIES[one.body](nameOf(one)).personalizations as { to: { email: string }[] }[]).map(({ to }) => to[0]!.email);
const isSent = (one: Case) => one.status === 202 || one.again !== undefined;

beforeAll(async () => {
  // The shortest that deliver may take, since that is what a second copy waits for.
  mail = await givenMail({ settings: { delivery: { timeoutSeconds: 10 } }, maxEnvironments: ENVIRONMENTS });
  const makeAccount = await givenAccounts();
  const left = [...cases];
  const rests: Promise<void>[] = [];
  await Promise.all(
    Array.from({ length: ENVIRONMENTS }, async () => {
      for (let one = left.shift(); one; one = left.shift())
        rests.push((await run(one, await makeAccount(accountOf(one)))).rest);
    }),
  );
  await Promise.all(rests);
  // Everything that was put off has had its turn: nothing waits in a hold or behind a delay.
  await eventually(
    () => mail.stack.queues.inspect().reduce((sum, { ready, delayed }) => sum + ready + delayed, 0),
    (waiting) => waiting === 0,
    // What was put off for want of time has its turn within two minutes.
    180,
  );
  const expected = new Set(cases.filter(isSent).flatMap(recipientsOf));
  await eventually(
    () => {
      const arrived = new Set(mail.sink.dots.map(({ recipient }) => recipient));
      return [...expected].filter((recipient) => !arrived.has(recipient));
    },
    (missing) => missing.length === 0,
    20,
  ).catch(() => undefined); // Each case says for itself what is missing.
}, 300_000);
afterAll(() => mail.end());

describe('accept, with a call that fails', () => {
  it.each(cases.map((one) => [titleOf(one), one] as const))('%s', (_title, one) => {
    const { before, first, again, fired } = runs.get(one)!;
    // Assess: the fault struck, and the answer is the one it has to be, in SendGrid's shape.
    expect(fired.every((times) => times > 0)).toBe(true);
    expect(first.status).toBe(one.status);
    if (first.status === 202) expect(first.id).toMatch(/^[\w-]{22}$/);
    else
      expect(JSON.parse(first.body)).toEqual(
        errorBody([apiError(one.uncertain ? 'uncertain' : first.status === 429 ? 'tooManyRequests' : 'unavailable')]),
      );
    // A retry with the key is always the same message, and is answered with its id.
    if (one.again) expect(again).toMatchObject({ status: 202, id: expect.stringMatching(/^[\w-]{22}$/) });
    for (const earlier of [before, first]) if (earlier?.status === 202 && again) expect(again.id).toBe(earlier.id);
    const arrived = (arrivals().get(nameOf(one)) ?? []).map(({ recipient }) => recipient).sort();
    const sent = isSent(one) || one.unknowable === true;
    expect(arrived).toEqual(sent ? recipientsOf(one).sort() : []);
  });

  it('every call that accept makes was among them', () => {
    const struck = new Set(cases.flatMap(({ faults }) => faults.map(({ at }) => at)));
    expect([...struck].sort()).toEqual(Object.keys(CALLS).sort());
  });

  it('all that was answered 202 is accounted for, and delivered', async () => {
    const answers = [...runs.values()].flatMap(({ before, first, again }) => [before, first, again]);
    const ids = new Set(answers.filter((answer) => answer?.status === 202).map((answer) => answer!.id));
    const copies = cases.filter(isSent).flatMap(recipientsOf).length;
    expect(await thenAllIsAccountedFor(mail, ids)).toMatchObject({ accepted: copies, delivered: copies, dead: 0 });
    expect(mail.stack.denials).toEqual([]);
  });
});
