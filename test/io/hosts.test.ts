import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostKey } from '../../core/records/domains.ts';
import { HostTakenError, hostsIn } from '../../io/hosts.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let hosts: ReturnType<typeof hostsIn>;

beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
  hosts = hostsIn('Accounts', dynamodb.client);
});
afterAll(() => dynamodb.stop());

const parse = (hostname: string, account: string) => ({ ...hostKey(hostname), account, kind: 'parse' as const });
const returnPath = (hostname: string, account: string) => ({
  ...hostKey(hostname),
  account,
  kind: 'return-path' as const,
});

describe('host names', () => {
  it('are found in any case, and given up by whoever has them', async () => {
    await hosts.claimHost(parse('In.Shop.Example', 'shopshop'));
    expect(await hosts.readHost('in.shop.EXAMPLE')).toMatchObject({ account: 'shopshop', kind: 'parse' });

    await hosts.giveUpHost('in.shop.example', 'another2');
    expect(await hosts.readHost('in.shop.example')).toBeDefined();
    await hosts.giveUpHost('in.shop.example', 'shopshop');
    expect(await hosts.readHost('in.shop.example')).toBeUndefined();
  });

  // Attack: an account names another's host in a setting of its own, to get the other's bounces, or the mail to its addresses.
  it('stay whose they are', async () => {
    await hosts.claimHost(parse('mail.shop.example', 'shopshop'));
    await hosts.claimHost(returnPath('em.shop.example', 'shopshop'));

    await expect(hosts.claimHost(parse('mail.shop.example', 'another2'))).rejects.toThrow(HostTakenError);
    await expect(hosts.claimHost(parse('em.shop.example', 'another2'))).rejects.toThrow(HostTakenError);
    await expect(hosts.claimHost(parse('em.shop.example', 'shopshop'))).rejects.toThrow(HostTakenError);
    await expect(hosts.claimHost(returnPath('mail.shop.example', 'another2'))).rejects.toThrow(HostTakenError);
    expect(await hosts.readHost('mail.shop.example')).toMatchObject({ account: 'shopshop', kind: 'parse' });
  });

  it('may be claimed again; a return path is also that of a second account that sends by it', async () => {
    await hosts.claimHost(parse('again.shop.example', 'shopshop'));
    await hosts.claimHost(parse('again.shop.example', 'shopshop'));
    await hosts.claimHost(returnPath('em.both.example', 'shopshop'));
    await hosts.claimHost(returnPath('em.both.example', 'subuser2'));
    expect(await hosts.readHost('em.both.example')).toMatchObject({ account: 'shopshop' });
  });
});
