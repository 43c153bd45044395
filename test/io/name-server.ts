/** A name server for tests, UDP and TCP on one port of 127.0.0.1, that says exactly what a test tells it to. */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode } from 'dns-packet';

type Data = { data: unknown; ttl?: number; name?: string; type?: string };
/** A list: its records. A function: the very bytes of the answers, none or several. */
export type Said =
  | Data[]
  | 'NODATA'
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'REFUSED'
  | 'SILENCE'
  | ((query: DecodedPacket, over: 'udp' | 'tcp') => Buffer[]);
/** By `TYPE name`; what is not in it is NXDOMAIN. */
export type Zone = Record<string, Said>;

const RCODES: Record<string, number> = { NODATA: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };
const TTL = 60;

export type NameServer = Awaited<ReturnType<typeof startNameServer>>;

export async function startNameServer() {
  const server = {
    zone: {} as Zone,
    /** `TYPE name`, in order. */
    asked: [] as string[],
    /** Of negative answers; undefined: they have no SOA. */
    soa: undefined as { ttl: number; minimum: number } | undefined,
    address: '',
    queries: [] as { id: number; port: number; over: 'udp' | 'tcp' }[],
    reset() {
      Object.assign(server, { zone: {}, asked: [], soa: undefined, queries: [] });
    },
    async stop() {
      udp.close();
      for (const one of sockets) one.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
  const answer = (bytes: Buffer, port: number, over: 'udp' | 'tcp'): Buffer[] => {
    const query = decode(bytes);
    const { name, type } = query.questions![0]!;
    server.asked.push(`${type} ${name}`);
    server.queries.push({ id: query.id!, port, over });
    const said = server.zone[`${type} ${name}`] ?? (server.zone[`CNAME ${name}`] ? 'NODATA' : 'NXDOMAIN');
    if (said === 'SILENCE') return [];
    if (typeof said === 'function') return said(query, over);
    return [reply(query, said, server.soa)];
  };
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      const answers = answer(chunk.subarray(2), socket.remotePort!, 'tcp');
      if (answers.length === 0) socket.destroy();
      for (const one of answers) socket.write(Buffer.concat([Buffer.from([one.length >> 8, one.length & 255]), one]));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    for (const one of answer(bytes, from.port, 'udp')) udp.send(one, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  server.address = `127.0.0.1:${port}`;
  return server;
}

/** An answer to a query, as bytes. */
export function reply(
  { id, questions = [] }: DecodedPacket,
  said: Data[] | string,
  soa?: { ttl: number; minimum: number },
  change: { id?: number; flags?: number; questions?: typeof questions } = {},
): Buffer {
  const { name, type } = questions[0]!;
  const records = Array.isArray(said) ? said : [];
  const answers = records.map((one) => ({ name, type, class: 'IN', ttl: TTL, ...one })) as Answer[];
  const data = {
    mname: 'ns.test',
    rname: 'root.test',
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: soa?.minimum,
  };
  const authorities = soa ? ([{ type: 'SOA', name: 'test', class: 'IN', ttl: soa.ttl, data }] as Answer[]) : [];
  const flags = 0x0180 | (Array.isArray(said) ? 0 : RCODES[said]!);
  return encode({ type: 'response', id: id!, flags, questions, answers, authorities, ...change });
}

export const mx = (...hosts: [number, string][]) =>
  hosts.map(([preference, exchange]) => ({ data: { preference, exchange } }));
export const a = (...addresses: string[]) => addresses.map((data) => ({ data }));
export const txt = (...texts: string[]) => texts.map((one) => ({ data: [Buffer.from(one)] }));
