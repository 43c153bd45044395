import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../../bin/cli/connect.ts';
import { addLink, checkLink, defaultLink, listLinks, removeLink } from '../../bin/cli/links.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { PROBE_ANSWER } from '../../core/tracking/link-host.ts';
import { operatorOf } from '../../io/accounts.ts';
import { startDynamodb } from '../io/dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let connection: Connection;
let said = '';
const print = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
  said += text;
  return true;
});

beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
  const operator = operatorOf('Accounts', dynamodb.client, undefined as never, 'key', Date.now);
  connection = {
    account: OPERATOR,
    local: true,
    operator: { ...operator, listDomains: async () => [{ domain: 'example.com' }] },
  } as unknown as Connection;
});
afterAll(async () => {
  print.mockRestore();
  await dynamodb.stop();
});
beforeEach(() => {
  said = '';
});

describe('links', () => {
  it('add takes a subdomain of a sending domain, and says what is to be done', async () => {
    await expect(addLink(connection, ['other.example', 'l.other.example'], {})).rejects.toThrow('no sending domain');
    await expect(addLink(connection, ['example.com', 'links.evil.example'], {})).rejects.toThrow('subdomain');
    await expect(addLink(connection, ['example.com', 'https://x'], {})).rejects.toThrow('no host name');
    await expect(addLink({ ...connection, local: false }, ['example.com', '127.0.0.1:1'], {})).rejects.toThrow();
    expect(await addLink(connection, ['Example.com', 'Links.Example.com'], {})).toBe(0);
    expect(said).toContain('TrackUrl');
    said = '';
    const linkFront = { distributionId: 'E1', groupId: 'cg_1', target: 'd1.cloudfront.net' };
    await addLink({ ...connection, linkFront }, ['example.com', 'links.example.com'], {});
    expect(said).toMatch(/CNAME\n {2}d1\.cloudfront\.net/);
    expect(said).toContain('--distribution-id E1 --connection-group-id cg_1');
  });

  it('check believes the host when it answers for us, and takes that back when it does not', async () => {
    let answer = PROBE_ANSWER;
    const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    await addLink(connection, ['example.com', `127.0.0.1:${(server.address() as AddressInfo).port}`], {});
    said = '';
    expect(await checkLink(connection, ['example.com'], {})).toBe(0);
    expect(await defaultLink(connection, ['example.com'], {})).toBe(0);
    said = '';
    await listLinks(connection, [], { json: true });
    expect(JSON.parse(said)).toMatchObject([{ domain: 'example.com', valid: true, default: true }]);
    answer = 'something else';
    said = '';
    expect(await checkLink(connection, ['example.com'], {})).toBe(1);
    expect(said).toContain('not tracked');
    server.close();
    expect(await removeLink(connection, ['example.com'], {})).toBe(0);
    await expect(checkLink(connection, ['example.com'], {})).rejects.toThrow('no link host');
  });
});
