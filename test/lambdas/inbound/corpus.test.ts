/**
 * Every mail that other parsers are tried with, and mutations of them by one octet, through the whole of inbound and of parse:
 * none of them throws, takes two seconds, or needs more than 256 MB.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseForm } from '../../../core/parse/form.ts';
import { parseMail } from '../../../core/parse/mail.ts';
import { inbound } from '../../../lambdas/inbound/inbound.ts';
import { DOMAIN, returnPath, setUp } from './world.ts';

const CORPORA = ['mail-parser', 'ruby-mail', 'mailparser'].map((name) => join('../shared/corpus', name));
const present = CORPORA.every((folder) => existsSync(folder));
/** More of them on demand. */
const MUTATIONS = Number(process.env.PENNYPOST_MUTATIONS ?? 2_000);

const corpus = !present
  ? []
  : CORPORA.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile() && !/\.(txt|md|js|json)$|LICENSE|COPYING|gitattributes/i.test(file.name))
        .map((file) => readFileSync(join(file.parentPath, file.name))),
    );

describe.skipIf(!present)(
  'mails of other parsers’ tests, at a return path, a feedback address and a parse host',
  () => {
    const slowest = { ms: 0 };
    const take = async (raw: Buffer) => {
      const world = setUp();
      const began = performance.now();
      const handedBack = await inbound(
        [world.put(raw, [returnPath, `abuse@${DOMAIN}`, 'x@in.shop.example'], { remoteAddress: '192.0.2.1' })],
        world.deps,
      );
      const { body } = world.queued[0]!;
      const { mail } = JSON.parse(body);
      const setting = { sendRaw: false, spamCheck: true };
      const verdicts = { spf: 'none', dkim: 'none', dmarc: 'none' };
      const form = parseForm({ mail, parsed: parseMail(raw), raw, setting, verdicts }, 'c0ffee');
      slowest.ms = Math.max(slowest.ms, performance.now() - began);
      return { handedBack, bytes: form.bytes, suppressed: world.suppressed.size, problems: world.problems };
    };

    it('are all taken, and none of them suppresses anybody who was not named by a token', async () => {
      expect(corpus.length).toBeGreaterThan(200);
      for (const raw of corpus) {
        const { handedBack, bytes, problems } = await take(raw);
        expect({ handedBack, problems }).toEqual({ handedBack: [], problems: [] });
        expect(bytes).toBeGreaterThan(100);
      }
      expect(slowest.ms).toBeLessThan(2_000);
    });

    it(`and ${MUTATIONS} mutations by one octet too, in bounded memory`, async () => {
      let seed = 20_261_125;
      const random = (below: number) => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
      const before = process.memoryUsage().rss;
      let peak = 0;
      for (let n = 0; n < MUTATIONS; n++) {
        const raw = Buffer.from(corpus[random(corpus.length)]!);
        if (raw.length > 0) raw[random(raw.length)] = random(256);
        const { handedBack } = await take(raw);
        expect(handedBack).toEqual([]);
        peak = Math.max(peak, process.memoryUsage().rss - before);
      }
      expect(slowest.ms).toBeLessThan(2_000);
      expect(peak).toBeLessThan(256 * 1_048_576);
    }, 300_000);
  },
);
