/** Which mailbox provider a set of MX hosts belongs to; the data is `shaping/providers.ts`. */
export { PROVIDERS, type Provider, providerOf } from './shaping/providers.ts';
