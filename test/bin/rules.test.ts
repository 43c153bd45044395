/** The command line's rules, as people and scripts use them: a process of its own, and no stack. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'pennypost-rules-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

type Ran = { code: number; out: string; err: string };

/** Nothing of this machine's AWS configuration: what asked for a stack would fail. */
function run(...argv: string[]): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: place, AWS_EC2_METADATA_DISABLED: 'true' };
  return new Promise((done) => {
    execFile(
      process.execPath,
      [resolve('bin/cli.ts'), 'rules', ...argv],
      { cwd: place, env, timeout: 15_000 },
      (error, out, err) => done({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    );
  });
}

function givenSettings(name: string, shaping: object): string {
  const file = join(place, name);
  writeFileSync(
    file,
    `import { defineSettings } from ${JSON.stringify(resolve('lib/settings.ts'))};\nexport default defineSettings(${JSON.stringify({ shaping })});\n`,
  );
  return file;
}

const LISTED =
  "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150).";

describe('rules try', () => {
  it('tells in words what a reply does', async () => {
    const { code, out, err } = await run('try', LISTED, '--mx', 'outlook-com.olc.protection.outlook.com');

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.trimEnd().split('\n')).toEqual([
      `reply  ${LISTED}`,
      'from   microsoft, in answer to rcpt',
      'rule   outlook-listed',
      'class  Reputation',
      'copy   deferred: tried again later, for up to 72 hours',
      'site   nothing for 2 hours, then one connection, growing; the operator is told',
    ]);
  });

  it('prints JSON, and reads a reply of several lines', async () => {
    const reply = '550-5.1.1 The email account that you tried to reach\n550 5.1.1 does not exist. - gsmtp';

    const { out } = await run('try', reply, '--provider', 'google', '--json');

    expect(JSON.parse(out)).toEqual({
      provider: 'google',
      stage: 'rcpt',
      event: 'bounced',
      type: 'bounce',
      reply: '550 5.1.1 The email account that you tried to reach does not exist. - gsmtp',
      status: '5.1.1',
      classification: 'Invalid Address',
      rule: 'gmail-no-such-user',
    });
  });

  it('knows the step: nobody is suppressed for a refusal of MAIL', async () => {
    const [rcpt, mail] = await Promise.all([
      run('try', '550 no such user'),
      run('try', '550 no such user', '--stage', 'mail'),
    ]);
    expect(rcpt.out).toContain('its address suppressed');
    expect(mail.out).toContain('its address not suppressed');
  });

  it('says when no rule knows it, and when it is a success', async () => {
    const [unknown, taken] = await Promise.all([run('try', '554 Xyzzy'), run('try', '250 OK')]);
    expect(unknown.out).toMatch(
      /rule {3}none: only its code counts\nclass {2}Unclassified\ncopy {3}bounced as blocked/,
    );
    expect(taken.out).toContain('copy   delivered');
  });

  it("takes the settings' own rules first", async () => {
    const config = givenSettings('own.ts', {
      providers: { acme: { suffixes: ['acme.example'] } },
      rules: [
        {
          name: 'acme-lunch',
          provider: 'acme',
          match: 'out to lunch',
          sample: '550 Out to lunch',
          event: 'deferred',
          act: { do: 'pause', minutes: 45 },
        },
      ],
    });

    const { out } = await run(
      'try',
      '550 We are out to lunch',
      '--mx',
      'mx1.acme.example',
      '--mx',
      'mx2.acme.example',
      '--config',
      config,
    );

    expect(out).toMatch(/from {3}acme, .*\nrule {3}acme-lunch\n.*\ncopy {3}deferred.*\nsite {3}nothing for 45 minutes/);
  });

  it.each([
    ['no reply', ['try', 'slow down'], /a reply begins with its code/],
    ['no such step', ['try', '450 no', '--stage', 'lunch'], /"lunch" is not a step/],
    ['no such provider', ['try', '450 no', '--provider', 'gogle'], /there is no provider "gogle": one of google, /],
    ['no such settings', ['check', '--config', 'nowhere.ts'], /there are no settings at nowhere\.ts/],
    ['too little', ['try'], /"rules try" needs REPLY/],
  ])('%s: one sentence, exit code 1', async (_, argv, words) => {
    const { code, out, err } = await run(...argv);
    expect({ code, out, lines: err.trimEnd().split('\n').length }).toEqual({ code: 1, out: '', lines: 1 });
    expect(err).toMatch(words);
  });
});

describe('rules list', () => {
  it("lists a provider's own rules before those for any", async () => {
    const { out } = await run('list', '--provider', 'mimecast', '--json');
    const rules = JSON.parse(out) as { provider: string; name: string }[];
    expect(rules[0]).toMatchObject({ provider: 'mimecast', name: 'mimecast-greylist' });
    expect(rules.findLastIndex(({ provider }) => provider === 'mimecast')).toBeLessThan(
      rules.findIndex(({ provider }) => provider === 'any'),
    );
  });

  it('lists all of them as a table', async () => {
    const { out } = await run('list');
    expect(out).toMatch(/^PROVIDER +RULE +COPY +CLASS +SITE\n/);
    expect(out).toMatch(/google +gmail-rate-ip +deferred +Frequency or Volume Too High +nothing for 10 minutes/);
    expect(out).toMatch(/any +mailbox-refused +5xx: bounce +Invalid Address/);
  });
});

describe('rules check', () => {
  it('is content with what is sound', async () => {
    const config = givenSettings('sound.ts', { providers: { google: { connections: 3 } } });
    expect(await run('check', '--config', config)).toMatchObject({
      code: 0,
      out: "The settings' shaping is sound: 0 rules and 1 providers of your own.\n",
    });
  });

  it('names what is not, with its path', async () => {
    const config = givenSettings('unsound.ts', { rules: [{ name: 'lunch', match: 'dinner', sample: '450 lunch' }] });
    const { code, err } = await run('check', '--config', config);
    expect(code).toBe(1);
    expect(err).toContain('shaping.rules[0].match: does not match its own sample');
  });
});
