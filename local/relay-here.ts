/**
 * The relay on this machine: which settings it has here, where its ports are, and what is told of it. It is not reached by the
 * ports of its listeners, which other programs may have, but by those that the user chose, or any free ones.
 */
import { defineSettings, type Settings } from '../lib/settings.ts';
import type { FunctionSpec } from './function-specs.ts';
import { LOOPBACK } from './http.ts';
import type { LocalFile } from './local-file.ts';
import type { LocalStack } from './stack.ts';

/** Where clients find what on this machine; absent or 0: any free port. */
export type RelayPortsHere = { smtp?: number; secureSmtp?: number; inbound?: number; bigDoor?: number };
type RelayPort = { port: number; kind: 'submission' | 'submissions' | 'https' | 'inbound' };

/** Somebody's name (RFC 2606), for a relay that the user's own settings do not have. */
const HOST = 'smtp.pennypost.example';

/** The settings with a relay, whether they have one or not: on this machine it costs nothing, and mail comes in by nothing else. */
export const withRelay = (settings: Settings): Settings =>
  settings.relay ? settings : defineSettings({ ...settings, inbound: undefined, relay: { hostName: HOST } });

/**
 * The relay's settings as they can be on this machine. A certificate of AWS or of an authority on the internet is not to be had
 * here: it makes its own. An authority on loopback is (that is how certify is tested).
 */
export function relayOnLoopback(settings: Settings): Settings {
  const { relay } = settings;
  if (!relay) return settings;
  const { certificateArn: _, acme, ...others } = relay;
  const here = acme?.directoryUrl.startsWith(`http://${LOOPBACK}`) ? { acme } : {};
  return { ...settings, relay: { ...others, ...here } };
}

/** Ports of this machine, by the port of the listener. */
export function portsHere(settings: Settings, chosen: RelayPortsHere): Record<number, number> {
  if (!settings.relay) return {};
  const { submission, submissions, https } = settings.relay.ports;
  const pairs: [number | undefined, number | undefined][] = [
    [submission[0], chosen.smtp],
    [submissions[0], chosen.secureSmtp],
    [https[0], chosen.bigDoor],
    [25, chosen.inbound],
  ];
  return Object.fromEntries(pairs.filter(([port, here]) => port !== undefined && here !== undefined));
}

/** What `local.json` tells of the relay; nothing where the stack has none. */
export function tellRelay(
  { outputs, tasks }: Pick<LocalStack, 'outputs' | 'tasks'>,
  apiKey: string,
): Pick<LocalFile, 'smtp' | 'inbound' | 'bigDoorUrl'> {
  if (outputs.RelayPorts === undefined) return {};
  const here = Object.assign({}, ...tasks.list().map(({ ports }) => ports)) as Record<number, number>;
  const at = (kind: RelayPort['kind']) => {
    const listener = (JSON.parse(outputs.RelayPorts!) as RelayPort[]).find((one) => one.kind === kind);
    return listener && here[listener.port];
  };
  const [port, securePort, inbound, bigDoor] = [at('submission'), at('submissions'), at('inbound'), at('https')];
  const host = LOOPBACK;
  return {
    ...(port && { smtp: { host, port, ...(securePort && { securePort }), user: 'apikey', password: apiKey } }),
    ...(inbound && { inbound: { host, port: inbound } }),
    ...(bigDoor && { bigDoorUrl: `https://${host}:${bigDoor}` }),
  };
}

/**
 * The door's name is in the world's DNS, if anywhere: what tells callers of it (accept's 413, the stack's outputs) names where it is here.
 * @param specs of functions that have not begun yet
 */
export function leadToDoor(
  specs: readonly Pick<FunctionSpec, 'variables'>[],
  tasks: Pick<LocalStack['tasks'], 'list'>,
  outputs: Record<string, string>,
): void {
  const { BigDoorUrl: named } = outputs;
  const { bigDoorUrl: here } = tellRelay({ outputs, tasks: tasks as LocalStack['tasks'] }, '');
  if (named === undefined || here === undefined) return;
  outputs.BigDoorUrl = here;
  for (const { variables } of specs)
    for (const [name, value] of Object.entries(variables)) if (value === named) variables[name] = here;
}
