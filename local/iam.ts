/**
 * IAM's decision for one call: explicit Deny, else Allow, else an implicit Deny (IAM User Guide, "Policy evaluation
 * logic"). It knows identity policies (inline, attached, managed of ours) and the Denies of resource policies.
 * It refuses, when a policy is loaded, every element that it does not evaluate (NotAction, an unknown condition operator
 * or key): a policy that is half understood would let through what AWS stops.
 */

export type Statement = {
  /** Its Sid, or its number in its policy: `Policy[3]`. */
  id: string;
  effect: 'Allow' | 'Deny';
  actions: string[];
  resources: string[];
  conditions: Condition[];
};
export type Condition = {
  quantifier?: 'ForAllValues' | 'ForAnyValue';
  operator: string;
  ifExists: boolean;
  key: string;
  values: string[];
};

/** One action on one resource; `context` are the condition keys of the request, lower case. */
export type Access = { action: string; resource: string; context: Record<string, string | string[]> };
export type Decision = {
  allowed: boolean;
  /** Index pairs of what matched: these actions and resources of these statements were used. */
  used: { statement: Statement; action: string; resource: string }[];
  /** `explicit` names the Deny. */
  reason?: string;
};

/** Condition keys that the proxy fills in, or that a request of ours never has (lower case; encryption context by prefix). */
const KEYS = new Set([
  'aws:securetransport',
  'lambda:sourcefunctionarn',
  'aws:sourceaccount',
  'aws:sourcearn',
  'aws:principalaccount',
  'aws:resourceaccount',
  'aws:principalarn',
  'dynamodb:leadingkeys',
  'dynamodb:attributes',
  'dynamodb:select',
  'kms:encryptioncontextkeys',
  'kms:viaservice',
  'kms:calleraccount',
  'route53:changeresourcerecordsetsactions',
  'route53:changeresourcerecordsetsnormalizedrecordnames',
  'route53:changeresourcerecordsetsrecordtypes',
  's3:prefix',
  's3:tlsversion',
  's3:x-amz-server-side-encryption',
]);
const known = (key: string) => KEYS.has(key) || key.startsWith('kms:encryptioncontext:');

type Test = (actual: string, wanted: string) => boolean;
const OPERATORS: Record<string, Test> = {
  StringEquals: (actual, wanted) => actual === wanted,
  StringNotEquals: (actual, wanted) => actual !== wanted,
  StringEqualsIgnoreCase: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  StringNotEqualsIgnoreCase: (actual, wanted) => actual.toLowerCase() !== wanted.toLowerCase(),
  StringLike: matches,
  StringNotLike: (actual, wanted) => !matches(actual, wanted),
  ArnEquals: matches,
  ArnLike: matches,
  ArnNotEquals: (actual, wanted) => !matches(actual, wanted),
  ArnNotLike: (actual, wanted) => !matches(actual, wanted),
  Bool: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  NumericEquals: (actual, wanted) => Number(actual) === Number(wanted),
  NumericLessThan: (actual, wanted) => Number(actual) < Number(wanted),
  NumericLessThanEquals: (actual, wanted) => Number(actual) <= Number(wanted),
  NumericGreaterThan: (actual, wanted) => Number(actual) > Number(wanted),
  NumericGreaterThanEquals: (actual, wanted) => Number(actual) >= Number(wanted),
};

/**
 * Reads a policy document.
 * @param where for messages: the policy's path in the template
 * @throws Error naming the element that is not evaluated here
 */
export function readPolicy(document: unknown, where: string): Statement[] {
  const { Statement: statements } = document as { Statement: unknown };
  return listOf(statements).map((one, index) => readStatement(one as Record<string, unknown>, `${where}[${index}]`));
}

function readStatement(statement: Record<string, unknown>, where: string): Statement {
  for (const element of ['NotAction', 'NotResource', 'NotPrincipal'])
    if (element in statement) throw new Error(`${where}: ${element} is not evaluated by the local stack`);
  const effect = statement.Effect;
  if (effect !== 'Allow' && effect !== 'Deny') throw new Error(`${where}: Effect is ${JSON.stringify(effect)}`);
  return {
    id: typeof statement.Sid === 'string' ? `${where.replace(/\[\d+\]$/, '')}.${statement.Sid}` : where,
    effect,
    actions: listOf(statement.Action).map(String),
    resources: listOf(statement.Resource).map(String),
    conditions: Object.entries((statement.Condition ?? {}) as Record<string, Record<string, unknown>>).flatMap(
      ([operator, tests]) => Object.entries(tests).map(([key, values]) => readCondition(operator, key, values, where)),
    ),
  };
}

function readCondition(full: string, key: string, values: unknown, where: string): Condition {
  const [, quantifier, name, ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(full) ?? [];
  if (!name || !(name in OPERATORS || name === 'Null'))
    throw new Error(`${where}: condition operator ${full} is not evaluated by the local stack`);
  if (!known(key.toLowerCase())) throw new Error(`${where}: condition key ${key} is not known to the local stack`);
  return {
    ...(quantifier ? { quantifier: quantifier as NonNullable<Condition['quantifier']> } : {}),
    operator: name,
    ifExists: ifExists !== undefined,
    key: key.toLowerCase(),
    values: listOf(values).map(String),
  };
}

/**
 * Decides one access.
 * @param identity the statements of the caller's role
 * @param resource the statements of the policy on the resource; of these only Denies count (same account)
 */
export function evaluate(
  access: Access,
  identity: readonly Statement[],
  resource: readonly Statement[] = [],
): Decision {
  const applying = (statements: readonly Statement[]) =>
    statements
      .map((statement) => ({ statement, hit: applies(statement, access) }))
      .filter(
        (one): one is { statement: Statement; hit: { action: string; resource: string }[] } => one.hit !== undefined,
      );
  const own = applying(identity);
  const deny = [...own, ...applying(resource)].find(({ statement }) => statement.effect === 'Deny');
  if (deny) return { allowed: false, used: [], reason: `an explicit Deny in ${deny.statement.id}` };
  const allows = own.filter(({ statement }) => statement.effect === 'Allow');
  if (allows.length === 0) return { allowed: false, used: [], reason: 'no statement allows it' };
  return {
    allowed: true,
    used: allows.flatMap(({ statement, hit }) => hit.map((pair) => ({ statement, ...pair }))),
  };
}

function applies(statement: Statement, access: Access): { action: string; resource: string }[] | undefined {
  const actions = statement.actions.filter((pattern) => matches(access.action.toLowerCase(), pattern.toLowerCase()));
  const resources = statement.resources.filter((pattern) => matches(access.resource, pattern));
  if (actions.length === 0 || resources.length === 0) return undefined;
  if (!statement.conditions.every((condition) => holds(condition, access.context))) return undefined;
  return actions.flatMap((action) => resources.map((resource) => ({ action, resource })));
}

function holds(condition: Condition, context: Access['context']): boolean {
  const actual = context[condition.key];
  if (condition.operator === 'Null') return condition.values.includes(String(actual === undefined));
  const negated = condition.operator.includes('Not');
  if (actual === undefined) return condition.ifExists || condition.quantifier === 'ForAllValues' || negated;
  const test = OPERATORS[condition.operator]!;
  const fits = (one: string) =>
    negated
      ? condition.values.every((wanted) => test(one, wanted))
      : condition.values.some((wanted) => test(one, wanted));
  const values = listOf(actual) as string[];
  return condition.quantifier === 'ForAnyValue' ? values.some(fits) : values.every(fits);
}

/** IAM's wildcards: `*` is any text, `?` one character. At most text × pattern steps: the text may come from a stranger. */
export function matches(text: string, pattern: string): boolean {
  let t = 0;
  let p = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function listOf(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
