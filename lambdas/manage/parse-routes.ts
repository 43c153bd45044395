/** `/v3/user/webhooks/parse`: settings and statistics of inbound parse, in the shapes of SendGrid's OpenAPI document. */
import type { ApiError } from '../../core/errors.ts';
import { apiErrors } from '../../core/errors.ts';
import { readParseSetting, showParseSetting } from '../../core/parse/setting.ts';
import { readStatsQuery, showParseStats } from '../../core/parse/stats.ts';
import type { DomainRecord } from '../../core/records/domains.ts';
import { type ParseSettingRecord, parseSettingKey } from '../../core/records/inbound.ts';
import { isProven } from '../../core/senders/kept.ts';
import type { Answer, Call } from './manage.ts';

export type ParseRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** URLs may name any port: only where private hosts are let through. */
  anyPort: boolean;
  listDomains: (account: string) => Promise<DomainRecord[]>;
  listParseSettings: (account: string) => Promise<ParseSettingRecord[]>;
  readParseSetting: (account: string, hostname: string) => Promise<ParseSettingRecord | undefined>;
  /** False: there is one. @throws HostTakenError, NoPolicyError */
  createParseSetting: (account: string, setting: ParseSettingRecord) => Promise<boolean>;
  /** False: there is none. @throws NoPolicyError */
  changeParseSetting: (setting: ParseSettingRecord) => Promise<boolean>;
  removeParseSetting: (account: string, hostname: string) => Promise<boolean>;
  readParseStats: (account: string, from: string, to: string) => Promise<Map<string, number>>;
};

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };

export async function listSettings({ account }: Call, deps: ParseRouteDeps): Promise<Answer> {
  const settings = await deps.listParseSettings(account);
  return { status: 200, body: { result: settings.map(showParseSetting) } };
}

export async function getSetting({ account, params }: Call, deps: ParseRouteDeps): Promise<Answer> {
  const setting = await deps.readParseSetting(account, params.hostname!);
  return setting ? { status: 200, body: showParseSetting(setting) } : NOT_FOUND;
}

export async function createSetting({ account, body }: Call, deps: ParseRouteDeps): Promise<Answer> {
  // Whoever has only said that a domain is his has no hosts in it.
  const domains = (await deps.listDomains(account)).filter(isProven);
  const read = readParseSetting(body, domains, { anyPort: deps.anyPort });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { setting } = read;
  const record = { ...parseSettingKey(account, setting.hostname), ...setting, createdAt: deps.now() };
  try {
    if (!(await deps.createParseSetting(account, record))) return taken('hostname has a parse setting already');
  } catch (error) {
    if ((error as Error).name === 'HostTakenError') return taken('hostname is in use');
    return noPolicy(error);
  }
  return { status: 201, body: showParseSetting(setting) };
}

export async function updateSetting({ account, params, body }: Call, deps: ParseRouteDeps): Promise<Answer> {
  const before = await deps.readParseSetting(account, params.hostname!);
  if (!before) return NOT_FOUND;
  const read = readParseSetting(body, [], { before, anyPort: deps.anyPort });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { securityPolicy: _, ...kept } = before;
  try {
    if (!(await deps.changeParseSetting({ ...kept, ...read.setting }))) return NOT_FOUND;
  } catch (error) {
    return noPolicy(error);
  }
  return { status: 200, body: showParseSetting(read.setting) };
}

export async function deleteSetting({ account, params }: Call, deps: ParseRouteDeps): Promise<Answer> {
  return (await deps.removeParseSetting(account, params.hostname!)) ? { status: 204 } : NOT_FOUND;
}

export async function listStats({ account, query }: Call, deps: ParseRouteDeps): Promise<Answer> {
  const read = readStatsQuery(query, new Date(deps.now()).toISOString().slice(0, 10));
  if (!read.ok) return { status: 400, errors: read.errors };
  const { from, to } = read.query;
  return { status: 200, body: showParseStats(read.query, await deps.readParseStats(account, from, to)) };
}

/** @throws the error, where it is another */
function noPolicy(error: unknown): Answer {
  if ((error as Error).name !== 'NoPolicyError') throw error;
  const message = 'security_policy is no security policy of this account';
  return { status: 400, errors: [{ message, field: 'security_policy', help: null }] };
}

function taken(message: string): Answer {
  const error: ApiError = { message, field: 'hostname', help: null };
  return { status: 400, errors: [error] };
}
