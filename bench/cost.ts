/**
 * What a million messages cost at list price, from exact counts: the local stack runs the synthesized template and counts
 * every request and unit that AWS would bill, while the sink answers like a remote peer (50 ms for each reply, 300 ms after
 * the final dot) and every AWS call takes as long as it does there. Prices and their sources: local/prices.ts.
 *
 *   npm run bench:cost [-- --json] [--quick]
 *
 * `single` is one recipient per request at 10 a second; `bulk` 1,000 personalizations per request. NAT, egress and storage
 * follow from the bytes that were counted; the monthly floor is what an idle stack costs.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Launched } from '../local/launch.ts';
import type { Ledger } from '../local/ledger.ts';
import { type Snapshot, total, type Usage } from '../local/meter.ts';
import { priceOf, type Term } from '../local/prices.ts';
import { launchForBench, postAll, settle, showProgress } from './load.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

/** A remote peer, and a network between (DESIGN: "peers at 50 ms per command + 300 ms after DATA"). */
const PEER = { perCommandMs: 50, afterDotMs: 300 };
/** Domains with mail servers of their own: limits per site are the subject of another benchmark. */
const SITES = 50;
/** Bytes of the mail's HTML: a receipt, or a password reset. */
const HTML_BYTES = 10_000;
/** Seconds until the last copy must be delivered: on a busy machine some wait in the holds for a minute or two. */
const SETTLE_SECONDS = 300;
/** Milliseconds after which the books have what was sent: `events.tallySeconds` and a run. */
const FOLLOWED_MS = 66_000;
const GB = 1024 ** 3;
/** US dollars, us-east-1 (aws.amazon.com/vpc/pricing, /ec2/pricing/on-demand, /dynamodb/pricing/on-demand). */
const PRICE = {
  natGb: 0.045,
  egressGb: 0.09,
  tableGbMonth: 0.25,
  natHour: 0.045,
  addressHour: 0.005,
  alarm: 0.1,
  kmsKey: 1,
  secret: 0.4,
  dashboard: 3,
  sqs: 0.4e-6,
};
const HOURS = 730;
/** Lambda's poller keeps five long polls of 20 s open on each idle queue. */
const IDLE_POLLS = 5 * 3 * 60 * HOURS;

type Cost = {
  perMillion: number;
  terms: { term: string; perMessage: number; unit: string; perMillion: number }[];
  messages: number;
  wireBytes: number;
  /** Of `perMillion`: reads and writes of the limits per site. */
  sitesPerMillion: number;
  /** The same `perMillion` by stage: the functions, and API Gateway. Dearest first. */
  stages: { stage: string; perMillion: number }[];
  /** Of `perMillion`: reading who is on a suppression list. */
  suppressionsPerMillion: number;
  /** Of `perMillion`: statistics, event pages, and what webhooks are told. */
  eventsPerMillion: number;
};

/** Idle polling is a matter of time, not of messages: it stands in the monthly floor. */
const isPerMessage = ({ term }: Term) => term !== 'SQS empty receives';

const mail = (personalizations: object[]) => ({
  personalizations,
  from: { email: 'shop@example.com', name: 'The Shop' },
  subject: 'Your order is on its way',
  content: [
    { type: 'text/plain', value: 'It is on its way.\n'.repeat(20) },
    { type: 'text/html', value: `<p>${'It is on its way. '.repeat(HTML_BYTES / 18)}</p>` },
  ],
});
const recipient = (i: number) => ({ to: [{ email: `reader-${i}@domain-${i % SITES}.example` }] });

async function measure(
  launched: Launched,
  bodies: object[],
  messages: number,
  perSecond: number,
  label: string,
): Promise<Cost> {
  const { stack, local, arrivals } = launched;
  const [sites, suppressions] = [tableOf(launched, /sites/i), tableOf(launched, /suppressions/i)];
  // The first mail wakes the functions: keys, secrets and domains are read once per environment, not per message.
  await settle(launched, await postAll(local, [mail([recipient(0)])], 1), 30);
  arrivals.deleteAll();
  stack.meter.reset();
  const ids = await postAll(local, bodies, perSecond, (posted) => showProgress(label, posted, bodies.length));
  // On a busy machine bulk may be slower than its sites' limits allow: what then waits for its turn is part of the cost.
  const isSettled = ({ queued, held }: Ledger) => queued + held === 0;
  const ledger = await settle(launched, ids, SETTLE_SECONDS, undefined, isSettled);
  if (ledger.delivered !== messages)
    throw new Error(`${label}: ${ledger.delivered} of ${messages} were delivered: ${JSON.stringify(ledger)}`);
  // What follows the mail is part of its cost: the books are kept once a minute, and no run of theirs is left out.
  await sleep(FOLLOWED_MS);
  const snapshot = stack.meter.snapshot();
  const scale = 1e6 / messages;
  const terms = priceOf(snapshot)
    .terms.filter(isPerMessage)
    .map(({ term, quantity, per, usd }) => ({
      term,
      perMessage: quantity / messages,
      unit: per,
      perMillion: usd * scale,
    }));
  const wireBytes =
    arrivals.list({ limit: 50 }).reduce((sum, { id }) => sum + (arrivals.find(id)?.raw.length ?? 0), 0) /
    Math.min(50, messages);
  const perMillion = terms.reduce((sum, { perMillion }) => sum + perMillion, 0);
  const usdOf = (fits: (usage: Usage) => boolean) => usdPerMessage(snapshot, fits) * scale;
  const stages = [...new Set(snapshot.usages.map((usage) => usage.function))]
    .map((stage) => ({ stage, perMillion: usdOf((usage) => usage.function === stage) }))
    .sort((a, b) => b.perMillion - a.perMillion);
  return {
    perMillion,
    terms,
    messages,
    wireBytes,
    stages,
    sitesPerMillion: usdOf(({ resource }) => resource === sites),
    suppressionsPerMillion: usdOf(({ resource }) => resource === suppressions),
    eventsPerMillion: usdOf((usage) => EVENTS.has(usage.function)),
  };
}

/** Who follows the stream, and tells webhooks. */
const EVENTS = new Set(['tally', 'announce', 'notify']);

/** What some of the usages cost, all messages together; idle polling is in the floor. */
function usdPerMessage(snapshot: Snapshot, fits: (usage: Usage) => boolean): number {
  return priceOf({ ...snapshot, usages: snapshot.usages.filter(fits) })
    .terms.filter(isPerMessage)
    .reduce((sum, { usd }) => sum + usd, 0);
}

/** The name of a table, by what its path in the stack has in it. */
function tableOf({ stack }: Launched, what: RegExp): string {
  const table = stack.assembly.ofType('AWS::DynamoDB::Table').find(({ path }) => what.test(path));
  if (!table) throw new Error(`the stack has no table ${what}`);
  return table.name;
}

/** A customer's server that takes every event. */
async function startReceiver() {
  let posts = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      posts++;
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, posts: () => posts, stop: () => void server.close() };
}

async function makeWebhook({ local }: Launched, url: string): Promise<void> {
  const events = ['processed', 'delivered', 'deferred', 'bounce', 'dropped', 'open', 'click'];
  const answer = await fetch(`${local.apiUrl}/v3/user/webhooks/event/settings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${local.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ enabled: true, url, ...Object.fromEntries(events.map((name) => [name, true])) }),
  });
  if (answer.status !== 201) throw new Error(`the webhook was not made: ${answer.status} ${await answer.text()}`);
  // announce looks for new ones every 15 seconds.
  await sleep(16_000);
}

function besides({ wireBytes, terms }: Cost) {
  // TCP, TLS and SMTP around the message, both ways: about 6 KB for a session of its own, less when it is shared.
  const bytes = wireBytes + 6_000;
  const writes = terms.find(({ term }) => term === 'DynamoDB writes')?.perMessage ?? 0;
  return {
    nat: (bytes * 1e6 * PRICE.natGb) / GB,
    egress: (bytes * 1e6 * PRICE.egressGb) / GB,
    storageMonth: (writes * 1_000 * 1e6 * PRICE.tableGbMonth) / GB,
  };
}

const floor = {
  'NAT gateway and public address, per source IP': (PRICE.natHour + PRICE.addressHour) * HOURS,
  'KMS key, secret, dashboard': PRICE.kmsKey + PRICE.secret + PRICE.dashboard,
  'idle polling of five queues': 5 * IDLE_POLLS * PRICE.sqs,
};

const usd = (value: number) => `$${value.toFixed(value < 0.1 ? 3 : 2)}`.padStart(9);

function print(title: string, cost: Cost): void {
  console.log(
    `\n${title}: ${usd(cost.perMillion).trim()} per million (${cost.messages} messages, ${Math.round(cost.wireBytes)} bytes each on the wire)\n`,
  );
  for (const { term, perMessage, perMillion } of cost.terms)
    console.log(`  ${term.padEnd(26)} ${perMessage.toFixed(4).padStart(9)} per message ${usd(perMillion)}`);
  const stages = cost.stages.filter(({ perMillion }) => perMillion >= 0.001);
  console.log(`  by stage: ${stages.map(({ stage, perMillion }) => `${stage} ${usd(perMillion).trim()}`).join(', ')}`);
  console.log(
    `  of these suppressions read ${usd(cost.suppressionsPerMillion).trim()}, statistics, event pages and webhooks ${usd(cost.eventsPerMillion).trim()}, limits per site ${usd(cost.sitesPerMillion).trim()}`,
  );
  const { nat, egress, storageMonth } = besides(cost);
  console.log(
    `  beside it: NAT processing ${usd(nat).trim()}, egress ${usd(egress).trim()} (the first 100 GB a month are free), records kept for a month ${usd(storageMonth).trim()}`,
  );
}

async function main(): Promise<void> {
  const launched = await launchForBench({}, { sinkLatency: PEER, latency: true, maxEnvironments: 4 });
  for (let i = 0; i < SITES; i++)
    launched.dns.setRecord(`domain-${i}.example`, 'MX', [{ preference: 10, exchange: `mx.domain-${i}.example` }]);
  try {
    const share = options.quick ? 0.25 : 1;
    const singles = (count: number) => Array.from({ length: Math.ceil(count * share) }, (_, i) => mail([recipient(i)]));
    const curve: { perSecond: number; cost: Cost }[] = [];
    for (const [perSecond, count] of [
      [0.4, 24],
      [10, 1_200],
      [100, 2_000],
    ] as const) {
      const bodies = singles(count);
      curve.push({ perSecond, cost: await measure(launched, bodies, bodies.length, perSecond, `${perSecond}/s`) });
    }
    // Before bulk, whose message groups make the lane's queue a fair one for good.
    const receiver = await startReceiver();
    await makeWebhook(launched, receiver.url);
    const told = await measure(launched, singles(1_200), Math.ceil(1_200 * share), 10, 'webhook');
    const posts = receiver.posts();
    receiver.stop();
    if (posts === 0) throw new Error('the webhook was told nothing');
    const requests = options.quick ? 1 : 4;
    const bulkBodies = Array.from({ length: requests }, () =>
      mail(Array.from({ length: 1_000 }, (_, i) => recipient(i))),
    );
    const bulk = await measure(launched, bulkBodies, requests * 1_000, Number.POSITIVE_INFINITY, 'bulk');
    const single = curve.find(({ perSecond }) => perSecond === 10)!.cost;
    const snapshot = launched.stack.meter.snapshot();
    if (total(snapshot, 'requests') === 0) throw new Error('the meter counted nothing');
    if (options.json) {
      console.log(
        JSON.stringify({
          single,
          withWebhook: told,
          bulk,
          curve: curve.map(({ perSecond, cost }) => ({ perSecond, perMillion: cost.perMillion })),
          besides: { single: besides(single), bulk: besides(bulk) },
          monthlyFloor: floor,
          ses: 100,
        }),
      );
      return;
    }
    print('One recipient per request, 10 a second', single);
    print('The same, with a webhook for all events', told);
    print('1,000 personalizations per request', bulk);
    console.log('\nBy rate, one recipient per request:');
    for (const { perSecond, cost } of curve)
      console.log(`  ${String(perSecond).padStart(5)} a second ${usd(cost.perMillion)} per million`);
    console.log('\nEvery month, whatever is sent:');
    for (const [what, price] of Object.entries(floor)) console.log(`  ${what.padEnd(48)} ${usd(price)}`);
    console.log(
      `\nAmazon SES: $100.00 per million. The largest term is ${single.terms[0]!.term}: ${whyItStays(single.terms[0]!.term)}`,
    );
  } finally {
    await launched.end();
  }
}

function whyItStays(term: string): string {
  const why: Record<string, string> = {
    'DynamoDB writes':
      'two per message (the request record before the 202, and the outcome). Without the first, a 202 would promise nothing; without the second, nobody could say what became of a message.',
    'API Gateway requests':
      'one per request, and bulk sends a thousand messages in one. A function URL would save it, and with it throttling and custom domains.',
  };
  return why[term] ?? 'see docs/architecture.md.';
}

await main();
