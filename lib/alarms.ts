/** The alarms: each says in its description what it means and what to look at. */
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  type CfnAlarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct, IDependable } from 'constructs';
import type { Follower } from './follower.ts';
import { FIVE_MINUTES, mailMetric, type Named } from './metrics.ts';
import type { Settings } from './settings.ts';
import type { Stage } from './stage.ts';
import type { Ticking } from './tick.ts';
import type { WorkQueue } from './work-queue.ts';

/** Reports within an hour that strangers may make up before anybody is told. */
const MOST_UNMATCHED = 5;
/** Milliseconds that a follower of the stream may be behind. */
const BEHIND_MS = 600_000;
/** Longest that CloudWatch lets a new alarm wait for data, in minutes. */
const LONGEST_WARM_UP = 2_880;
/** Outcomes within 15 minutes below which a bounce rate says nothing. */
const FEWEST_OUTCOMES = 50;

export type AlarmsProps = {
  settings: Settings;
  topic: ITopic;
  functions: Named<Stage>[];
  queues: Named<WorkQueue>[];
  /** Of the messages table's stream. */
  followers: Named<Follower>[];
  /** What the clock runs. */
  ticking: Named<Ticking>[];
  accept: Stage;
  /** Some mail goes by SES, which passes complaints on. */
  bySes: boolean;
  /** Mail that comes back is taken: feedback loops pass complaints on. */
  inbound: boolean;
  /** DKIM keys change by themselves. */
  rotating: boolean;
};

/** Adds an alarm on a metric, by its name within the stack. */
export type AddAlarm = (name: string, metric: IMetric, threshold: Threshold) => void;

/** @param scope where the alarms stand */
export function alarmsOn(scope: Construct, { settings, topic }: Pick<AlarmsProps, 'settings' | 'topic'>): AddAlarm {
  return (name, metric, { above, because, periods = 1, missing = TreatMissingData.NOT_BREACHING, warmUp }) => {
    const alarm = new Alarm(scope, name, {
      alarmName: `${settings.stackName}-${name}`,
      alarmDescription: because,
      metric,
      threshold: above,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: missing,
    });
    alarm.addAlarmAction(new SnsAction(topic));
    if (!warmUp) return;
    alarm.node.addDependency(warmUp.behind);
    const warmUpPeriodDurationInMinutes = Math.min(warmUp.minutes, LONGEST_WARM_UP);
    (alarm.node.defaultChild as CfnAlarm).warmUpConfiguration = { warmUpPeriodDurationInMinutes };
  };
}

export function addAlarms(scope: Construct, props: AlarmsProps): void {
  const { settings, topic, functions, queues, followers, ticking, accept, bySes, inbound, rotating } = props;
  const alarm = alarmsOn(scope, { settings, topic });
  const { oldestSeconds, bounceRatePercent } = settings.alarms;
  const minute = { period: Duration.minutes(1) };
  const five = { statistic: 'Sum', period: Duration.minutes(5) };

  for (const { label, of } of queues) {
    alarm(
      `${label}-dead-letters`,
      of.dead.metricApproximateNumberOfMessagesVisible({ ...minute, statistic: 'Maximum' }),
      {
        above: 0,
        because: `Dead letters behind the queue ${label}: accepted mail that could not be worked off. Find out why, then redrive.`,
      },
    );
    alarm(`${label}-oldest`, of.queue.metricApproximateAgeOfOldestMessage({ ...minute, statistic: 'Maximum' }), {
      above: oldestSeconds,
      periods: 5,
      because: `The oldest message of the queue ${label} has waited for more than ${oldestSeconds} seconds for 5 minutes.`,
    });
  }
  for (const { label, of } of followers) {
    alarm(`${label}-given-up`, of.dead.metricApproximateNumberOfMessagesVisible({ ...minute, statistic: 'Maximum' }), {
      above: 0,
      because: `${label} gave records of the messages table's stream up: they are in the table, and missing in what ${label} makes of them. The queue's messages say which.`,
    });
    alarm(`${label}-behind`, of.stage.fn.metric('IteratorAge', { ...minute, statistic: 'Maximum' }), {
      // In milliseconds.
      above: BEHIND_MS,
      periods: 5,
      because: `${label} is more than 10 minutes behind the messages table's stream, which keeps a record for 24 hours. Its log says what holds it.`,
    });
    alarm(`${label}-silent`, notFollowing(of), {
      above: 0,
      periods: 2,
      because: `Mail was delivered for half an hour, and ${label} did not run. Look whether its event source mapping is enabled and what that says, and whether the account's concurrency is used up.`,
    });
  }
  for (const { label, of } of ticking)
    alarm(`${label}-silent`, notRun(of), {
      above: 0,
      periods: of.clock.silent,
      missing: TreatMissingData.BREACHING,
      // A stack that is new has not missed what the alarm looks back on.
      warmUp: { behind: of.clock.rule, minutes: of.clock.every.toMinutes() * of.clock.silent },
      because: `${label} has not run at ${of.clock.silent} ticks of its clock (${of.clock.every.toHumanString()}), one after the other. Look whether its rule is enabled in EventBridge, and whether its ticks are throttled: the account's concurrency is used up.`,
    });
  alarm('webhook-dropped', mailMetric('webhookDropped', 'Sum', Duration.minutes(15)), {
    above: 0,
    because:
      'Events for a webhook were let go after 24 hours of attempts. Its delivery log says what it answered; when it is up again, `events replay` tells it what it missed.',
  });
  for (const { label, of } of functions)
    alarm(`${label}-errors`, of.fn.metricErrors(five), {
      above: 0,
      because: `${label} failed or ran out of time. Its log says why; what it was working on is tried again.`,
    });
  alarm('accept-throttles', accept.fn.metricThrottles(five), {
    above: 0,
    because: 'accept had no environment left: clients got 503. Raise the reserved concurrency or the quota.',
  });
  alarm('bounce-rate', bounceRate(), {
    above: bounceRatePercent,
    because: `More than ${bounceRatePercent} % of outcomes in 15 minutes were bounces: mailbox providers will soon block.`,
  });

  alarm('in-doubt', inDoubt(), {
    above: 0,
    because:
      'A link was lost after the final dot within 15 minutes: its mail may arrive twice, or has ended as unknown. The attempts name the hosts.',
  });
  alarm('site-paused', mailMetric('sitePaused', 'Sum', FIVE_MINUTES), {
    above: 0,
    because:
      'A mailbox provider refuses a source address for what it is or sends, and its mail there is paused. The reply in the sites table says why. The pause ends by itself, and comes again until the cause is gone.',
  });
  alarm('bulk-paused', mailMetric('bulkPaused', 'Sum', FIVE_MINUTES), {
    above: 0,
    because:
      "An account's bulk has paused by itself: too much of its mail bounced or was called spam. It is held, and single mail goes on. tally's log names the account; `brakes show` says why, `brakes resume` lets it go on. If its key was stolen, delete the key first.",
  });
  alarm('cap-reached', mailMetric('capReached', 'Sum', FIVE_MINUTES), {
    above: 0,
    because:
      "An account has reached its daily cap, and its further mail is refused until midnight, UTC. accept's or the relay's log names it; `brakes cap` raises the cap. If nobody meant to send so much, delete its keys.",
  });
  alarm('warm-up-exceeded', mailMetric('warmUpExceeded', 'Sum', FIVE_MINUTES), {
    above: 0,
    because:
      'Transactional mail went beyond the warm-up budget of a new source address. Give its pool a warm one, or send less for now.',
  });
  if (rotating)
    alarm('key-rotation-overdue', mailMetric('rotationsOverdue', 'Maximum', Duration.days(1)), {
      above: 0,
      because:
        "A domain's next DKIM key should sign since a week ago, and DNS does not have it. The old one goes on signing. rotate's log names the domain and the record: a CNAME is gone, or somebody else's record is in its place.",
    });
  if (bySes || inbound)
    alarm('complaints', mailMetric('complained', 'Sum', Duration.minutes(15)), {
      above: 0,
      because:
        'Readers called mail spam within 15 minutes, by the word of SES or of a feedback loop. Providers act on 0.1 % of complaints, and SES may stop an account with 0.5 %. trace shows which mail: stop sending to who complained, and look at where the list came from.',
    });
  if (inbound) {
    alarm('unmatched-reports', mailMetric('unmatchedReports', 'Sum', Duration.hours(1)), {
      above: MOST_UNMATCHED,
      because:
        'More than a few bounces and complaints within an hour named no copy of ours: a feedback loop that leaves out our header fields, records that are gone, or somebody who makes reports up. Nobody was suppressed by them.',
    });
    alarm('parse-dropped', mailMetric('parseDropped', 'Sum', Duration.minutes(15)), {
      above: 0,
      because:
        "Mail for a customer was let go: his URL refused it (4xx), took none for three days, or it was too long. parse's log has the ids; the mails lie in the inbound bucket for some days.",
    });
  }
}

/**
 * `periods`: of the metric's, one after the other; default 1. `missing`: what no data says; default nothing bad. `warmUp`: what must be there
 * before it, and for how many minutes it then waits for data, at most, until it judges; default: it judges at once.
 */
type Threshold = {
  above: number;
  because: string;
  periods?: number;
  missing?: TreatMissingData;
  warmUp?: { behind: IDependable; minutes: number };
};

/** 1 in a period of its clock without a run; a tick that was throttled or dropped is none. Lambda says nothing of what does not run. */
function notRun({ stage, clock: { every } }: Ticking): MathExpression {
  return new MathExpression({
    expression: 'IF(ran<1,1,0)',
    usingMetrics: { ran: stage.fn.metricInvocations({ statistic: 'Sum', period: every }) },
    label: 'Not run',
    period: every,
  });
}

/** 1 while mail is delivered and nobody reads of it. The age of what waits in a stream is known by those alone that read it. */
function notFollowing({ stage }: Follower): MathExpression {
  const period = Duration.minutes(15);
  return new MathExpression({
    expression: 'IF(FILL(delivered,0)>0,IF(FILL(ran,0)<1,1,0),0)',
    usingMetrics: {
      delivered: mailMetric('delivered', 'Sum', period),
      ran: stage.fn.metricInvocations({ statistic: 'Sum', period }),
    },
    label: 'Not following',
    period,
  });
}

/** Copies whose link was lost after the final dot: those that are tried again, and those that have ended so. */
function inDoubt(): MathExpression {
  const period = Duration.minutes(15);
  return new MathExpression({
    expression: 'FILL(doubted,0)+FILL(unknown,0)',
    usingMetrics: {
      doubted: mailMetric('possibleDuplicates', 'Sum', period),
      unknown: mailMetric('unknown', 'Sum', period),
    },
    label: 'In doubt',
    period,
  });
}

/** Percent of final outcomes that are bounces. An alarm can't search, so it reads the totals. */
function bounceRate(): MathExpression {
  const period = Duration.minutes(15);
  const all = '(FILL(delivered,0)+FILL(bounced,0))';
  return new MathExpression({
    expression: `IF(${all}>=${FEWEST_OUTCOMES},100*FILL(bounced,0)/${all},0)`,
    usingMetrics: {
      delivered: mailMetric('delivered', 'Sum', period),
      bounced: mailMetric('bounced', 'Sum', period),
    },
    label: 'Bounce rate, %',
    period,
  });
}
