/** Alerts, and verdicts on addresses. */
import type { Example, Examples, Given } from './example.ts';

async function oneAlert({ ask }: Given): Promise<Example> {
  const body = { type: 'stats_notification', email_to: 'boss@example.com', frequency: 'daily' };
  const { json } = await ask('POST', '/v3/alerts', body);
  return { path: { alert_id: String(json.id) } };
}

/** It awaits its file. */
export async function oneValidationJob({ ask }: Given): Promise<Example> {
  const { json } = await ask('PUT', '/v3/validations/email/jobs', { file_type: 'csv' });
  return { path: { job_id: json.job_id } };
}

export const ALERTS: Examples = {
  alerts: {
    CreateAlert: async () => ({ body: { type: 'usage_limit', email_to: 'boss@example.com', percentage: 90 } }),
    ListAlert: oneAlert,
    GetAlert: oneAlert,
    DeleteAlert: oneAlert,
    UpdateAlert: async (given) => ({ ...(await oneAlert(given)), body: { frequency: 'weekly' } }),
  },
  email_validation: {
    ValidateEmail: async () => ({ body: { email: 'ada@example.com', source: 'signup' } }),
    ListEmailJobForVerification: async () => ({ body: { file_type: 'csv' } }),
    GetValidationsEmailJobs: oneValidationJob,
    GetEmailJobForVerification: oneValidationJob,
  },
};
