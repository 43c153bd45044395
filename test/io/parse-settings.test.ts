import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSettingKey } from '../../core/records/inbound.ts';
import { HostTakenError, hostsIn } from '../../io/hosts.ts';
import { parseSettingsIn, parseStatsIn } from '../../io/parse-settings.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let settings: ReturnType<typeof parseSettingsIn>;
const setting = (account: string, hostname: string) => ({
  ...parseSettingKey(account, hostname),
  hostname,
  url: 'https://hooks.shop.example/',
  spamCheck: false,
  sendRaw: false,
  createdAt: 1,
});

beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts', 'Messages']);
  settings = parseSettingsIn('Accounts', dynamodb.client);
});
afterAll(() => dynamodb.stop());

describe('parse settings', () => {
  it('take their host name with them, and give it up again', async () => {
    const { readHost } = hostsIn('Accounts', dynamodb.client);
    expect(await settings.createParseSetting('shopshop', setting('shopshop', 'in.shop.example'))).toBe(true);
    expect(await settings.createParseSetting('shopshop', setting('shopshop', 'in.shop.example'))).toBe(false);
    expect(await readHost('IN.shop.example')).toMatchObject({ account: 'shopshop', kind: 'parse' });
    await expect(settings.createParseSetting('another2', setting('another2', 'in.shop.example'))).rejects.toThrow(
      HostTakenError,
    );
    expect(await settings.readParseSetting('another2', 'in.shop.example')).toBeUndefined();

    expect(await settings.changeParseSetting({ ...setting('shopshop', 'in.shop.example'), sendRaw: true })).toBe(true);
    expect(await settings.listParseSettings('shopshop')).toMatchObject([
      { hostname: 'in.shop.example', sendRaw: true },
    ]);
    expect(await settings.changeParseSetting(setting('shopshop', 'no.shop.example'))).toBe(false);

    expect(await settings.removeParseSetting('another2', 'in.shop.example')).toBe(false);
    expect(await readHost('in.shop.example')).toBeDefined();
    expect(await settings.removeParseSetting('shopshop', 'IN.shop.example')).toBe(true);
    expect(await readHost('in.shop.example')).toBeUndefined();
  });
});

describe('mails received', () => {
  it('are counted once each, by day, though many come at once and some of them again', async () => {
    const { countReceived } = parseStatsIn('Accounts', 'Messages', dynamodb.client, 30);
    const at = (day: string) => Date.parse(`${day}T23:59:59Z`);
    const ids = Array.from({ length: 40 }, (_, n) => `mail-${n}`);
    const counted = await Promise.all(
      [...ids, ...ids].map((id) =>
        countReceived('shopshop', id, at('2026-11-24')).catch(() => countReceived('shopshop', id, at('2026-11-24'))),
      ),
    );
    await countReceived('shopshop', 'later', at('2026-11-26'));
    expect(counted.filter(Boolean)).toHaveLength(40);
    expect(await settings.readParseStats('shopshop', '2026-11-24', '2026-11-25')).toEqual(
      new Map([['2026-11-24', 40]]),
    );
    expect(await settings.readParseStats('shopshop', '2026-11-24', '2026-11-26')).toEqual(
      new Map([
        ['2026-11-24', 40],
        ['2026-11-26', 1],
      ]),
    );
    expect((await settings.readParseStats('another2', '2026-11-24', '2026-11-26')).size).toBe(0);
  });
});
