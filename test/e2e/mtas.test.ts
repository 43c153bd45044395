/**
 * Deliveries to real mail servers: what each says is judged rightly, and what it takes arrives octet for octet, its
 * signatures valid. A server that cannot run here is skipped, by the name of its Debian package.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge, type Verdict } from '../../core/outcome.ts';
import { compileShaping } from '../../core/shaping/compile.ts';
import { WAITS } from '../../core/smtp/limits.ts';
import { openSession } from '../../io/smtp.ts';
import { composeLetter, KEYS, TXT } from './messages.ts';
import { DOMAIN, MTAS, type RunningMta, SIZE_LIMIT } from './mtas.ts';

const PATIENCE = 30_000;
const SHAPING = compileShaping();

for (const mta of MTAS) {
  const missing = mta.missing();
  describe.skipIf(missing !== undefined)(missing ? `${mta.name} (skipped: ${missing})` : mta.name, () => {
    let server: RunningMta;
    beforeAll(async () => {
      server = await mta.start();
    }, PATIENCE);
    afterAll(() => server?.stop(), PATIENCE);

    type Told = { verdict: Verdict; tls: string | undefined };
    async function deliver(
      to: string,
      octets: Buffer[],
      tls: 'opportunistic' | 'off' = 'opportunistic',
    ): Promise<Told> {
      const ends = performance.now() + PATIENCE;
      const opened = await openSession({
        host: server.host,
        address: '127.0.0.1',
        port: server.port,
        ehloName: 'mta1.shop.example.com',
        waits: WAITS,
        remaining: () => Math.max(1, ends - performance.now() + WAITS.body + WAITS.dot),
        tls,
      });
      if (!opened.ok) throw new Error(`no session: ${JSON.stringify(opened)}`);
      const sent = await opened.session.send({ from: 'b234@em.shop.example.com', to, octets });
      await opened.session.quit();
      if (!sent.ok && 'postponed' in sent) throw new Error('postponed');
      return { verdict: judge(sent, SHAPING, 'other'), tls: opened.session.tls?.protocol };
    }

    /** The mailboxes once they hold so many; servers deliver behind their 250. */
    async function arrived(count: number): Promise<Buffer[]> {
      for (let n = 0; n < 150; n++) {
        const stored = server.mailboxes();
        if (stored.length >= count) return stored;
        await sleep(100);
      }
      return server.mailboxes();
    }

    it(`takes messages of every form ${mta.brokenTls ? 'in clear, as no TLS can be had' : 'over TLS'} and stores them octet for octet, their signatures valid`, async () => {
      // Prepare
      const before = server.mailboxes().length;
      const names = ['text and html', 'an inline image', 'dots and From at line starts, trailing blanks', 'long lines'];
      const letters = await Promise.all(names.map((name, n) => composeLetter(name, n)));

      // Act
      for (const { octets } of letters) {
        const { verdict, tls } = await deliver(`bob@${DOMAIN}`, octets);
        expect(verdict).toMatchObject({ event: 'delivered' });
        if (mta.brokenTls) expect(tls).toBeUndefined();
        else expect(tls).toMatch(/^TLSv1\.[23]$/);
      }

      // Assess: below what the server put above it, the message is as we made it (mailboxes have bare line feeds).
      const stored = (await arrived(before + names.length)).map((file) =>
        Buffer.from(file.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1'),
      );
      for (const { octets } of letters) {
        const wire = Buffer.concat(octets).toString('latin1');
        const message = wire.slice(0, -3).replace(/^\./gm, '');
        const found = stored.filter((file) => file.toString('latin1').endsWith(message));
        expect(found).toHaveLength(1);
        const resolver = async (name: string) => [[TXT[name] ?? '']];
        const { results } = (await dkimVerify(found[0]!, { resolver } as never)) as unknown as {
          results: { status: { result: string } }[];
        };
        expect(results.map(({ status }) => status.result)).toEqual(KEYS.map(() => 'pass'));
      }
    });

    it('an unknown user bounces, as an address', async () => {
      const { octets } = await composeLetter('text only');
      const { verdict } = await deliver(`nobody.here@${DOMAIN}`, octets);
      expect(verdict).toMatchObject({ event: 'bounced', type: 'bounce' });
    });

    it('greylisting defers, and the next attempt is taken', async () => {
      const before = server.mailboxes().length;
      const { octets } = await composeLetter('text only', 7);
      const first = await deliver(`grey@${DOMAIN}`, octets);
      expect(first.verdict).toMatchObject({ event: 'deferred', reply: expect.stringMatching(/greylisted/i) });

      server.regrow();
      const second = await deliver(`grey@${DOMAIN}`, octets);

      expect(second.verdict).toMatchObject({ event: 'delivered' });
      expect(await arrived(before + 1)).toHaveLength(before + 1);
    });

    const required = mta.brokenTls ? ` (skipped: ${mta.brokenTls})` : '';
    it.skipIf(mta.brokenTls)(
      `without STARTTLS it refuses, which is about us and not the address${required}`,
      async () => {
        const { octets } = await composeLetter('text only');
        const { verdict, tls } = await deliver(`bob@${DOMAIN}`, octets, 'off');
        expect(tls).toBeUndefined();
        // The next session may have TLS: nobody is bounced for one that had not.
        expect(verdict).toMatchObject({
          event: 'deferred',
          rule: 'tls-required',
          status: expect.stringMatching(/^5(30|\.7\.)/),
        });
      },
    );

    it('a message beyond its limit bounces, as content, and nothing of it arrives', async () => {
      const before = server.mailboxes().length;
      const { octets } = await composeLetter('a big attachment');
      expect(Buffer.concat(octets).length).toBeGreaterThan(SIZE_LIMIT);
      const { verdict } = await deliver(`bob@${DOMAIN}`, octets);
      expect(verdict).toMatchObject({ event: 'bounced', type: 'blocked', status: '5.3.4' });
      expect(server.mailboxes()).toHaveLength(before);
    });
  });
}
