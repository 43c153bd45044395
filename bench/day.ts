/**
 * Draws docs/day.svg: connections that a lane has open at Gmail, Yahoo and everybody else over half a day in which both
 * complain. The mail is simulated in virtual time (test/lambdas/deliver/day.ts); deliver, its limits and the replies are
 * the real ones.
 */
import { writeFileSync } from 'node:fs';
import { type Sample, simulateDay } from '../test/lambdas/deliver/day.ts';
import { inVirtualTime } from '../test/virtual-clock.ts';

const [WIDTH, HEIGHT, LEFT, GAP] = [900, 90, 110, 46];
const HOURS = 12;
const ROWS = [
  { name: 'google', title: 'Gmail', limit: 5, notes: [{ at: 3, text: '4.7.28, until four' }] },
  { name: 'yahoo', title: 'Yahoo', limit: 10, notes: [{ at: 6, text: 'TSS04: nothing for two hours' }] },
  { name: 'others', title: 'others', limit: 10, notes: [] },
] as const;

const { samples, start } = await inVirtualTime(Date.UTC(2026, 10, 23), simulateDay);
const x = (at: number) => LEFT + ((at - start) / 3_600_000 / HOURS) * (WIDTH - LEFT - 20);
const top = (row: number) => 30 + row * (HEIGHT + GAP);
const bottom = (row: number) => top(row) + HEIGHT;

/** The most of each minute: what comes and goes within seconds is one line. */
function curveOf(row: (typeof ROWS)[number], nth: number): string {
  const minutes = Map.groupBy(samples, ({ at }: Sample) => Math.floor((at - start) / 120_000));
  const points = [...minutes.values()].map((some) => {
    const most = Math.max(...some.map((sample) => sample[row.name]));
    return `${x(some[0]!.at).toFixed(1)},${(bottom(nth) - (most / row.limit) * HEIGHT).toFixed(1)}`;
  });
  return `<polyline class="curve" points="${points.join(' ')}"/>`;
}

const rows = ROWS.map((row, nth) => {
  const labels = [0, row.limit].map(
    (value) =>
      `<text class="axis" x="${LEFT - 8}" y="${bottom(nth) - (value / row.limit) * HEIGHT + 4}">${value}</text>`,
  );
  const notes = row.notes.map(({ at, text }) => {
    const at_ = x(start + at * 3_600_000);
    return `<line class="note" x1="${at_}" x2="${at_}" y1="${top(nth) - 10}" y2="${bottom(nth)}"/><text class="said" x="${at_ + 5}" y="${top(nth) - 2}">${text}</text>`;
  });
  return [
    `<text class="title" x="${LEFT - 30}" y="${top(nth) + HEIGHT / 2 + 4}">${row.title}</text>`,
    `<rect class="frame" x="${LEFT}" y="${top(nth)}" width="${WIDTH - LEFT - 20}" height="${HEIGHT}"/>`,
    ...labels,
    ...notes,
    curveOf(row, nth),
  ].join('\n');
});
const hours = Array.from({ length: HOURS / 2 + 1 }, (_, n) => {
  const hour = n * 2;
  return `<text class="axis hour" x="${x(start + hour * 3_600_000)}" y="${bottom(ROWS.length - 1) + 18}">${hour} h</text>`;
});
const height = bottom(ROWS.length - 1) + 30;
writeFileSync(
  new URL('../docs/day.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Connections over half a day">
<style>
rect.page { fill: #fff } text { font: 12px system-ui, sans-serif; fill: #333 } .axis, .title { text-anchor: end }
.hour { text-anchor: middle } .title { font-weight: 600 } .frame { fill: #f6f7f9; stroke: #d5d9e0 }
.curve { fill: none; stroke: #1f6feb; stroke-width: 1.6 } .note { stroke: #c9372c; stroke-dasharray: 3 3 } .said { fill: #c9372c }
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
${rows.join('\n')}
${hours.join('\n')}
</svg>
`,
);
console.log('docs/day.svg');
