/** The project's sink in a process of its own, keeping nothing: prints how many messages it took, as `smtp-sink -c` does. */
import { startSink } from '../local/sink/sink.ts';

const {
  port,
  perCommandMs = 0,
  afterDotMs = 0,
  tls = false,
} = JSON.parse(process.argv[2]!) as {
  port: number;
  perCommandMs?: number;
  afterDotMs?: number;
  tls?: boolean;
};
let taken = 0;
const store = {
  add: () => {
    taken++;
  },
  replied: () => {},
};
await startSink({ port, store, latency: { perCommandMs, afterDotMs }, tls });
setInterval(() => process.stdout.write(`mesg=${taken}\n`), 100);
process.on('disconnect', () => process.exit(0));
