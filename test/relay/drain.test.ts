/**
 * SIGTERM: a deployment, or a task that is no longer needed. Whoever is sending finishes and hears what became of it; whoever is not,
 * is told to come again; nothing that was answered with 250 is lost, and no session is cut inside DATA.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { begin, type Client, logIn, MESSAGE, openClient } from './client.ts';
import { openRelay, type World } from './world.ts';

let world: World;
afterEach(() => world.close());

describe('a drain', () => {
  it('with 200 sessions open, half of them in DATA', async () => {
    // Prepare
    world = await openRelay();
    const sessions: Client[] = [];
    for (let n = 0; n < 200; n++) sessions.push(await logIn(world.tlsPort));
    const sending = sessions.filter((_, n) => n % 2 === 0);
    const idle = sessions.filter((_, n) => n % 2 === 1);
    await Promise.all(
      sending.map(async (client) => {
        await begin(client);
        await client.say('DATA');
        client.write(MESSAGE.slice(0, 80));
      }),
    );

    // Act
    let over = false;
    const drained = world.server.drain(20_000).finally(() => {
      over = true;
    });
    const parted = await Promise.all(idle.map((client) => client.reply()));
    await expect(openClient(world.tlsPort)).rejects.toThrow();
    expect(over).toBe(false);
    const answers = await Promise.all(
      sending.map(async (client) => {
        await new Promise((done) => setTimeout(done, Math.random() * 300));
        client.write(`${MESSAGE.slice(80)}.\r\n`);
        return [await client.reply(), await client.reply()];
      }),
    );

    // Assess
    expect(await drained).toBe(0);
    for (const said of parted) expect(said).toBe('421 4.3.2 The service is restarting; connect again\r\n');
    for (const [taken, end] of answers) {
      expect(taken).toMatch(/^250 2\.0\.0 Ok: queued as /);
      expect(end).toMatch(/^421 4\.3\.2/);
    }
    expect(world.requests()).toHaveLength(100);
    expect(new Set(answers.map(([taken]) => taken)).size).toBe(100);
  }, 60_000);

  it('a message that does not end: cut when the drain must end, and not taken', async () => {
    world = await openRelay();
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    client.write(MESSAGE);
    expect(await world.server.drain(200)).toBe(1);
    await client.closed();
    expect(world.requests()).toEqual([]);
  });

  it('pipelined commands behind the message are answered once each, with the end', async () => {
    world = await openRelay();
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    const drained = world.server.drain(5_000);
    client.write(`${MESSAGE}.\r\n`);
    expect(await client.reply()).toMatch(/^250/);
    expect(await client.reply()).toMatch(/^421/);
    await client.closed();
    expect(await drained).toBe(0);
  });
});
