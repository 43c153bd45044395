/** The settings of email validation (docs/validation.md). */
import { z } from 'zod';
import { hostName } from './fields.ts';

/** They travel in manage's environment, of which Lambda takes 4 KB in all. */
const MOST_DOMAINS = 40;

export const Validation = z.strictObject({
  /** Domains whose addresses are called disposable, with their subdomains, beside those that are known. Default: none. */
  disposableDomains: z.array(hostName).max(MOST_DOMAINS).default([]),
});
