/**
 * The form of what we send, judged by others: every signature by mailauth and by OpenDKIM, headers, MIME, dates and ids by
 * SpamAssassin's rules. What is not installed is skipped, by the name of its Debian package.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Composed, composeMessages, KEYS, TXT } from './messages.ts';

const run = promisify(execFile);
const OPENDKIM = '/usr/sbin/opendkim';
const SPAMASSASSIN = '/usr/bin/spamassassin';

let composed: Composed[];
let folder: string;
beforeAll(async () => {
  composed = await composeMessages();
  folder = mkdtempSync(join(tmpdir(), 'pennypost-form-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The message with one of its signatures only, so that a judge who stops at the first good one sees each. */
function withSignature(message: Buffer, n: number): Buffer {
  const raw = message.toString('latin1');
  const signatures = raw.match(/^DKIM-Signature: (?:.*\r\n[ \t])*.*\r\n/gm) ?? [];
  const rest = raw.slice(signatures.join('').length);
  return Buffer.from(signatures[n]! + rest, 'latin1');
}

describe('twenty typical messages', () => {
  it('are twenty, and their readers read them', async () => {
    expect(composed).toHaveLength(20);
    for (const { name, message } of composed) {
      const { from, subject, date, messageId } = await simpleParser(message);
      expect({ name, from: from?.value[0]?.address }).toEqual({
        name,
        from: expect.stringMatching(/@shop\.example\.com$/),
      });
      expect(subject?.length, name).toBeGreaterThan(0);
      expect(date, name).toBeInstanceOf(Date);
      expect(messageId, name).toMatch(/^<\S+@\S+>$/);
    }
  });

  it('every signature is valid, and aligned but for the provider’s, as mailauth judges', async () => {
    const resolver = async (name: string, type: string) => {
      if (type !== 'TXT' || !TXT[name]) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [[TXT[name]]];
    };
    type Verified = { results: { status: { result: string; aligned?: string | false } }[] };
    for (const { name, message } of composed) {
      const { results } = (await dkimVerify(message, { resolver } as never)) as unknown as Verified;
      expect({ name, results: results.map(({ status }) => status.result) }).toEqual({
        name,
        results: KEYS.map(() => 'pass'),
      });
      expect(
        results.map(({ status }) => Boolean(status.aligned)),
        name,
      ).toEqual([true, true, false]);
    }
  });

  // opendkim-testmsg has its keys from DNS alone, and no mail leaves this machine, nor a question: the filter of the same
  // package and library, in its test mode, takes them from a file.
  it.skipIf(!existsSync(OPENDKIM))(
    'every signature is valid, as OpenDKIM judges (Debian package: opendkim)',
    async () => {
      const keys = join(folder, 'keys');
      const config = join(folder, 'opendkim.conf');
      writeFileSync(
        keys,
        Object.entries(TXT)
          .map(([name, value]) => `${name} ${value}\n`)
          .join(''),
      );
      writeFileSync(config, `Mode v\nTestPublicKeys ${keys}\nSyslog no\n`);
      const paths = composed.flatMap(({ message }, n) =>
        KEYS.map((_, k) => {
          const path = join(folder, `dkim-${n}-${k}.eml`);
          writeFileSync(path, withSignature(message, k));
          return path;
        }),
      );

      const { stdout, stderr } = await run(OPENDKIM, ['-x', config, '-t', paths.join(',')]);

      const verdicts = `${stdout}${stderr}`.trim().split('\n');
      const failed = paths.filter((path) => !verdicts.some((line) => line.includes(path) && /succeeded/.test(line)));
      expect({ failed, verdicts: failed.length > 0 ? verdicts : [] }).toEqual({ failed: [], verdicts: [] });
    },
  );

  it.skipIf(!existsSync(SPAMASSASSIN))(
    'no rule about form scores, as SpamAssassin judges (Debian package: spamassassin)',
    async () => {
      const judged = await judge(composed.map(({ message }) => message));
      expect(judged).toHaveLength(composed.length);
      const scored = judged.flatMap((rules, n) => rules.map((rule) => `${composed[n]!.name}: ${rule}`));
      expect(scored).toEqual([]);

      // It would say so: the same without what a message must have.
      const { message } = composed[0]!;
      const bad = message.toString('latin1').replace(/^(Date|Message-ID|MIME-Version|Subject): .*\r\n/gm, '');
      const [faults] = await judge([Buffer.from(bad, 'latin1')]);
      expect(faults).toEqual(expect.arrayContaining(['MISSING_DATE', 'MISSING_MID', 'MISSING_SUBJECT']));
    },
    120_000,
  );
});

/** The rules that score on each message, but for those that say nothing of form. */
async function judge(messages: Buffer[]): Promise<string[][]> {
  // What the server that takes it puts above it: SpamAssassin compares dates with it.
  const received =
    'Received: from mta1.shop.example.com (mta1.shop.example.com [54.240.8.8])\r\n\tby mx.reader.example.org (Postfix) with ESMTPS id 4Abc123\r\n\tfor <bob@reader.example.org>; Mon, 23 Nov 2026 12:00:07 +0000\r\n';
  const paths = messages.map((message, n) => {
    const path = join(folder, `form-${n}.eml`);
    writeFileSync(path, Buffer.concat([Buffer.from(received), message]));
    return path;
  });
  const { stdout } = await run(
    SPAMASSASSIN,
    ['-L', '-t', '-x', '-p', '/dev/null', '--cf', 'add_header all Scores _TESTSSCORES(,)_', ...paths],
    { maxBuffer: 100_000_000, env: { PATH: process.env.PATH, HOME: folder } },
  );
  return [...stdout.matchAll(/^X-Spam-Scores: (.*(?:\n[ \t].*)*)/gm)].map(([, list = '']) =>
    list
      .replace(/\s+/g, '')
      .split(',')
      .map((one) => one.split('='))
      .filter(([rule = '', score]) => Number(score) > 0 && !(rule in NOT_FORM))
      .map(([rule = '']) => rule),
  );
}

/** Rules that say nothing of our form, each with its reason; no other rule may score. */
const NOT_FORM: Record<string, string> = {
  HTML_MESSAGE: 'there is HTML in it, as its sender wished',
  MIME_HTML_ONLY: 'there is only HTML in it, as its sender wished',
};
