/** `/v3/validations/email`: whether mail to an address has a chance (docs/validation.md). */
import type { SuppressionRecord } from '../../core/records/suppressions.ts';
import { judge, lookAtDomain, readJudged, readValidation } from '../../core/validation/validate.ts';
import type { LookUp } from '../../io/look-up.ts';
import type { Answer, Call } from './manage.ts';
import { asAddress } from './recipients.ts';
import type { Route } from './routes.ts';

export type ValidationRouteDeps = {
  lookUp: LookUp;
  readSuppression: (account: string, address: string) => Promise<SuppressionRecord | undefined>;
  /** Domains of the settings, beside those that core/validation/lists.ts knows. */
  disposableDomains?: readonly string[] | undefined;
};

/** Who asked, as API Gateway saw him: it writes the last entry, the others are what the caller said of himself. */
const callerOf = ({ headers }: Call): string => headers['x-forwarded-for']?.split(',').at(-1)?.trim() ?? '';

async function validate(call: Call, deps: ValidationRouteDeps): Promise<Answer> {
  const read = readValidation(call.body);
  if (!read.ok) return { status: 400, errors: read.errors };
  const { email, source } = read;
  const mailbox = readJudged(email);
  const [domain, record] = mailbox
    ? await Promise.all([
        lookAtDomain(mailbox.asciiDomain, deps.lookUp),
        deps.readSuppression(call.account, asAddress(email)),
      ])
    : [];
  const result = judge(email, mailbox, domain, record, deps.disposableDomains);
  return {
    status: 200,
    body: { result: { ...result, ...(source === undefined ? {} : { source }), ip_address: callerOf(call) } },
  };
}

export const VALIDATION_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/v3/validations/email',
    scope: 'validations.email.create',
    nullFields: true,
    handle: validate,
  },
];
