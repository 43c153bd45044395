import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeOpenToken, nameReader, readOpenToken } from '../../core/tracking/token.ts';
import { engagementsIn } from '../../io/engagements.ts';
import { readKeysBy, trackingIn, trackingKeysOf } from '../../io/tracking.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['accounts', 'messages']);
});
afterAll(() => dynamodb.stop());

describe('link hosts', () => {
  it('are used once they are validated: the domain’s own, else the default', async () => {
    let now = 0;
    const one = trackingIn('accounts', dynamodb.client, () => now);
    const link = await one.writeLink('acct2222', 'Example.com', 'links.example.com');
    expect(await one.readLinkHost('acct2222', 'example.com')).toBeUndefined();
    await one.setLinkValid(link, true);
    now += 61_000;
    expect(await one.readLinkHost('acct2222', 'EXAMPLE.com')).toBe('links.example.com');
    expect(await one.readLinkHost('acct2222', 'other.example')).toBeUndefined();
    await one.setLinkDefault('acct2222', 'example.com');
    now += 61_000;
    expect(await one.readLinkHost('acct2222', 'other.example')).toBe('links.example.com');
    await one.setLinkValid(link, false);
    now += 61_000;
    expect(await one.readLinkHost('acct2222', 'other.example')).toBeUndefined();
  });

  /** Attack: an account names another's host as its own, to have links that its readers trust. */
  it('are one account’s alone', async () => {
    const one = trackingIn('accounts', dynamodb.client, () => 0);
    await one.writeLink('acct2222', 'example.net', 'links.example.net');
    await one.writeLink('acct2222', 'example.org', 'links.example.net');
    await expect(one.writeLink('acct3333', 'example.net', 'links.example.net')).rejects.toThrow('in use');
  });
});

describe('keys', () => {
  it('the current one makes, it and the one before read; a new one is seen when a token asks for it', async () => {
    const versions: Record<string, string | undefined> = { AWSCURRENT: 'a'.repeat(64) };
    const secrets = {
      send: async ({ input }: { input: { VersionStage: string } }) => {
        const SecretString = versions[input.VersionStage];
        if (SecretString === undefined) throw Object.assign(new Error('no'), { name: 'ResourceNotFoundException' });
        return { SecretString };
      },
    } as never;
    let now = 0;
    const reader = nameReader({
      account: 'acct2222',
      requestId: 'AZq4sZ3HfjCyGyQ0bV1q7g',
      index: 0,
      address: 'a@b.example',
    });
    const keys = readKeysBy(secrets, 'arn', () => now);
    const old = makeOpenToken(reader, 'h', await trackingKeysOf(secrets, 'arn', () => now).current());
    expect(readOpenToken(old, 'h', await keys(false))).toBeDefined();
    Object.assign(versions, { AWSPREVIOUS: versions.AWSCURRENT, AWSCURRENT: 'b'.repeat(64) });
    const young = makeOpenToken(reader, 'h', await trackingKeysOf(secrets, 'arn', () => now).current());
    expect(readOpenToken(young, 'h', await keys(true))).toBeUndefined();
    now += 60_000;
    for (const token of [old, young]) expect(readOpenToken(token, 'h', await keys(true))).toBeDefined();
    Object.assign(versions, { AWSPREVIOUS: versions.AWSCURRENT, AWSCURRENT: 'c'.repeat(64) });
    now += 600_000;
    expect(readOpenToken(old, 'h', await keys(true))).toBeUndefined();
    expect(readOpenToken(young, 'h', await keys(true))).toBeDefined();
  });
});

it('an engagement is written once', async () => {
  const { putEngagement } = engagementsIn('messages', dynamodb.client);
  const record = { pk: 'p', sk: 's', event: 'open' as const, address: 'a@b.example', at: 7, expiresAt: 9 };
  expect(await putEngagement(record)).toBeUndefined();
  const link = { ...record, ip: '203.0.113.7', userAgent: 'x', url: 'https://a.example/' };
  expect(await putEngagement(link)).toMatchObject({ at: 7, ip: undefined });
  const click = { ...link, sk: 'c', urlOffset: { index: 3, type: 'html' as const } };
  expect(await putEngagement(click)).toBeUndefined();
  expect(await putEngagement({ ...click, at: 8 })).toEqual({ at: 7, ip: '203.0.113.7', userAgent: 'x', link: 3 });
});
