/**
 * `npm run bench:tracked`: what tracking costs deliver in composing: messages a second of one process, made and signed, of a newsletter
 * with two values for each reader and twenty links, plain and tracked, beside RSA-2048 signatures a second of the same run.
 */
import type { Job } from '../core/job.ts';
import type { Content } from '../core/mail.ts';
import { NOTHING } from '../core/tracking/settings.ts';
import { makeTrackingKey } from '../core/tracking/token.ts';
import { trackingOf } from '../core/tracking/track.ts';
import { createLetters } from '../lambdas/deliver/letter.ts';
import type { Task } from '../lambdas/deliver/take.ts';
import { makeRsaKey, measureRsa } from './machine.ts';

const ROUND = 1_500;
const ROUNDS = 4;
const PARAGRAPH = '<p style="margin:0 0 1em">Our new seats are wider, and the window is yours if you are quick.</p>\n';
const link = (n: number) =>
  `<p><a href="https://shop.example/item/${n}?reader=-id-&amp;from=mail">Item ${n}</a></p>\n${PARAGRAPH.repeat(4)}`;
const HTML = `<html><body><h1>Dear -name-</h1>\n${Array.from({ length: 20 }, (_, n) => link(n)).join('')}</body></html>\n`;

const key = makeRsaKey();
const content: Content = {
  from: { email: 'news@example.com', name: 'News' },
  replyTo: [],
  subject: 'Seats for -name-',
  parts: [{ type: 'text/html', value: HTML }],
  attachments: [],
  headers: {},
  sections: {},
  categories: [],
  customArgs: {},
  trackingSettings: { click_tracking: { enable: true }, open_tracking: { enable: true } },
};

function makeTask(tracked: boolean): Task {
  const links = { host: 'links.example.com', key: makeTrackingKey(Buffer.alloc(32, 7)) };
  const wanted = trackingOf(content, NOTHING)!;
  const job = { account: 'operator', requestId: 'AZq4sZ3HfjCyGyQ0bV1q7g', acceptedAt: 0 } as Job;
  return {
    job,
    content,
    personalizations: new Map(),
    domains: new Map([
      [
        'example.com',
        { returnPath: 'em.example.com', keys: [{ domain: 'example.com', selector: 's1', algorithm: 'rsa', key }] },
      ],
    ]),
    letters: new Map(),
    uses: new Map(),
    ...(tracked ? { tracking: { wanted, linksOf: new Map([['example.com', links]]) } } : {}),
  } as unknown as Task;
}

async function measure(task: Task): Promise<number> {
  const letters = createLetters(50_000_000, { name: 'default-1', pool: 'default' });
  const began = performance.now();
  for (let index = 0; index < ROUND; index++) {
    const address = `reader${index}@x.example`;
    const substitutions = { '-name-': `Reader ${index}`, '-id-': String(index * 7_919) };
    task.personalizations.set(index, { index, to: [{ email: address }], cc: [], substitutions });
    task.uses.set(index, 1);
    const copy = { personalization: index, role: 'to' as const, address, index };
    const { letter, giveBack } = await letters.borrow(task, copy);
    if (letter.dropped !== undefined) throw new Error(letter.dropped);
    giveBack();
    letters.release(task, copy);
    task.personalizations.delete(index);
  }
  return (ROUND * 1_000) / (performance.now() - began);
}

const plain = makeTask(false);
const tracked = makeTask(true);
const best = { plain: 0, tracked: 0, rsa: 0 };
for (let round = 0; round < ROUNDS; round++) {
  best.plain = Math.max(best.plain, await measure(plain));
  best.tracked = Math.max(best.tracked, await measure(tracked));
  best.rsa = Math.max(best.rsa, measureRsa(key, 500));
}
const row = (what: string, perSecond: number) =>
  console.log(
    `${what.padEnd(34)} ${perSecond.toFixed(0).padStart(6)} a second  ${(perSecond / best.rsa).toFixed(2).padStart(5)} of RSA`,
  );
console.log(`${Buffer.byteLength(HTML)} octets of HTML, 20 links\n`);
row('RSA-2048 signatures', best.rsa);
row('plain messages, made and signed', best.plain);
row('tracked messages, made and signed', best.tracked);
