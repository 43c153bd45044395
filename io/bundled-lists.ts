/**
 * Lists of the settings as this bundle has them. The bundler writes them into the code (lib/bundle.ts), since Lambda has 4 KB for all of a
 * function's variables; run from source they are empty.
 */
import type { SenderZone } from './sender-zones.ts';

declare const PENNYPOST_SENDER_ZONES: SenderZone[] | undefined;
declare const PENNYPOST_DISPOSABLE_DOMAINS: string[] | undefined;

/** Zones that records of senders may be written to. */
export const bundledZones = (): SenderZone[] =>
  typeof PENNYPOST_SENDER_ZONES === 'undefined' ? [] : PENNYPOST_SENDER_ZONES;

/** Domains that are disposable beside those that are known. */
export const bundledDisposableDomains = (): string[] =>
  typeof PENNYPOST_DISPOSABLE_DOMAINS === 'undefined' ? [] : PENNYPOST_DISPOSABLE_DOMAINS;
