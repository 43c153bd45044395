/**
 * `/v3/user/webhooks/security/policies`: how posts to customers' servers are signed, and which token they carry, in the shapes of SendGrid's
 * OpenAPI document. One that parse settings are under is taken away only with `force`, and then they are under none.
 */
import { apiErrors } from '../../core/errors.ts';
import {
  MOST_POLICIES,
  POLICY_ID,
  policyKey,
  readPolicy,
  type SecurityPolicyRecord,
  showPolicy,
  type WantedPolicy,
} from '../../core/webhook/policy.ts';
import { makeSigningKey } from '../../core/webhook/signature.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type PolicyRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomId: () => string;
  /** URLs may name any port: only where private hosts are let through. */
  anyPort: boolean;
  listPolicies: (account: string) => Promise<SecurityPolicyRecord[]>;
  readPolicy: (account: string, id: string) => Promise<SecurityPolicyRecord | undefined>;
  createPolicy: (record: SecurityPolicyRecord) => Promise<boolean>;
  /** False: it is not as it was read. */
  changePolicy: (record: SecurityPolicyRecord, before: SecurityPolicyRecord) => Promise<boolean>;
  removePolicy: (before: SecurityPolicyRecord) => Promise<boolean>;
  /** Host names of the parse settings under it. */
  listUnderPolicy: (account: string, id: string) => Promise<string[]>;
  detachPolicy: (account: string, hostname: string, id: string) => Promise<boolean>;
  sealPolicySecret: (account: string, policy: string, secret: Buffer) => Promise<string>;
};

/** Changes of one policy at once: each costs the others one more try. */
const TRIES = 4;
const BUSY: Answer = { status: 429, errors: [apiErrors.tooManyRequests] };
/** Host names that a message names. */
const NAMED = 5;

const find = async ({ account, params }: Call, deps: PolicyRouteDeps) =>
  params.id!.length > POLICY_ID ? undefined : deps.readPolicy(account, params.id!);

async function list({ account }: Call, deps: PolicyRouteDeps): Promise<Answer> {
  return { status: 200, body: { policies: (await deps.listPolicies(account)).map(showPolicy) } };
}

async function get(call: Call, deps: PolicyRouteDeps): Promise<Answer> {
  const policy = await find(call, deps);
  return policy ? { status: 200, body: { policy: showPolicy(policy) } } : NOT_FOUND;
}

async function create({ account, body }: Call, deps: PolicyRouteDeps): Promise<Answer> {
  const read = readPolicy(body, { anyPort: deps.anyPort });
  if (!read.ok) return { status: 400, errors: read.errors };
  if ((await deps.listPolicies(account)).length >= MOST_POLICIES)
    return refused(null, `an account may have ${MOST_POLICIES} security policies`);
  const id = deps.randomId();
  const at = deps.now();
  const secured = await secure(account, id, read.wanted, undefined, deps);
  const record = { ...policyKey(account, id), id, ...secured, attached: 0, createdAt: at, updatedAt: at };
  return (await deps.createPolicy(record)) ? { status: 201, body: { policy: showPolicy(record) } } : BUSY;
}

async function change(call: Call, deps: PolicyRouteDeps): Promise<Answer> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const before = await find(call, deps);
    if (!before) return NOT_FOUND;
    const read = readPolicy(call.body, { before, anyPort: deps.anyPort });
    if (!read.ok) return { status: 400, errors: read.errors };
    const { pk, sk, id, attached, createdAt } = before;
    const updatedAt = Math.max(deps.now(), before.updatedAt + 1);
    const secured = await secure(pk, id, read.wanted, before, deps);
    const record = { pk, sk, id, ...secured, attached, createdAt, updatedAt };
    if (await deps.changePolicy(record, before)) return { status: 200, body: { policy: showPolicy(record) } };
  }
  return BUSY;
}

/** With its secrets sealed. A signature that is turned on again has another key: whoever turned it off no longer trusts the old one. */
async function secure(
  account: string,
  id: string,
  { name, oauth, secret, signed }: WantedPolicy,
  before: SecurityPolicyRecord | undefined,
  { sealPolicySecret }: PolicyRouteDeps,
): Promise<Pick<SecurityPolicyRecord, 'name' | 'oauth' | 'signing'>> {
  const sealed = secret === undefined ? {} : { secret: await sealPolicySecret(account, id, Buffer.from(secret)) };
  const signing = async () => {
    const { publicKey, privateKey } = makeSigningKey();
    return { publicKey, privateKey: await sealPolicySecret(account, id, privateKey) };
  };
  return {
    name,
    ...(oauth && { oauth: { ...oauth, ...sealed } }),
    ...(signed && { signing: before?.signing ?? (await signing()) }),
  };
}

async function remove(call: Call, deps: PolicyRouteDeps): Promise<Answer> {
  const { account, query } = call;
  if (query.force !== undefined && query.force !== 'true' && query.force !== 'false')
    return refused('force', 'force must be true or false');
  for (let tries = 1; tries <= TRIES; tries++) {
    const policy = await find(call, deps);
    if (!policy) return NOT_FOUND;
    const under = await deps.listUnderPolicy(account, policy.id);
    if (under.length > 0 && query.force !== 'true') return inUse(under);
    for (const hostname of under) await deps.detachPolicy(account, hostname, policy.id);
    if (await deps.removePolicy(policy)) return { status: 200, body: { policy: policy.id } };
  }
  return BUSY;
}

function inUse(under: readonly string[]): Answer {
  const names = `${under.slice(0, NAMED).join(', ')}${under.length > NAMED ? ' …' : ''}`;
  return refused(null, `the policy is in use: take ${names} out of it first, or delete it with force=true`);
}

const POLICIES = '/v3/user/webhooks/security/policies';
const SCOPE = 'user.webhooks.security.policies';

export const POLICY_ROUTES: readonly Route[] = [
  { method: 'POST', path: POLICIES, scope: `${SCOPE}.create`, handle: create },
  { method: 'GET', path: POLICIES, scope: `${SCOPE}.read`, handle: list },
  { method: 'GET', path: `${POLICIES}/{id}`, scope: `${SCOPE}.read`, handle: get },
  { method: 'PATCH', path: `${POLICIES}/{id}`, scope: `${SCOPE}.update`, handle: change },
  { method: 'DELETE', path: `${POLICIES}/{id}`, scope: `${SCOPE}.delete`, handle: remove },
];
