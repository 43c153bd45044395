/**
 * Ways that are not direct: sessions with SES or with a relay, in the shape of those with a mail server. A relay is the
 * operator's choice, so it may have a private address; its password is read when it is needed, and said only under TLS.
 * It refuses settings that do not fit together when the function starts: a pool that names a relay nobody described.
 */
import type { Failure } from '../core/outcome.ts';
import type { Waits } from '../core/smtp/limits.ts';
import {
  IMPLICIT_TLS_PORT,
  isFixed,
  type PoolVia,
  type Relay,
  relaysOf,
  usesSes,
  type Via,
  viaOf,
} from '../core/via.ts';
import type { HostAddresses } from './mx.ts';
import type { SesOptions, ViaSession } from './ses.ts';
import type { openSession } from './smtp.ts';

/** Where mail goes that does not go to its own MX. Its limits are its own, not the provider's. */
export type ViaRoute = {
  kind: 'site';
  /** `ses` or `relay:<name>`. */
  site: string;
  /** The same, so that shaping has no provider's limits for it. */
  provider: string;
  hosts: string[];
  via: Exclude<Via, { kind: 'direct' }>;
};

export type ViaSettings = { via?: PoolVia; relays: Relay[]; configurationSet?: string };

export type ViaDeps = {
  settings: ViaSettings;
  /** Of relays: private addresses too (`openMx` with `allowPrivateHosts`). */
  resolveHost: (host: string) => Promise<HostAddresses>;
  openSession: typeof openSession;
  /** A secret's text, by ARN (`readSecret`). */
  readSecret: (arn: string) => Promise<Buffer>;
  /** `sesBy(openSesClient(), configurationSet)`; absent where the pool has nothing to do with SES. */
  openSes?: (options: SesOptions) => ViaSession;
};

export type ViaSessionOptions = {
  ehloName: string;
  waits: Waits;
  remaining: () => number;
  localAddress?: string;
};

/** Addresses of a relay that are tried. */
const ADDRESSES = 3;

/** The ways of this function's pool: `VIA`, `RELAYS` and `SES_CONFIGURATION_SET`, written by `lib/`. @throws Error when they do not fit */
export function requireVia(env: NodeJS.ProcessEnv = process.env): ViaSettings {
  const { VIA, RELAYS, SES_CONFIGURATION_SET } = env;
  const via = VIA ? (JSON.parse(VIA) as PoolVia) : undefined;
  const relays = RELAYS ? (JSON.parse(RELAYS) as Relay[]) : [];
  for (const name of relaysOf(via))
    if (!relays.some((relay) => relay.name === name))
      throw new Error(`environment variable RELAYS has no relay ${name}, which VIA names`);
  if (usesSes(via) && !SES_CONFIGURATION_SET) throw new Error('environment variable SES_CONFIGURATION_SET is not set');
  return {
    relays,
    ...(via ? { via } : {}),
    ...(SES_CONFIGURATION_SET ? { configurationSet: SES_CONFIGURATION_SET } : {}),
  };
}

export function openVia({ settings, resolveHost, openSession, readSecret, openSes }: ViaDeps) {
  const { via: pool, relays } = settings;
  const secrets = new Map<string, Promise<{ user: string; password: string }>>();

  const passwordOf = (arn: string) => {
    let secret = secrets.get(arn);
    if (!secret) {
      secret = readSecret(arn).then(readPassword);
      secrets.set(arn, secret);
      secret.catch(() => secrets.delete(arn));
    }
    return secret;
  };

  const openRelay = async (relay: Relay, options: ViaSessionOptions) => {
    const { host, port, tls, secretArn } = relay;
    let auth: { user: string; password: string } | undefined;
    try {
      auth = secretArn === undefined ? undefined : await passwordOf(secretArn);
    } catch (error) {
      return failure('connect', `the secret of relay ${relay.name} cannot be read: ${(error as Error).message}`);
    }
    const { addresses, error } = await resolveHost(host);
    let last: Failure = failure('dns', `${host}: ${error ?? 'no address'}`);
    for (const address of addresses.slice(0, ADDRESSES)) {
      const opened = await openSession({
        ...options,
        host,
        address,
        port,
        tls,
        ...(port === IMPLICIT_TLS_PORT && tls !== 'off' ? { implicitTls: true as const } : {}),
        ...(auth ? { auth } : {}),
      });
      if (opened.ok) return opened;
      last = opened;
    }
    // The password may have been changed since it was read.
    if (secretArn !== undefined) secrets.delete(secretArn);
    return last;
  };

  return {
    /** Whether every copy of this pool goes one way, so that nobody need look its MX up. */
    isFixed: isFixed(pool),

    /**
     * The way of a copy that does not go to its own MX; undefined: it does.
     * @param provider of its MX hosts; with `isFixed` any
     * @param chosen the job's own way (`Job.via`)
     */
    routeOf: (provider: string, chosen?: string): ViaRoute | undefined => {
      const via = viaOf(pool, provider, chosen);
      if (via.kind === 'direct') return undefined;
      const site = via.kind === 'ses' ? 'ses' : `relay:${via.name}`;
      const host = via.kind === 'ses' ? 'ses' : relays.find(({ name }) => name === via.name)?.host;
      return { kind: 'site', site, provider: site, hosts: host === undefined ? [] : [host], via };
    },

    /** A session, its host looked up. A relay or SES that the settings have no more is a failure like any other: the copy waits. */
    open: async (
      { via }: ViaRoute,
      options: ViaSessionOptions,
    ): Promise<{ ok: true; session: ViaSession } | Failure> => {
      if (via.kind === 'ses')
        return openSes
          ? { ok: true, session: openSes(options) }
          : failure('connect', 'this pool no longer goes by SES');
      const relay = relays.find(({ name }) => name === via.name);
      return relay ? openRelay(relay, options) : failure('connect', `this pool has no relay ${via.name} any more`);
    },
  };
}

/** Nothing of the secret's text goes into the error. */
function readPassword(secret: Buffer): { user: string; password: string } {
  let read: unknown;
  try {
    read = JSON.parse(secret.toString());
  } catch {}
  const { user, password } = (read ?? {}) as { user?: unknown; password?: unknown };
  if (typeof user !== 'string' || typeof password !== 'string')
    throw new Error('it is not {"user": "…", "password": "…"}');
  return { user, password };
}

function failure(stage: 'dns' | 'connect', error: string): Failure {
  return { ok: false, stage, error, afterDot: false };
}
