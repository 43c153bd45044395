/** The command line's bounces, as people use it: a process of its own, and no stack. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'pennypost-bounces-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const BOUNCE =
  'Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: b-token@em.shop.example\nSubject: failure notice\n\n<reader@example.com>:\nRemote host said: 550 5.1.1 User \u009b31munknown\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <b-token@em.shop.example>\nMessage-ID: <1@shop.example>\nFrom: shop@shop.example\n\nHello\n';

async function run(argv: string[], input = ''): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [resolve('bin/cli.ts'), 'bounces', ...argv], {
    cwd: place,
    env: { PATH: process.env.PATH, HOME: place },
    timeout: 15_000,
  });
  child.stdin.end(input);
  const code = new Promise<number | null>((done) => child.on('close', done));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

describe('bounces read', () => {
  it('tells in words what a mail says, and nothing that steers the terminal', async () => {
    const file = join(place, 'bounce.eml');
    writeFileSync(file, BOUNCE);

    const { code, out, err } = await run(['read', file]);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.trimEnd().split('\n')).toEqual([
      'mail      a bounce',
      'to        b-token@em.shop.example',
      '',
      'reader    reader@example.com',
      'status    failed, 5.1.1',
      'said      550 5.1.1 User �31munknown',
      'rule      unknown-user-coded',
      'class     Invalid Address',
      'copy      bounced, and its address suppressed: nothing more is sent to it',
      'about     <1@shop.example>',
      'sent as   b-token@em.shop.example',
    ]);
  });

  it('takes a mail from the standard input, and gives JSON', async () => {
    const { code, out } = await run(['read', '-', '--json'], BOUNCE);

    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      kind: 'bounce',
      recipients: [{ address: 'reader@example.com', type: 'bounce' }],
      original: { headers: { 'message-id': ['<1@shop.example>'] } },
    });
  });

  it('says when there is no such file', async () =>
    expect(await run(['read', 'nowhere.eml'])).toMatchObject({
      code: 1,
      err: 'pennypost: there is no file nowhere.eml\n',
    }));

  it('says that ordinary mail is no report', async () =>
    expect((await run(['read', '-'], 'From: a@b.example\nSubject: Hi\n\nHello\n')).out).toBe('mail      no report\n'));
});
