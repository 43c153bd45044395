/**
 * One DNS message to one server and its answer, over UDP or TCP (RFC 1035 4.2). It never throws: a server that does not
 * answer in time, or cannot be reached, is a `timeout`; one that answers with what cannot be read is `broken`.
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

export type DnsServer = { address: string; port: number };
export type Heard<T> = T | 'timeout' | 'broken';
/** Takes an answer: undefined for one that is not to this question. */
type Read<T> = (bytes: Buffer) => T | 'broken' | undefined;

/** Octets of an answer over TCP. No domain needs more; compression makes a long one slow to read. */
const MESSAGE_BYTES = 16_384;
/** Octets of an answer over UDP: we say that we take 1,232. */
const DATAGRAM_BYTES = 4_096;

/** @param wait milliseconds */
export function askOverUdp<T>(server: DnsServer, message: Buffer, wait: number, read: Read<T>): Promise<Heard<T>> {
  return new Promise((resolve) => {
    // The system chooses the port at random, and a connected socket hears nobody but the server (RFC 5452 9.2).
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    let open = true;
    const end = (heard: Heard<T>): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {}).close();
      resolve(heard);
    };
    const timer = setTimeout(end, wait, 'timeout');
    socket.on('error', () => end('timeout'));
    socket.on('message', (bytes) => {
      const answer = bytes.length > DATAGRAM_BYTES ? 'broken' : read(bytes);
      if (answer !== undefined) end(answer);
    });
    socket.on('connect', () => socket.send(message, (error) => error && end('timeout')));
    socket.connect(server.port, server.address);
  });
}

/** @param wait milliseconds, for all of it */
export function askOverTcp<T>(server: DnsServer, message: Buffer, wait: number, read: Read<T>): Promise<Heard<T>> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port });
    let received = Buffer.alloc(0);
    const end = (heard: Heard<T>): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {}).destroy();
      resolve(heard);
    };
    const timer = setTimeout(end, wait, 'timeout');
    socket.on('error', () => end('timeout'));
    socket.on('close', () => end('broken'));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (length > MESSAGE_BYTES) return end('broken');
      // A stream has no strangers in it: an answer to something else is a fault.
      if (received.length >= 2 + length) end(read(received.subarray(2, 2 + length)) ?? 'broken');
    });
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(message.length);
    socket.write(Buffer.concat([prefix, message]));
  });
}
