/**
 * A row of the table of permissions, and how a role gets its rows: a statement each. No action is a wildcard; `*` as a resource only where AWS
 * knows no other (the rows say why).
 */
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';

export type FunctionName =
  | 'accept'
  | 'expand'
  | 'deliver'
  | 'release'
  | 'hear'
  | 'report'
  | 'certify'
  | 'rotate'
  | 'inbound'
  | 'parse'
  | 'manage'
  | 'track'
  | 'tally'
  | 'announce'
  | 'notify'
  | 'validate'
  | 'erase';
/** What runs in containers. It has no row for its log: ECS writes that, with the execution role. */
export type TaskName = 'relay';

/** What a row is about; each stage says which ARNs these are for it. */
export type Target =
  | 'accounts'
  | 'messages'
  | 'messagesIndex'
  | 'holds'
  | 'scheduled'
  | 'sites'
  | 'content'
  | 'requests'
  | 'uploads'
  | 'suppressions'
  | 'parseQueue'
  | 'stats'
  | 'outbox'
  | 'events'
  | 'eventPages'
  | 'downloads'
  | 'ownStream'
  | 'ownDeadLetters'
  | 'notifyQueue'
  | 'validateQueue'
  | 'validationUploads'
  | 'validationParts'
  | 'validationResults'
  | 'eraseQueue'
  | 'lanes'
  | 'expandQueue'
  | 'ownQueue'
  | 'dkimKey'
  | 'returnPathSecret'
  | 'trackingSecret'
  | 'relaySecrets'
  | 'tlsSecret'
  | 'acmeSecret'
  | 'hostedZone'
  | 'senderZones'
  | 'changes'
  | 'inboundMail'
  | 'inboundQueue'
  | 'ses'
  | 'ownLogs'
  | 'anything';

export type Permission = {
  /** Default Allow. */
  effect?: 'Allow' | 'Deny';
  actions: readonly string[];
  on: Target;
  /** IAM conditions; all must hold. */
  conditions?: Record<string, Record<string, string | readonly string[]>>;
};

/** A function, or whatever else has a role. */
export type Grantee = { addToRolePolicy(statement: PolicyStatement): void };

/** Adds one statement to a role. */
export function grant(
  grantee: Grantee,
  actions: readonly string[],
  resources: readonly string[],
  { effect, conditions }: Pick<Permission, 'effect' | 'conditions'> = {},
): void {
  grantee.addToRolePolicy(
    new PolicyStatement({
      ...(effect && { effect: Effect.DENY }),
      actions: [...actions],
      resources: [...resources],
      ...(conditions && { conditions }),
    }),
  );
}

/**
 * Grants a function, or a task, its rows of the table.
 * @param targets the ARNs of each target that its rows name
 * @throws Error naming a target that a row needs and that is not given
 */
export function grantOwn(
  name: FunctionName | TaskName,
  grantee: Grantee,
  targets: Partial<Record<Target, readonly string[]>>,
  rows: readonly Permission[],
): void {
  for (const { actions, on, ...limits } of rows) {
    const resources = on === 'anything' ? ['*'] : targets[on];
    if (!resources) throw new Error(`${name} has a permission on ${on}, but its stage gives no ${on}`);
    grant(grantee, actions, resources, limits);
  }
}
