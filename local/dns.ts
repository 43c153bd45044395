/**
 * The DNS of the local stack: a server on 127.0.0.1 (UDP and TCP, RFC 1035) that sends all mail to the sink. Every
 * domain has an MX, every host is 127.0.0.1, and a few names misbehave on purpose (`DOMAINS`). Records can be set while
 * it runs. It asks nobody else, so no name leaves the machine; types nobody has set are NODATA.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { type Answer, decode, encode, type Packet, type Question } from 'dns-packet';

const LOOPBACK = '127.0.0.1';
/** Loopback too, but nothing listens there: the sink binds 127.0.0.1 only. */
const NOBODY = '127.0.0.2';
/** Bytes of a UDP answer without EDNS(0) (RFC 1035 4.2.1). */
const UDP_BYTES = 512;
/** Queries remembered for tests; older ones are forgotten. */
const QUERIES_KEPT = 10_000;
const AUTHORITATIVE_AND_RECURSIVE = (1 << 10) | (1 << 7);
const TRUNCATED = 1 << 9;
const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;

export type Mx = { preference: number; exchange: string };
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'NS' | 'PTR' | 'TXT';
export type RecordData = string | Mx;
/** One record of `answers`, or the arguments of `setRecord`. An empty list says NODATA. */
export type DnsRecord = { name: string; type: RecordType; data: readonly RecordData[] };

/** The MX hosts of any domain that is not named below. */
export const SINK_HOSTS: readonly Mx[] = [
  { preference: 10, exchange: 'mx1.sink.test' },
  { preference: 20, exchange: 'mx2.sink.test' },
];

/** Domains that answer in a way of their own. Shown in the inbox's help. */
export const DOMAINS: readonly {
  domain: string;
  does: string;
  mx?: readonly Mx[];
  rcode?: 'NXDOMAIN' | 'SERVFAIL';
}[] = [
  {
    domain: 'null-mx.test',
    does: 'says that it takes no mail: a null MX (RFC 7505)',
    mx: [{ preference: 0, exchange: '.' }],
  },
  { domain: 'no-mx.test', does: 'has no MX, only an address: mail goes to the host itself (RFC 5321 5.1)', mx: [] },
  { domain: 'nxdomain.test', does: 'does not exist', rcode: 'NXDOMAIN' },
  { domain: 'servfail.test', does: 'has a name server that fails', rcode: 'SERVFAIL' },
  {
    domain: 'two-mx.test',
    does: 'has a first MX that refuses connections and a second one that works',
    mx: [
      { preference: 10, exchange: 'mx1.down.sink.test' },
      { preference: 20, exchange: 'mx2.sink.test' },
    ],
  },
];

const GOOGLE = ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com', 'alt2.gmail-smtp-in.l.google.com'];
const YAHOO = ['mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net', 'mta7.am0.yahoodns.net'];
const APPLE = ['mx01.mail.icloud.com', 'mx02.mail.icloud.com'];
/** Real MX hosts of mailbox providers (they all resolve to the sink), so that grouping by provider shows as it will in production. */
const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  'gmail.com': GOOGLE,
  'googlemail.com': GOOGLE,
  'yahoo.com': YAHOO,
  'ymail.com': YAHOO,
  'aol.com': YAHOO,
  'outlook.com': ['outlook-com.olc.protection.outlook.com'],
  'hotmail.com': ['hotmail-com.olc.protection.outlook.com'],
  'live.com': ['live-com.olc.protection.outlook.com'],
  'msn.com': ['msn-com.olc.protection.outlook.com'],
  'icloud.com': APPLE,
  'me.com': APPLE,
  'mac.com': APPLE,
  'gmx.net': ['mx00.emig.gmx.net', 'mx01.emig.gmx.net'],
  'gmx.de': ['mx00.emig.gmx.net', 'mx01.emig.gmx.net'],
  'web.de': ['mx-ha02.web.de', 'mx-ha03.web.de'],
  'comcast.net': ['mx1h1.comcast.net', 'mx2h1.comcast.net'],
  'orange.fr': ['smtp-in.orange.fr'],
  'proton.me': ['mail.protonmail.ch', 'mailsec.protonmail.ch'],
  'fastmail.com': ['in1-smtp.messagingengine.com', 'in2-smtp.messagingengine.com'],
  'qq.com': ['mx3.qq.com', 'mx2.qq.com', 'mx1.qq.com'],
  '163.com': ['163mx01.mxmail.netease.com', '163mx02.mxmail.netease.com'],
};

export type Dns = {
  /** The same port for UDP and TCP. */
  port: number;
  /** The last queries, oldest first. */
  queries: { name: string; type: string; over: 'udp' | 'tcp' }[];
  /** Sets what a name answers for one type, from now on. Each TXT string is one record and may be of any length. */
  setRecord(name: string, type: RecordType, data: readonly RecordData[]): void;
  /** The TXT records of a name without the network; an unknown name rejects with code ENODATA, as `dns.resolveTxt` does. */
  resolveTxt(name: string): Promise<string[][]>;
  stop(): Promise<void>;
};

/**
 * Starts the server on 127.0.0.1.
 * @param port 0 or absent: one that is free
 * @throws Error with a sentence, when the port is taken
 */
export async function startDns({
  port = 0,
  answers = [],
}: {
  port?: number;
  answers?: readonly DnsRecord[];
}): Promise<Dns> {
  const records = new Map<string, readonly RecordData[]>();
  const queries: Dns['queries'] = [];
  const setRecord: Dns['setRecord'] = (name, type, data) => void records.set(recordKey(name, type), data);
  for (const { name, type, data } of answers) setRecord(name, type, data);

  const reply = (message: Buffer, over: 'udp' | 'tcp'): Buffer | undefined => {
    const query = parseQuery(message);
    if (query === undefined) return undefined;
    for (const { name, type } of query.questions ?? []) {
      queries.push({ name, type, over });
      if (queries.length > QUERIES_KEPT) queries.shift();
    }
    return encodeReply(query, records, over);
  };
  const { tcp, udp, connections } = await listen(port, reply);
  return {
    port: udp.address().port,
    queries,
    setRecord,
    async resolveTxt(name) {
      const found = lookup({ name, type: 'TXT', class: 'IN' }, records).answers.filter(({ type }) => type === 'TXT');
      if (found.length === 0) throw Object.assign(new Error(`queryTxt ENODATA ${name}`), { code: 'ENODATA' });
      return found.map((answer) => (answer as { data: Buffer[] }).data.map(String));
    },
    async stop() {
      for (const connection of connections) connection.destroy();
      await Promise.all([
        new Promise<void>((done) => udp.close(() => done())),
        new Promise<void>((done) => tcp.close(() => done())),
      ]);
    },
  };
}

/** What the zone says to one question: the order is registered records, then `DOMAINS` and providers, then the sink. */
function lookup(question: Question, records: ReadonlyMap<string, readonly RecordData[]>) {
  const name = plain(question.name);
  const answers: Answer[] = [];
  const found = (data: readonly RecordData[], type: string = question.type) => {
    for (const one of data) answers.push(toAnswer(question.name, type, one));
    return { rcode: RCODES.NOERROR, answers };
  };
  const set = records.get(recordKey(name, question.type));
  if (set) return found(set);
  const alias = records.get(recordKey(name, 'CNAME'))?.[0];
  if (typeof alias === 'string') {
    found([alias], 'CNAME');
    if (alias !== name) answers.push(...lookup({ ...question, name: alias }, records).answers);
    return { rcode: RCODES.NOERROR, answers };
  }
  const special = DOMAINS.find(({ domain }) => name === domain || name.endsWith(`.${domain}`));
  if (special?.rcode) return { rcode: RCODES[special.rcode], answers };
  if (question.type === 'MX') {
    if (special?.mx && name === special.domain) return found(special.mx);
    const hosts = PROVIDERS[name];
    return found(hosts?.map((exchange, i) => ({ preference: 5 + 5 * i, exchange })) ?? SINK_HOSTS);
  }
  if (question.type === 'A') return found([name.endsWith('.down.sink.test') ? NOBODY : LOOPBACK]);
  return { rcode: RCODES.NOERROR, answers };
}

function encodeReply(query: Packet, records: ReadonlyMap<string, readonly RecordData[]>, over: 'udp' | 'tcp'): Buffer {
  const questions = query.questions ?? [];
  const question = questions[0];
  const supported = (query as { opcode?: string }).opcode === 'QUERY';
  const found =
    question && questions.length === 1 && supported
      ? lookup(question, records)
      : { rcode: supported ? RCODES.FORMERR : RCODES.NOTIMP, answers: [] };
  const edns = query.additionals?.find((one) => one.type === 'OPT') as { udpPayloadSize?: number } | undefined;
  const packet: Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags: AUTHORITATIVE_AND_RECURSIVE | found.rcode,
    questions,
    answers: found.answers,
  };
  const whole = encode(packet);
  if (over === 'tcp' || whole.length <= Math.max(UDP_BYTES, edns?.udpPayloadSize ?? 0)) return whole;
  return encode({ ...packet, flags: (packet.flags ?? 0) | TRUNCATED, answers: [] });
}

/** A query, or undefined for bytes that are none: those get no answer, so that nobody can make two servers talk. */
function parseQuery(message: Buffer): Packet | undefined {
  try {
    const packet = decode(message);
    return packet.type === 'query' ? packet : undefined;
  } catch {
    return undefined;
  }
}

type Reply = (message: Buffer, over: 'udp' | 'tcp') => Buffer | undefined;

/** TCP first, then UDP on the same port; a port chosen by the system may be taken for UDP, so a few are tried. */
async function listen(port: number, reply: Reply): Promise<{ tcp: Server; udp: UdpSocket; connections: Set<Socket> }> {
  for (let tries = 1; ; tries++) {
    const connections = new Set<Socket>();
    const tcp = createServer((connection) => serveTcp(connection, reply, connections));
    const udp = createSocket('udp4');
    try {
      await started(tcp, () => tcp.listen(port, LOOPBACK));
      const { port: chosen } = tcp.address() as { port: number };
      await started(udp, () => udp.bind(chosen, LOOPBACK));
    } catch (error) {
      tcp.close();
      if (port === 0 && tries < 10) continue;
      throw new Error(`the local DNS server cannot listen on 127.0.0.1:${port}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    tcp.on('error', () => {});
    udp.on('error', () => {});
    udp.on('message', (message, from) => {
      const answer = reply(message, 'udp');
      if (answer) udp.send(answer, from.port, from.address, () => {});
    });
    return { tcp, udp, connections };
  }
}

function started(server: Server | UdpSocket, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const emitter: NodeJS.EventEmitter = server;
    const listening = () => {
      emitter.off('error', reject);
      resolve();
    };
    emitter.once('error', reject);
    emitter.once('listening', listening);
    start();
  });
}

/** Messages over TCP have their length in front, two octets (RFC 1035 4.2.2). */
function serveTcp(connection: Socket, reply: Reply, connections: Set<Socket>): void {
  let pending = Buffer.alloc(0);
  connections.add(connection);
  connection.setTimeout(10_000, () => connection.destroy());
  connection.on('error', () => connection.destroy());
  connection.on('close', () => connections.delete(connection));
  connection.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const answer = reply(pending.subarray(2, end), 'tcp');
      pending = pending.subarray(end);
      if (answer === undefined) return void connection.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      connection.write(Buffer.concat([length, answer]));
    }
  });
}

/** TTL 0: what a test sets is seen by the next query. A TXT record is cut into strings of 255 octets (RFC 1035 3.3.14). */
function toAnswer(name: string, type: string, data: RecordData): Answer {
  const value = type === 'TXT' && typeof data === 'string' ? cut(Buffer.from(data), 255) : data;
  return { name, type, class: 'IN', ttl: 0, data: value } as Answer;
}

function cut(bytes: Buffer, length: number): Buffer[] {
  const pieces = [bytes.subarray(0, length)];
  for (let at = length; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length));
  return pieces;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function recordKey(name: string, type: string): string {
  return `${plain(name)}/${type}`;
}
