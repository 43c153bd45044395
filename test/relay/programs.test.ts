/** The programs that customers really send with: each gets its message taken, to two recipients, its octets as they were sent. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { KEY } from '../lambdas/fake-cloud.ts';
import { PROGRAMS } from './programs.ts';
import { openRelay, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openRelay();
});
afterAll(() => world.close());

const BODY = ['Grüße', '.', '..', '.leading dot', `long ${'x'.repeat(900)}`, '', 'end', ''].join('\r\n');
const message = Buffer.from(
  [
    'From: Shop <shop@example.com>',
    'To: one@example.net, two@example.net',
    'Subject: Hello',
    'Message-ID: <kept@example.com>',
    'Date: Mon, 23 Nov 2026 12:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    BODY,
  ].join('\r\n'),
);

for (const { name, missing, send } of PROGRAMS) {
  const why = missing();
  describe.skipIf(why !== undefined)(`${name}${why ? ` (skipped: ${why})` : ''}`, () => {
    it('its message is taken', async () => {
      // Prepare
      const lane = world.cloud.queues.get('lane:default-1')!;
      const before = lane.length;

      // Act
      const { port, tlsPort } = world;
      const to = ['one@example.net', 'two@example.net'];
      await send({ port, tlsPort, password: KEY.key, from: 'shop@example.com', to, message });

      // Assess
      expect(lane).toHaveLength(before + 1);
      const job = JSON.parse(lane.at(-1)!.body) as Job;
      expect(job.copies.map(({ address }) => address)).toEqual(to);
      const octets = (job.content!.mime as { octets: string }).octets;
      const text = Buffer.from(octets, 'latin1').toString();
      expect(text.slice(text.indexOf('\r\n\r\n') + 4).trimEnd()).toBe(BODY.trimEnd());
      expect(text).toContain('\r\nMessage-ID: <kept@example.com>\r\n');
      expect(
        text.match(/^Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example\.com with ESMTPSA /m),
      ).not.toBeNull();
    }, 60_000);
  });
}
