import { describe, expect, it } from 'vitest';
import { hasAgents, readAgents } from '../../../bench/agents-corpus.ts';
import { machineByAgent, machineOf, readerOf } from '../../../core/tracking/agent.ts';
import { HELD, MACHINE_RULES, NAME_RULES } from '../../../core/tracking/agent-rules.ts';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148';
const visit = (agent: string | undefined, headers = {}, method = 'GET') => ({
  method,
  headers: { 'user-agent': agent, 'accept-language': 'en', ...headers },
});

describe('the rules', () => {
  it.each([...MACHINE_RULES, ...NAME_RULES])('$machine: $sample', ({ sample, machine, pattern }) => {
    expect(pattern.test(sample)).toBe(true);
    expect(NAME_RULES.some((rule) => rule.pattern === pattern) && HELD.test(sample)).toBe(false);
    expect(machineByAgent(sample)).toBe(machine);
  });
});

describe('machineOf', () => {
  it('lets readers be readers', () => {
    const readers = [
      CHROME,
      IPHONE,
      'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
      'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html',
      'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0',
      'Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; Microsoft Outlook 16.0.5071)',
      'Mozilla/5.0 (Linux; Android 10; CUBOT_X18) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36',
    ];
    for (const agent of readers) expect([agent, machineOf(visit(agent), 'open')]).toEqual([agent, undefined]);
  });

  it('knows the mail programs that load ahead', () => {
    expect(machineOf(visit('Mozilla/5.0'), 'open')).toBe('apple-privacy');
    expect(machineOf(visit(`${CHROME.replace('131', '42')} Edge/12.246 Mozilla/5.0`), 'open')).toBe('prefetch');
    expect(machineOf(visit(CHROME, { 'sec-purpose': 'prefetch;prerender' }), 'click')).toBe('prefetch');
  });

  it('knows what no reader does', () => {
    expect(machineOf(visit(CHROME, {}, 'HEAD'), 'click')).toBe('program');
    expect(machineOf(visit(undefined), 'open')).toBe('program');
    expect(machineOf(visit(CHROME, { 'accept-language': undefined }), 'click')).toBe('disguised');
    expect(machineOf(visit(CHROME, { 'accept-language': undefined }), 'open')).toBeUndefined();
  });

  it('takes any length', () => expect(machineByAgent('a'.repeat(1_000_000))).toBe('program'));
});

describe('readerOf', () => {
  it.each([
    [CHROME, { browser: 'Chrome', device: 'Desktop', client: 'Webmail' }],
    [IPHONE, { browser: 'Safari', device: 'Phone', client: 'Apple iPhone' }],
    ['Mozilla/5.0 (via ggpht.com GoogleImageProxy)', { browser: 'Other', device: 'Webmail', client: 'Gmail' }],
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0',
      { browser: 'Other', device: 'Desktop', client: 'Thunderbird' },
    ],
    ['', { browser: 'Other', device: 'Other', client: 'Other' }],
  ])('%s', (agent, reader) => expect(readerOf(agent)).toEqual(reader));
});

describe.skipIf(!hasAgents())('public collections (K4)', () => {
  it('at least 97 % of bots are found, fewer than 0.5 % of people are called bots', () => {
    const { bots, people, browsers, devices } = readAgents();
    expect(bots.found.length / bots.all).toBeGreaterThanOrEqual(0.97);
    expect(people.called.length / people.all).toBeLessThan(0.005);
    expect(browsers.right / browsers.all).toBeGreaterThan(0.95);
    expect(devices.right / devices.all).toBeGreaterThan(0.85);
  }, 30_000);
});
