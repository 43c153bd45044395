/**
 * Keeps a process on this machine: it refuses a connection to anything but loopback, so that no mail leaves. (Name
 * resolution by node:dns is native and goes where the settings point it; sockets are what carries mail.)
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { isIP, Socket } from 'node:net';

export function stayOnThisMachine() {
  const isLoopback = (address) => /^(127\.|::1$|::ffff:127\.|0:0:0:0:0:0:0:1$)/i.test(address);
  const refuse = (address) =>
    Object.assign(
      new Error(`connect to ${address}: no mail leaves this machine (the local stack reaches loopback only)`),
      {
        code: 'ENETUNREACH',
        syscall: 'connect',
      },
    );
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function (...given) {
    // net.connect hands over its already normalized arguments as one array.
    const options = Array.isArray(given[0]) ? given[0][0] : given[0];
    const target =
      typeof options === 'object' && options !== null
        ? options
        : {
            host: typeof given[1] === 'string' ? given[1] : 'localhost',
            path: typeof options === 'string' ? options : undefined,
          };
    if (target.path) return connect.apply(this, given);
    const wanted = target.host ?? 'localhost';
    if (isIP(wanted)) {
      if (isLoopback(wanted)) return connect.apply(this, given);
      process.nextTick(() => this.destroy(refuse(wanted)));
      return this;
    }
    if (typeof options !== 'object' || options === null) {
      process.nextTick(() => this.destroy(refuse(wanted)));
      return this;
    }
    const lookup = options.lookup ?? dns.lookup;
    options.lookup = (name, how, done) =>
      lookup(name, how, (error, found, family) => {
        const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found];
        if (!error && !addresses.every(isLoopback)) return done(refuse(`${name} (${addresses.join(', ')})`));
        done(error, found, family);
      });
    return connect.apply(this, given);
  };
  const { send, connect: connectDatagrams } = dgram.Socket.prototype;
  dgram.Socket.prototype.send = function (...given) {
    const address = given.findLast((one) => typeof one === 'string');
    if (address !== undefined && !isLoopback(address) && address !== 'localhost') throw refuse(address);
    return send.apply(this, given);
  };
  dgram.Socket.prototype.connect = function (port, address, ...rest) {
    if (typeof address === 'string' && !isLoopback(address) && address !== 'localhost') throw refuse(address);
    return connectDatagrams.call(this, port, address, ...rest);
  };
}
