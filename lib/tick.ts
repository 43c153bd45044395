/**
 * A stage that the clock runs. A tick has no content and is not repeated: what a run that failed has left, the next one does. So there is
 * nothing to keep of one that was lost; but a clock that stands still fails nowhere and leaves no queue that grows, so that each has an alarm
 * on its silence (lib/alarms.ts).
 */
import { Duration, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Construct, IConstruct } from 'constructs';
import type { Stage } from './stage.ts';

export type Tick = {
  /** The rule's id. */
  id: string;
  every: Duration;
  /** Ticks in a row after which somebody is told that none came to a run. */
  silent: number;
  /** Minutes that a tick may be late. */
  lateMinutes?: number;
};

/** A stage with its clock. */
export type Ticking = { stage: Stage; clock: Clock };
export type Clock = Pick<Tick, 'every' | 'silent'> & { rule: Rule };

export function runByClock(scope: Construct, { fn }: Stage, { id, every, silent, lateMinutes = 10 }: Tick): Clock {
  const once = { retryAttempts: 0, maxEventAge: Duration.minutes(lateMinutes) };
  fn.configureAsyncInvoke(once);
  const rule = new Rule(scope, id, { schedule: Schedule.rate(every), targets: [new LambdaFunction(fn, once)] });
  return { rule, every, silent };
}

/**
 * The findings of cdk-nag that stay of such a stage (lib/acknowledgements.ts has the others).
 * @param reasons why a lost tick is no loss, and why there are no traces by default
 */
export function acknowledgeTicks(
  { fn }: Stage,
  { rule }: Clock,
  tracing: boolean,
  reasons: { tick: string; untraced: string },
): void {
  const acknowledge = (on: IConstruct, id: string, reason: string) => Validations.of(on).acknowledge({ id, reason });
  acknowledge(fn, 'Serverless-LambdaDLQ', reasons.tick);
  acknowledge(fn, 'Serverless-LambdaAsyncFailureDestination', reasons.tick);
  acknowledge(rule, 'Serverless-EventBusDLQ', reasons.tick);
  if (tracing)
    acknowledge(
      fn.role!,
      'AwsSolutions-IAM5[Resource::*]',
      'With tracing on, two named X-Ray actions are allowed, and X-Ray knows no resource for them.',
    );
  else acknowledge(fn, 'Serverless-LambdaTracing', reasons.untraced);
}
