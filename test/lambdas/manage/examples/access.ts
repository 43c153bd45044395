/** IP access lists: of this machine's address, so that whoever makes one gets in afterwards. */
import type { Given, Make, Path } from './example.ts';

export const HERE = '127.0.0.1';
const LIST = '/v3/access_settings/whitelist';

async function oneRule({ ask }: Given): Promise<Path> {
  const { json } = await ask('POST', LIST, { ips: [{ ip: HERE }] });
  return { path: { rule_id: String(json.result[0].id) } };
}

/** By `METHOD /path`: SendGrid's documents of the core leave them out. */
export const ACCESS: Readonly<Record<string, Make>> = {
  'GET /v3/access_settings/activity': async (given) => ({ ...(await oneRule(given)), query: 'limit=1' }),
  [`GET ${LIST}`]: oneRule,
  [`GET ${LIST}/{rule_id}`]: oneRule,
  [`DELETE ${LIST}`]: async (given) => ({ body: { ids: [Number((await oneRule(given)).path.rule_id)] } }),
  [`DELETE ${LIST}/{rule_id}`]: oneRule,
};
