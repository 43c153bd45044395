/**
 * The account that is moved into, changed by the API's own handlers on the operator's connection: what the API refuses is refused here, in
 * its words. A dry run reads and checks all the same, and its writes write nothing.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { accountSettingsOf } from '../../../io/accounts.ts';
import { groupsIn } from '../../../io/groups.ts';
import { listSettingsIn } from '../../../io/list-settings.ts';
import { mailDefaultsIn } from '../../../io/mail-defaults.ts';
import { parseSettingsIn } from '../../../io/parse-settings.ts';
import { suppressionListsIn } from '../../../io/suppression-lists.ts';
import { suppressionsIn } from '../../../io/suppressions.ts';
import { templateTextsIn } from '../../../io/template-texts.ts';
import { templatesIn } from '../../../io/templates.ts';
import { trackingIn } from '../../../io/tracking.ts';
import { webhooksIn } from '../../../io/webhooks.ts';
import type { Answer, Call, ManageDeps } from '../../../lambdas/manage/manage.ts';
import type { Method, Route } from '../../../lambdas/manage/routes.ts';
import type { Connection } from '../connect.ts';

export type Here = ReturnType<typeof openHere>;
export type Done = { ok: true; body: Record<string, unknown> } | { ok: false; why: string };
type Asked = { params?: Record<string, string>; body?: unknown };

export function openHere(
  connection: Pick<
    Connection,
    'account' | 'operator' | 'tables' | 'accountsTable' | 'suppressionsTable' | 'lanes' | 'local' | 'inboundHost'
  >,
  dryRun: boolean,
) {
  const { account, operator, tables, accountsTable, suppressionsTable, local } = connection;
  const stores = {
    ...groupsIn(accountsTable, tables),
    ...listSettingsIn(accountsTable, tables),
    ...accountSettingsOf(accountsTable, tables),
    ...mailDefaultsIn(accountsTable, tables, Date.now),
    ...templatesIn(accountsTable, tables),
    ...templateTextsIn(accountsTable, tables),
    ...webhooksIn(accountsTable, tables),
    ...parseSettingsIn(accountsTable, tables),
    ...trackingIn(accountsTable, tables, Date.now),
    listDomains: operator.listDomains,
    ...suppressionsIn(suppressionsTable, tables),
    ...suppressionListsIn(suppressionsTable, tables),
  };
  const nothing: Partial<ManageDeps> = {
    createWebhook: async () => true,
    createParseSetting: async () => true,
    writeListSetting: async () => {},
    writeMailDefault: async () => {},
    writeForward: async () => {},
    writeTracking: async () => {},
    writeEnforcedTls: async () => {},
  };
  const deps: Partial<ManageDeps> = {
    ...stores,
    now: Date.now,
    randomId: randomUUID,
    randomBytes,
    anyPort: local,
    sealSecret: async () => {
      throw new Error('an import has no secrets to keep');
    },
    ...(dryRun ? nothing : {}),
  };

  const call = async (
    routes: readonly Pick<Route, 'method' | 'path' | 'handle'>[],
    method: Method,
    path: string,
    { params = {}, body }: Asked = {},
    overrides: Partial<ManageDeps> = {},
  ): Promise<Done> => {
    const route = routes.find((one) => one.method === method && one.path === path);
    if (!route) throw new Error(`there is no route ${method} ${path}`);
    const caller = { account, scopes: [] };
    const asked: Call = { account, caller, params, query: {}, repeated: () => [], body, headers: {}, url: path };
    return doneOf(await route.handle(asked, { ...deps, ...overrides } as ManageDeps));
  };
  return { ...connection, dryRun, stores, call };
}

function doneOf(answer: Answer): Done {
  if (!('errors' in answer)) return { ok: true, body: (answer.body ?? {}) as Record<string, unknown> };
  return { ok: false, why: answer.errors.map(({ message }) => message).join('; ') };
}
