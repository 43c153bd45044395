/** Valid bodies, mutated: values swapped for interesting ones, properties added, taken away, given twice. */
import fc from 'fast-check';
import { DYNAMIC, type Json, mail, NOW_SECONDS } from './bodies.ts';

/** Every field set, so that a mutation can reach each. */
export const rich = (): Json =>
  mail({
    personalizations: [
      {
        to: [{ email: 'a@example.net', name: 'A' }],
        cc: [{ email: 'b@example.net' }],
        bcc: [{ email: 'c@example.net' }],
        from: { email: 'x@example.com' },
        subject: 's',
        headers: { 'X-A': '1' },
        custom_args: { k: 'v' },
        send_at: NOW_SECONDS + 60,
      },
      { to: [{ email: 'a@example.net' }], dynamic_template_data: { a: { b: [1] } } },
    ],
    reply_to: { email: 'r@example.com' },
    attachments: [{ content: 'aGk=', filename: 'f', type: 'a/b', disposition: 'inline', content_id: 'c' }],
    template_id: DYNAMIC,
    sections: { s: 't' },
    headers: { 'X-B': '2' },
    categories: ['c'],
    custom_args: { l: 'w' },
    send_at: NOW_SECONDS + 120,
    batch_id: 'b',
    asm: { group_id: 1, groups_to_display: [1] },
    ip_pool_name: 'bulk',
    mail_settings: {
      footer: { enable: true, text: 't' },
      sandbox_mode: { enable: false },
      bcc: { enable: true, email: 'k@example.net' },
    },
    tracking_settings: { click_tracking: { enable: true } },
  });

const interesting = fc.constantFrom<unknown>(
  ...[
    '',
    ' ',
    '\r\n',
    'a\0b',
    'x@example.net',
    'A@EXAMPLE.NET',
    '__proto__',
    'to',
    'ä',
    '😀',
    '\ud800',
    'a;b',
    'text/html',
    '=',
  ],
  ...[null, true, false, 0, -1, 1, 0.5, 1e21, NOW_SECONDS, [], {}, [[]], [{}], [null], { email: 'y@example.net' }],
);
const value = fc.oneof({ weight: 3, arbitrary: interesting }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) });
export const mutation = fc.record({
  path: fc.array(fc.nat(), { maxLength: 6 }),
  how: fc.constantFrom('set', 'delete', 'add', 'again'),
  value,
});

export function mutate(body: Json, { path, how, value }: { path: number[]; how: string; value: unknown }): void {
  let parent: Json = body;
  let key = 'subject';
  for (const step of path) {
    const keys = Object.keys(parent);
    if (keys.length === 0) break;
    key = keys[step % keys.length]!;
    const child = parent[key];
    if (typeof child !== 'object' || child === null) break;
    if (step % 3 !== 0) parent = child as Json;
  }
  const list = parent as unknown;
  if (how === 'delete' && !Array.isArray(list)) delete parent[key];
  else if (how === 'again' && Array.isArray(list)) list.push(structuredClone(list[0] ?? null));
  else if (how === 'add' && typeof value === 'string') parent[value] = value;
  else parent[key] = structuredClone(value);
}
