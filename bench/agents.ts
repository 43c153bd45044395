/**
 * `npm run bench:agents`: how often the verdicts on user agents are right, against two public collections under ../shared/corpus:
 * crawler-user-agents (bots by what they sent) and uap-core (browsers, devices, and spiders among them). Goals: at least 97 % of bots
 * found, fewer than 0.5 % of people called bots. `--misses` prints what was wrong.
 */
import { readAgents } from './agents-corpus.ts';

const { bots, people, browsers, devices } = readAgents();
const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)} %`;
const row = (what: string, right: number, all: number, goal: string) =>
  console.log(
    `${what.padEnd(28)} ${String(right).padStart(6)} of ${String(all).padStart(6)}  ${percent(right, all).padStart(9)}   ${goal}`,
  );

row('bots called bots', bots.found.length, bots.all, 'goal ≥ 97 %');
row('people called bots', people.called.length, people.all, 'goal < 0.5 %');
row('browsers named', browsers.right, browsers.all, '');
row('devices named', devices.right, devices.all, '');
if (process.argv.includes('--misses')) {
  console.log(`\nbots that are not found:\n  ${bots.missed.join('\n  ')}`);
  console.log(`\npeople called bots:\n  ${people.called.join('\n  ')}`);
  console.log(`\nbrowsers:\n  ${browsers.wrong.join('\n  ')}`);
  console.log(`\ndevices:\n  ${devices.wrong.slice(0, 300).join('\n  ')}`);
}
