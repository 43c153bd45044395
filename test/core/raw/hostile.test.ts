/** H1 of the reliability notes, for messages that came as MIME: hostile texts in every field and every value of X-SMTPAPI. */
import { describe, expect, it } from 'vitest';
import { makeFill } from '../../../core/raw/tags.ts';
import { readSubmitted } from '../../../core/submit-mime/index.ts';
import { measureLines } from '../../../core/wire.ts';
import { assertWire, compose, fieldNames } from './raw-mail.ts';

const BREAKS = [
  '\r\n',
  '\n',
  '\r',
  '\u2028',
  '\u2029',
  '\u0085',
  '\v',
  '\f',
  '\0',
  '\u00a0',
  '\ufeff',
  '\u3000',
  '\r\n\t',
  '\r\n\r\n',
  ' \r\n',
  '\r\n \r\n',
  '\t',
];
const FIELDS = [
  'From',
  'Sender',
  'To',
  'Cc',
  'Reply-To',
  'Subject',
  'Date',
  'Message-ID',
  'In-Reply-To',
  'References',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'Content-Disposition',
  'List-Unsubscribe',
  'Received',
  'DKIM-Signature',
  'X-Any',
  'Comments',
];
const EVIL = [
  ...BREAKS.flatMap((end) => [
    `a${end}Bcc: e@x.example`,
    `${end}Bcc: e@x.example${end}${end}body`,
    `a${end}${' '.repeat(80)}b`,
    `a@x.example${end}, <b@x.example>${end}`,
    `text/plain; name="ä${end}Bcc: e"`,
  ]),
  'x'.repeat(3_000),
  `ä${'x'.repeat(3_000)}`,
  'x '.repeat(2_000),
  `${'x@y.example,'.repeat(400)}z@y.example`,
  `${' '.repeat(1_500)}x`,
  `x${' '.repeat(1_500)}`,
  '=?utf-8?Q?=0D=0ABcc:_e@x.example?=',
  '=?utf-8?B?DQpCY2M6IGVAeC5leGFtcGxl?=',
  '"\r\nBcc: e"',
  '(((((((((((',
  '"""""""',
  '<<<<>>>>',
  '\\',
  ':;:;:;,,,',
  '__proto__',
  '\xff\xfe\xc3',
  '',
];
const octetsOf = (text: string) => Buffer.from(text, /[^\x00-\xff]/.test(text) ? 'utf8' : 'latin1');

describe('hostile texts in a message that came as MIME', () => {
  // Attack: a value that ends its line and begins another field, a Bcc above all, or the body; or one that no line can hold.
  it.each(FIELDS)('begin no field of ours, show no Bcc and keep to the wire: in %s', (name) => {
    for (const text of EVIL) {
      const head = name === 'From' ? '' : 'From: news@sender.example\r\n';
      for (const [before, after] of [
        ['', ''],
        ['ä', 'é'],
        ['a@b.example, ', ' <c@d.example>'],
      ]) {
        const octets = octetsOf(`${head}${name}: ${before}${text}${after}\r\nX-Last: 1\r\n\r\nbody\r\n`);
        for (const sevenBit of [false, true]) {
          const made = compose(octets, {}, { sevenBit });
          if ('dropped' in made) continue;
          assertWire(made);
          expect(made.header).toContain('From: news@sender.example\r\n');
        }
      }
    }
  });

  it.each(['subject', 'to', 'sub', 'section', 'unique_args', 'category', 'footer'])('in X-SMTPAPI’s %s', (position) => {
    for (const text of EVIL) {
      const api = {
        to: [position === 'to' ? text : `"Bob" <bob@x.example>`],
        sub: { '-a-': [position === 'sub' ? text : ':s'] },
        section: { ':s': position === 'section' ? text : 'section' },
        ...(position === 'unique_args' ? { unique_args: { [`${text}x`]: text } } : {}),
        ...(position === 'category' ? { category: text } : {}),
        filters: { footer: { settings: { enable: 1, 'text/plain': position === 'footer' ? text : 'foot' } } },
      };
      const json = JSON.stringify(api).replace(
        /[^\x20-\x7e]/g,
        (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      const header = Buffer.from(
        `From: news@sender.example\r\nTo: all@x.example\r\nSubject: s -a-\r\nX-SMTPAPI: ${json}\r\n\r\n`,
      );
      const octets = Buffer.concat([header, Buffer.from('body -a-\r\n')]);
      const read = readSubmitted(
        {
          header,
          size: octets.length,
          mime: { octets: octets.toString('latin1') },
          mailFrom: '',
          rcptTo: ['all@x.example'],
          eightBit: false,
          smtpUtf8: false,
        },
        { now: 0, pools: new Set() },
      );
      if (read.ok !== true) continue;
      const { content, personalizations, copies } = read.request;
      expect(copies.every(({ address }) => /^[!-~]+@[!-~]+$/.test(address))).toBe(true);
      const { to, substitutions = {} } = personalizations[0]!;
      const fill = makeFill(substitutions, content.sections);
      const made = compose(
        octets,
        { to, ...(fill ? { fill } : {}) },
        { sevenBit: true, edit: (one) => fill?.(one) ?? { problem: '' } },
      );
      if ('dropped' in made) continue;
      assertWire(made);
      expect(fieldNames(made.header).filter((name) => name === 'to')).toEqual(['to']);
      expect(measureLines(Buffer.from(made.header)).longest).toBeLessThanOrEqual(998);
    }
  });
});
