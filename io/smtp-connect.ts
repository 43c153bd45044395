/** Connecting to a mail server, and TLS on a connection. Failures are texts; a socket that failed is destroyed. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** An IPv4 address and a port; `localAddress` is the one to connect from. */
type Target = { address: string; port: number; localAddress?: string };

/** A connected socket, or why there is none. */
export function connectTo({ address, port, localAddress }: Target, wait: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, noDelay: true, ...(localAddress ? { localAddress } : {}) });
    const end = (result: Socket | string): void => {
      clearTimeout(timer);
      socket.off('connect', onConnect).off('error', onError);
      if (typeof result === 'string') socket.on('error', () => {}).destroy();
      resolve(result);
    };
    const onConnect = (): void => end(socket);
    const onError = (error: NodeJS.ErrnoException): void => end(error.code ?? error.message);
    const timer = setTimeout(() => end('timeout'), wait);
    socket.on('connect', onConnect).on('error', onError);
  });
}

/** A socket inside TLS, or why there is none. Any certificate will do: without one the mail would go in clear. */
export function startTls(socket: Socket, host: string, wait: number): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const secured = connectTls({ socket, rejectUnauthorized: false, ...(isIP(host) ? {} : { servername: host }) });
    const end = (result: TLSSocket | string): void => {
      clearTimeout(timer);
      secured.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
      if (typeof result === 'string') {
        secured.on('error', () => {}).destroy();
        socket.on('error', () => {}).destroy();
      }
      resolve(result);
    };
    const onSecure = (): void => end(secured);
    const onError = (error: NodeJS.ErrnoException): void => end(`TLS: ${error.code ?? error.message}`);
    const onClose = (): void => end('TLS: closed by the server');
    const timer = setTimeout(() => end('TLS: timeout'), wait);
    secured.on('secureConnect', onSecure).on('error', onError).on('close', onClose);
  });
}
