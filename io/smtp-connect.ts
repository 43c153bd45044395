/** Connecting to a mail server. A failure is a text; a socket that failed is destroyed. */
import { connect, type Socket } from 'node:net';

/** An IPv4 address and a port; `localAddress` is the one to connect from. */
type Target = { address: string; port: number; localAddress?: string };

/**
 * A connected socket, or why there is none. No TCP keep-alive: no wait of ours is longer than a minute, and what lies on
 * the way (AWS's NAT gateway) forgets a connection after 350 seconds of silence.
 */
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
