/** Whether a link host answers for us: asked as a reader's browser asks, so by HTTPS with a certificate that is valid for it. */
import { isLoopback, originOf, PROBE_ANSWER, PROBE_PATH } from '../core/tracking/link-host.ts';

const PATIENCE = 10_000;
/** Octets of an answer that are read. */
const ANSWER = 1_000;

/** @returns why it does not; undefined: it does */
export async function lookUpLink(host: string): Promise<string | undefined> {
  const url = `${originOf(host)}${PROBE_PATH}`;
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) });
    const reader = answer.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    await reader?.cancel();
    const said = Buffer.from(value ?? [])
      .subarray(0, ANSWER)
      .toString('utf8');
    if (answer.status === 200 && said === PROBE_ANSWER) return undefined;
    return `${url} answers ${answer.status}, and not as ours`;
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    return isLoopback(host) ? why : `${url}: ${why}`;
  }
}
