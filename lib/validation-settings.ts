/** The settings of email validation (docs/validation.md). */
import { z } from 'zod';
import { hostName } from './fields.ts';

/** They travel in the code of manage and validate, and each address is compared with all of them. */
const MOST_DOMAINS = 1_000;

export const Validation = z.strictObject({
  /** Domains whose addresses are called disposable, with their subdomains, beside those that are known. Default: none. */
  disposableDomains: z.array(hostName).max(MOST_DOMAINS).default([]),
});
