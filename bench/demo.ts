/**
 * `npm run demo`: 1,000 messages through a whole local stack, to a mix of good and bad recipients, and what became of each.
 * Every message is accounted for; what the sink was told to put off is still held when it ends, because the first retry is
 * minutes away.
 *
 *   npm run demo [-- --json]
 */
import { parseArgs } from 'node:util';
import { countMail } from '../local/ledger.ts';
import { priceOf } from '../local/prices.ts';
import { launchForBench, percentile, postAll, settle, showProgress } from './load.ts';

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

const MESSAGES = 1_000;
/** What the sink is told by the recipients' names (the inbox page lists all), and how many of each. */
const MIX: [behaviour: string, domain: string, count: number][] = [
  ['reader', 'gmail.com', 300],
  ['reader', 'yahoo.com', 150],
  ['reader', 'outlook.com', 150],
  ['reader', 'example.net', 220],
  ['slow-1s', 'example.org', 20],
  ['bounce', 'gmail.com', 40],
  ['full', 'example.net', 10],
  // These pause all mail to their site, so each has one of its own.
  ['block', 'gmx.net', 10],
  ['busy-421', 'comcast.net', 20],
  ['greylist', 'example.net', 40],
  ['defer-2', 'icloud.com', 20],
  ['drop-in-data', 'example.net', 10],
  ['drop-after-dot-1', 'example.net', 10],
];

const recipients = MIX.flatMap(([behaviour, domain, count]) =>
  Array.from({ length: count }, (_, i) => `${behaviour}+${i}@${domain}`),
);
// Mixed, the same at every run: 7919 is a prime, so each place is taken once.
const mixed = recipients.map((_, i) => recipients[(i * 7_919) % recipients.length]!);
if (recipients.length !== MESSAGES) throw new Error(`the mix has ${recipients.length} recipients`);

const mail = (personalizations: object[]) => ({
  personalizations,
  from: { email: 'shop@example.com', name: 'The Shop' },
  subject: 'Your order is on its way',
  content: [
    { type: 'text/plain', value: 'It is on its way.' },
    { type: 'text/html', value: '<p>It is <b>on its way</b>.</p>' },
  ],
});

/** Half of them one by one, as password resets come; half of them in one request, as a newsletter does. */
function makeBodies(): object[] {
  const singles = mixed.filter((_, i) => i % 2 === 0).map((email) => mail([{ to: [{ email }] }]));
  const bulk = mail(mixed.filter((_, i) => i % 2 === 1).map((email) => ({ to: [{ email }] })));
  return [bulk, ...singles];
}

async function main(): Promise<void> {
  const begin = performance.now();
  const launched = await launchForBench({});
  try {
    if (!options.json)
      console.log(
        `A whole stack is up in ${((performance.now() - begin) / 1_000).toFixed(1)} s. Sending ${MESSAGES} messages…\n`,
      );
    launched.stack.meter.reset();
    const bodies = makeBodies();
    const ids = await postAll(launched.local, bodies, Number.POSITIVE_INFINITY, (posted) =>
      showProgress('accepted', posted, bodies.length),
    );
    await settle(launched, ids, 120, ({ accepted, queued }) => showProgress('delivered', accepted - queued, accepted));
    const ledger = await countMail(launched.stack, ids);
    const dots = Map.groupBy(launched.sink.dots, ({ recipient }) => recipient);
    const snapshot = launched.stack.meter.snapshot();
    const acceptedAt = new Map(ids.map((id) => [id, Buffer.from(id, 'base64url').readUIntBE(0, 6)]));
    const latencies = launched.arrivals
      .list({ limit: MESSAGES })
      .flatMap(({ id, receivedAt }) => {
        const requestId = launched.arrivals.find(id)?.messageId.slice(1, 23) ?? '';
        return acceptedAt.has(requestId) ? [receivedAt - acceptedAt.get(requestId)!] : [];
      })
      .sort((a, b) => a - b);
    const result = {
      accepted: ledger.accepted,
      delivered: ledger.delivered,
      deferred: launched.stack.metrics.get('Deferred', { service: 'deliver' })?.sum ?? 0,
      bounced: ledger.bounced,
      dropped: ledger.dropped,
      held: ledger.held,
      queued: ledger.queued,
      lost: ledger.lost,
      duplicates: [...dots.values()].reduce((sum, { length }) => sum + length - 1, 0),
      p50Seconds: percentile(latencies, 0.5) / 1_000,
      p99Seconds: percentile(latencies, 0.99) / 1_000,
      perMillion:
        (priceOf(snapshot)
          .terms.filter(({ term }) => term !== 'SQS empty receives')
          .reduce((sum, { usd }) => sum + usd, 0) /
          ledger.accepted) *
        1e6,
    };
    if (options.json) console.log(JSON.stringify(result));
    else print(result);
    if (result.lost > 0) process.exitCode = 1;
  } finally {
    await launched.end();
  }
}

function print(result: Record<string, number>): void {
  const row = (name: string, value: string | number, note = '') =>
    console.log(`  ${name.padEnd(22)} ${String(value).padStart(9)}${note ? `   ${note}` : ''}`);
  console.log('');
  row('accepted', result.accepted!);
  row('delivered', result.delivered!);
  row('bounced', result.bounced!, 'refused for good: unknown, full');
  row('dropped', result.dropped!);
  row('still held', result.held!, 'put off, in doubt, or to a site that is paused: the first retry is in five minutes');
  if (result.queued! > 0) row('still queued', result.queued!);
  row(
    'lost',
    result.lost!,
    result.lost === 0 ? 'accepted = delivered + bounced + dropped + held' : 'this must not be: please report it',
  );
  row('arrived twice', result.duplicates!);
  console.log('');
  row('deferrals', result.deferred!);
  row('accept → delivered p50', `${result.p50Seconds!.toFixed(2)} s`);
  row('accept → delivered p99', `${result.p99Seconds!.toFixed(2)} s`);
  row(
    'list price per million',
    `$${result.perMillion!.toFixed(2)}`,
    'requests, compute and state; npm run bench:cost has the terms',
  );
}

await main();
