/**
 * A stub resolver (RFC 1035 5.3.1) that tells how long an answer may be kept: Node's own gives no TTL for MX. It asks the
 * recursive servers it is given, over UDP with a random port and id, over TCP what did not fit. An answer counts only if
 * it comes from the server that was asked and repeats the question (RFC 5452 9.1). "There is none", "no such name" and "nobody
 * knows" are told apart. It never throws for what a server says: bytes, names and counts are bounded, a broken answer is a failure.
 */
import { randomInt } from 'node:crypto';
import { getServers } from 'node:dns';
import { isIP } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode, type Packet } from 'dns-packet';
import { askOverTcp, askOverUdp, type DnsServer, type Heard } from './dns-wire.ts';

/**
 * `NXDOMAIN`: no such name. `NODATA`: the name has no such record. Of the others nothing is known of the name: `SERVFAIL`,
 * `REFUSED`, `TIMEOUT`, and `BADRESP` for an answer that makes no sense. `BADNAME`: it is no name that can be asked for.
 */
export type DnsFailureKind = 'NXDOMAIN' | 'NODATA' | 'SERVFAIL' | 'REFUSED' | 'TIMEOUT' | 'BADRESP' | 'BADNAME';
/** At least one record, and the seconds that they may be kept. */
export type DnsFound<T> = { answers: T[]; ttl: number };
/** `ttl`: seconds that "there is none" may be kept (RFC 2308); absent where the server names none. */
export type DnsFailure = { failure: DnsFailureKind; ttl?: number };
export type DnsAnswer<T> = DnsFound<T> | DnsFailure;
export type MxRecord = { preference: number; exchange: string };

export type Dns = {
  /** A null MX has the exchange `.` (RFC 7505). */
  mx: (name: string) => Promise<DnsAnswer<MxRecord>>;
  a: (name: string) => Promise<DnsAnswer<string>>;
  aaaa: (name: string) => Promise<DnsAnswer<string>>;
  /** One text for each record, its strings joined (RFC 7208 3.3). */
  txt: (name: string) => Promise<DnsAnswer<string>>;
};

export type DnsSettings = {
  /** `address[:port]`, `[address]:port` for IPv6; empty: the system's. */
  servers?: readonly string[];
  /** Milliseconds that one server has to answer once; default 3,000. */
  timeoutMs?: number;
};

/** Each server is asked so often before nobody answered. */
const TRIES = 2;
/**
 * Questions under way at once. Each has a socket, and a function has 1,024 for everything; a VPC's resolver takes 1,024 a second
 * from an interface; and a receive buffer of Linux's default size holds about 270 small datagrams.
 */
const UNDER_WAY = 200;
/** CNAMEs that are followed; a chain that is longer is a loop or a joke. */
const ALIASES = 10;
/** Seconds that "there is none" is kept at most (RFC 2308 5 advises one to three hours). */
const NEGATIVE_TTL = 3_600;
/** Records of one answer that are looked at. */
const RECORDS = 50;
/** What fits a path of 1,280 octets whole (DNS flag day 2020). */
const UDP_PAYLOAD = 1_232;
const RECURSION_DESIRED = 1 << 8;
/** Letters, digits, `-` and `_` in labels of 63 octets (RFC 1035 2.3.4): the encoder writes what is longer as a pointer. */
const NAME = /^(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;
const RCODES: Partial<Record<number, DnsFailureKind>> = { 2: 'SERVFAIL', 3: 'NXDOMAIN', 5: 'REFUSED' };
/** Servers that know no EDNS (RFC 6891 7) say FORMERR or NOTIMP. */
const NO_EDNS = new Set([1, 4]);
/** FORMERR, SERVFAIL, NOTIMP, REFUSED: who says one of them may not have read the question, and need not repeat it. */
const NO_QUESTION = new Set([1, 2, 4, 5]);

type Type = 'MX' | 'A' | 'AAAA' | 'TXT';
type Query = { name: string; type: Type };
/** A server's word on a question: its packet, or that there is none. */
type Word = { packet: DecodedPacket } | { failure: 'TIMEOUT' | 'BADRESP' };

/** @throws Error for a server that is no address */
export function openDns({ servers, timeoutMs = 3_000 }: DnsSettings = {}): Dns {
  const asked = (servers?.length ? servers : getServers()).map(parseServer);
  const take = limit(UNDER_WAY);

  const look = async <T>(name: string, type: Type, read: (data: unknown) => T | undefined): Promise<DnsAnswer<T>> => {
    let target = name.toLowerCase().replace(/\.$/, '');
    let ttl = Number.POSITIVE_INFINITY;
    for (let aliases = 0; aliases <= ALIASES; ) {
      if (!NAME.test(target)) return { failure: 'BADNAME' };
      const heard = await take(() => askAll(asked, { name: target, type }, timeoutMs));
      if ('failure' in heard) return heard;
      const end = follow(heard.packet, { name: target, type }, ALIASES - aliases);
      if (end === undefined) break;
      ttl = Math.min(ttl, end.ttl);
      if (end.records.length > 0) {
        const answers = end.records.map(({ data }) => read(data)).filter((one) => one !== undefined);
        return answers.length > 0 ? { answers, ttl } : { failure: 'BADRESP' };
      }
      // A chain whose end the server left out says nothing yet: neither that there is a record, nor that there is none.
      if (end.name === target || !isOpenEnd(heard.packet)) return none(heard.packet, ttl);
      aliases += end.aliases;
      target = end.name;
    }
    return { failure: 'BADRESP' };
  };

  return {
    mx: (name) => look(name, 'MX', readMx),
    a: (name) => look(name, 'A', (data) => (typeof data === 'string' && isIP(data) === 4 ? data : undefined)),
    aaaa: (name) => look(name, 'AAAA', (data) => (typeof data === 'string' && isIP(data) === 6 ? data : undefined)),
    txt: (name) => look(name, 'TXT', readTxt),
  };
}

/** The first word of use: a server that fails is left out, one that is silent may be asked again. */
async function askAll(servers: readonly DnsServer[], query: Query, wait: number): Promise<Word | DnsFailure> {
  let failure: DnsFailure = { failure: 'TIMEOUT' };
  let left = [...servers];
  for (let n = 0; n < TRIES; n++)
    for (const server of left) {
      const word = await askOne(server, query, wait);
      if ('packet' in word) {
        const rcode = rcodeOf(word.packet);
        if (rcode === 0 || rcode === 3) return word;
        failure = { failure: RCODES[rcode] ?? 'SERVFAIL' };
      } else if (word.failure === 'TIMEOUT') continue;
      else failure = word;
      left = left.filter((one) => one !== server);
    }
  return failure;
}

async function askOne(server: DnsServer, query: Query, wait: number): Promise<Word> {
  const word = await ask(server, query, wait, true);
  return 'packet' in word && NO_EDNS.has(rcodeOf(word.packet)) ? ask(server, query, wait, false) : word;
}

async function ask(server: DnsServer, query: Query, wait: number, edns: boolean): Promise<Word> {
  const { message, read } = makeQuery(query, edns);
  const word = hear(await askOverUdp(server, message, wait, read));
  if ('failure' in word || !word.packet.flag_tc) return word;
  const second = makeQuery(query, edns);
  return hear(await askOverTcp(server, second.message, wait, second.read));
}

function hear(heard: Heard<DecodedPacket>): Word {
  return heard === 'timeout' ? { failure: 'TIMEOUT' } : heard === 'broken' ? { failure: 'BADRESP' } : { packet: heard };
}

/** A query with an id of its own, and what takes its answer: undefined for what is somebody else's. */
function makeQuery({ name, type }: Query, edns: boolean) {
  const id = randomInt(65_536);
  const query: Packet = { type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type, class: 'IN' }] };
  if (edns)
    query.additionals = [
      { type: 'OPT', name: '.', udpPayloadSize: UDP_PAYLOAD, flags: 0, options: [] } as unknown as Answer,
    ];
  const read = (bytes: Buffer): DecodedPacket | 'broken' | undefined => {
    if (bytes.length < 12 || bytes.readUInt16BE(0) !== id || (bytes[2]! & 0x80) === 0) return undefined;
    const packet = decodeSafely(bytes);
    if (!packet) return 'broken';
    const [question, ...others] = packet.questions ?? [];
    if (!question) return NO_QUESTION.has(rcodeOf(packet)) ? packet : undefined;
    const same = question.name.toLowerCase() === name && question.type === type && question.class === 'IN';
    return same && others.length === 0 ? packet : undefined;
  };
  return { message: encode(query), read };
}

function decodeSafely(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

type End = { name: string; records: { data: unknown }[]; ttl: number; aliases: number };

/** The records at the end of a name's chain of CNAMEs, within one answer; undefined where the chain is too long, or a loop. */
function follow({ answers = [] }: Packet, { name, type }: Query, most: number): End | undefined {
  const records = answers.slice(0, RECORDS) as { name: string; type: string; ttl?: number; data: unknown }[];
  const of = (owner: string, wanted: string) =>
    records.filter((one) => one.type === wanted && one.name.toLowerCase() === owner);
  const end: End = { name, records: [], ttl: Number.POSITIVE_INFINITY, aliases: 0 };
  const age = (ttl = 0) => {
    // The sign bit is no TTL (RFC 2181 8).
    end.ttl = Math.min(end.ttl, ttl > 0x7fffffff ? 0 : ttl);
  };
  for (;;) {
    const found = of(end.name, type);
    if (found.length > 0) {
      for (const { ttl } of found) age(ttl);
      return { ...end, records: found };
    }
    const alias = of(end.name, 'CNAME')[0];
    if (!alias) return end;
    if (++end.aliases > most) return undefined;
    age(alias.ttl);
    end.name = String(alias.data).toLowerCase().replace(/\.$/, '');
  }
}

/** Whether an answer without the records neither says that the name is not, nor proves that it has none. */
function isOpenEnd(packet: DecodedPacket): boolean {
  return rcodeOf(packet) === 0 && soaOf(packet) === undefined;
}

function none(packet: DecodedPacket, ttl: number): DnsFailure {
  const failure = rcodeOf(packet) === 3 ? 'NXDOMAIN' : 'NODATA';
  const soa = soaOf(packet);
  if (!soa) return { failure };
  return { failure, ttl: Math.min(ttl, soa.ttl ?? 0, soa.data.minimum ?? 0, NEGATIVE_TTL) };
}

function soaOf({ authorities = [] }: Packet) {
  return authorities.slice(0, RECORDS).find((one) => one.type === 'SOA');
}

function readMx(data: unknown): MxRecord | undefined {
  const { preference, exchange } = data as Partial<MxRecord>;
  return typeof exchange === 'string' ? { preference: preference ?? 0, exchange } : undefined;
}

function readTxt(data: unknown): string | undefined {
  return Array.isArray(data) ? Buffer.concat(data as Buffer[]).toString('utf8') : undefined;
}

function rcodeOf({ flags = 0 }: Packet): number {
  return flags & 0xf;
}

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353` */
function parseServer(text: string): DnsServer {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  // A link-local server of this machine has a zone, fe80::1%eth0.
  if (isIP(address) === 0 || Number(port ?? 53) > 65_535) throw new Error(`${text} is no address of a DNS server`);
  return { address, port: Number(port ?? 53) };
}

/** At most so many at once; the others wait in order. */
function limit(most: number) {
  let under = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (under >= most) await new Promise<void>((begin) => waiting.push(begin));
    else under++;
    try {
      return await work();
    } finally {
      // The place is handed over, so that nobody who comes now is sooner.
      const next = waiting.shift();
      if (next) next();
      else under--;
    }
  };
}
