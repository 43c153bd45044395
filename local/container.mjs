/**
 * What a task's process loads before its own code: the container around it. The ports that it listens on are mapped to ports
 * of this machine, on loopback only, as this module's address says (`?ports=10587:2587,…`); a port that is not mapped is
 * reached by nobody, as behind the load balancer. It connects to loopback only, unless the address says `network`.
 * It ends with whoever started it: their end of its standard input closes, however they go.
 */
import net from 'node:net';
import { stayOnThisMachine } from './loopback-only.mjs';

const { searchParams } = new URL(import.meta.url);
if (!searchParams.has('network')) stayOnThisMachine();

const mapped = new Map(
  (searchParams.get('ports') ?? '')
    .split(',')
    .filter(Boolean)
    .map((pair) => pair.split(':').map(Number)),
);
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (...given) {
  // As Node reads it: (options), (port, host, backlog), (path), each with a callback behind.
  const callback = typeof given.at(-1) === 'function' ? given.pop() : undefined;
  const [first, second, third] = given;
  const options =
    typeof first === 'object' && first !== null
      ? { ...first }
      : { port: first, ...(typeof second === 'number' ? { backlog: second } : { backlog: third }) };
  if (options.port === undefined || Number.isNaN(Number(options.port))) return listen.apply(this, [...given, callback]);
  const port = mapped.get(Number(options.port)) ?? 0;
  return listen.call(this, { ...options, port, host: '127.0.0.1' }, callback);
};

process.stdin.on('end', () => process.exit(1)).on('error', () => process.exit(1));
process.stdin.resume();
process.stdin.unref();
