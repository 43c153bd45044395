/**
 * The attack (CVE-2023-51764, -51765, -51766): a message that holds what some server takes for its end, and behind it commands.
 * If we end it there, the attacker's second message leaves in our name, with our signature. If the server behind us does, the same.
 * So each variant is one message with CRLF line ends only, or a 5xx; never two; and the next command has exactly one reply.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawMime } from '../../core/mail.ts';
import { ENDS_OF_DATA } from '../ends-of-data.ts';
import { begin, logIn, MESSAGE } from './client.ts';
import { openRelay, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openRelay();
});
afterAll(() => world.close());

const TRUE_END = '\r\n.\r\n';
const shown = ENDS_OF_DATA.map((variant) => [JSON.stringify(variant), variant] as const);

/** The octets of every message that was taken since `from`. */
const taken = (from: number): string[] =>
  world.cloud.queues
    .get('lane:default-1')!
    .slice(from)
    .map(({ body }) => (JSON.parse(body).content.mime as Extract<RawMime, { octets: string }>).octets);

describe('smuggling', () => {
  it('has more than the 130 variants', () => expect(ENDS_OF_DATA.length).toBeGreaterThan(130));

  describe.each([
    ['in one packet', (text: string) => [text]],
    ['an octet at a time', (text: string) => text.split('')],
  ])('%s', (_, cut) => {
    it.each(shown)('%s', async (_, variant) => {
      // Prepare
      const client = await logIn(world.tlsPort);
      const before = world.cloud.queues.get('lane:default-1')!.length;
      await begin(client);
      await client.say('DATA');
      const smuggled = 'MAIL FROM:<shop@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n';

      // Act
      const text = `${MESSAGE}first${variant}${smuggled}${MESSAGE}second\r\n.\r\n`;
      for (const piece of cut(text)) client.write(piece);
      const first = await client.reply();
      // Where the true end is in it, what follows are commands, and nobody was deceived: still no second message.
      if (variant.includes(TRUE_END)) {
        await client.rest(50);
        expect(taken(before).length).toBeLessThanOrEqual(variant === TRUE_END ? 2 : 1);
        client.end();
        return;
      }
      const next = await client.say('NOOP');

      // Assess
      const messages = taken(before);
      if (first.startsWith('250')) {
        expect(messages).toHaveLength(1);
        expect(messages[0]).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n/);
        expect(messages[0]).toContain('second');
      } else {
        expect(first).toMatch(/^554 5\.6\.0 /);
        expect(messages).toEqual([]);
      }
      expect(next).toBe('250 2.0.0 OK\r\n');
      expect(await client.rest(0)).toBe('');
      client.end();
    });
  });

  it.each(shown)('BDAT: %s is text of one message, or refused', async (_, variant) => {
    const client = await logIn(world.tlsPort);
    const before = world.cloud.queues.get('lane:default-1')!.length;
    await begin(client);
    const text = `${MESSAGE}first${variant}second\r\n`;
    client.write(`BDAT ${text.length} LAST\r\n${text}`);
    const said = await client.reply();
    const clean = !/\0|\r(?!\n)|(?<!\r)\n/.test(text);
    expect(said).toMatch(clean ? /^250 / : /^554 /);
    expect(taken(before)).toHaveLength(clean ? 1 : 0);
    expect(await client.say('NOOP')).toBe('250 2.0.0 OK\r\n');
    client.end();
  });
});
