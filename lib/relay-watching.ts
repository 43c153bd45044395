/** What the operator sees of the relay, and what wakes him: tasks, connections, refusals, wrong keys. */
import { Duration } from 'aws-cdk-lib';
import { type IWidget, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AddAlarm } from './alarms.ts';
import { FIVE_MINUTES, relayMetric } from './metrics.ts';
import type { Relay } from './relay.ts';
import { graph } from './widgets.ts';

/** Wrong keys in five minutes that are no longer somebody's typing error. */
const MANY_FAILURES = 100;
const MINUTE = Duration.minutes(1);

export function addRelayAlarms(alarm: AddAlarm, { relayNetwork, service }: Relay): void {
  const { metrics } = relayNetwork.targetGroups[0]!.group;
  alarm('relay-unhealthy', metrics.unHealthyHostCount({ statistic: 'Maximum', period: MINUTE }), {
    above: 0,
    periods: 5,
    because:
      'A task of the relay has failed its health checks for 5 minutes. Its log says why; ECS puts another one in its place.',
  });
  alarm('relay-without-task', withoutTask(relayNetwork), {
    above: 0,
    periods: 3,
    // The balancer says nothing where no task is registered.
    missing: TreatMissingData.BREACHING,
    warmUp: { behind: service, minutes: 5 },
    because: 'No task of the relay takes mail: clients cannot connect. Look at the events of the service, and the log.',
  });
  alarm('relay-deferred', relayMetric('relayDeferred'), {
    above: 0,
    periods: 2,
    because:
      'The relay has put messages off for ten minutes: a store does not answer, or a limit is reached. Clients try again; its log says which.',
  });
  alarm('certificate-ending', relayMetric('certificateEnding', 'Maximum'), {
    above: 0,
    because:
      "The relay's certificate ends within two weeks, and the tasks have seen no other: clients will refuse it. Yours is renewed by writing the next one into its secret; that of an ACME authority by certify, whose log says why it was not.",
  });
  alarm('auth-failures', relayMetric('authFailures'), {
    above: MANY_FAILURES,
    because: `More than ${MANY_FAILURES} wrong keys in 5 minutes: somebody guesses, or a key was deleted that is still used. The log has the addresses.`,
  });
}

export function relayWidgets({ relayNetwork, service }: Relay): IWidget[] {
  const { balancer, targetGroups } = relayNetwork;
  const { metrics } = targetGroups[0]!.group;
  const at = { period: FIVE_MINUTES };
  return [
    graph(
      'Relay: messages',
      8,
      [
        relayMetric('relayAccepted'),
        relayMetric('relayRefused'),
        relayMetric('relayDeferred'),
        relayMetric('authFailures'),
      ],
      'per 5 minutes',
    ),
    graph('Relay: connections', 8, [
      balancer.metrics.activeFlowCount({ ...at, statistic: 'Average', label: 'open' }),
      balancer.metrics.newFlowCount({ ...at, statistic: 'Sum', label: 'new' }),
    ]),
    graph('Relay: tasks', 8, [
      metrics.healthyHostCount({ ...at, statistic: 'Maximum', label: 'healthy' }),
      metrics.unHealthyHostCount({ ...at, statistic: 'Maximum', label: 'unhealthy' }),
      service.metricCpuUtilization({ ...at, label: 'CPU, %' }),
      service.metricMemoryUtilization({ ...at, label: 'memory, %' }),
    ]),
  ];
}

/** 1 while none is healthy. */
function withoutTask({ targetGroups: [first] }: Relay['relayNetwork']): MathExpression {
  return new MathExpression({
    expression: 'IF(healthy<1,1,0)',
    usingMetrics: { healthy: first!.group.metrics.healthyHostCount({ statistic: 'Maximum', period: MINUTE }) },
    label: 'Relay without a task',
    period: MINUTE,
  });
}
