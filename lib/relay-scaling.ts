/**
 * How many tasks the relay has. Its load is the larger of two shares: open connections of what a task may have, and CPU of
 * what it should use. One policy on one number: two policies, each blind to the other's share, would undo one another.
 */
import { Duration } from 'aws-cdk-lib';
import { AdjustmentType, MetricAggregationType } from 'aws-cdk-lib/aws-applicationautoscaling';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { FargateService } from 'aws-cdk-lib/aws-ecs';
import type { RelayNetwork } from './relay-network.ts';
import type { OwnRelaySettings } from './relay-settings.ts';

/** Percent of a task's CPU that counts as full: what is above it is for handshakes that come in bursts. */
const FULL_CPU = 60;
const MINUTE = Duration.minutes(1);

/** 100 is full. */
export function relayLoad(
  { connectionsPerTask }: Pick<OwnRelaySettings, 'connectionsPerTask'>,
  { balancer, targetGroups: [first] }: RelayNetwork,
  service: FargateService,
): MathExpression {
  return new MathExpression({
    // Without a healthy task there is no share; the alarm of unhealthy tasks says so.
    expression: `100*MAX([FILL(flows,0)/IF(FILL(tasks,1)<1,1,FILL(tasks,1))/${connectionsPerTask},FILL(cpu,0)/${FULL_CPU}])`,
    usingMetrics: {
      flows: balancer.metrics.activeFlowCount({ statistic: 'Average', period: MINUTE }),
      tasks: first!.group.metrics.healthyHostCount({ statistic: 'Maximum', period: MINUTE }),
      cpu: service.metricCpuUtilization({ statistic: 'Average', period: MINUTE }),
    },
    label: 'Load of the relay, %',
    period: MINUTE,
  });
}

/**
 * One more above 100 %, two more above 200 %, one less below 40 %: what is then left has at most 60 %, so it does not come
 * back. After three minutes of it, and five minutes of rest; a task that goes has time for its sessions.
 */
export function scaleRelay(relay: OwnRelaySettings, network: RelayNetwork, service: FargateService): void {
  const { min, max } = relay.tasks;
  service.autoScaleTaskCount({ minCapacity: min, maxCapacity: max }).scaleOnMetric('Load', {
    metric: relayLoad(relay, network, service),
    scalingSteps: [
      { upper: 40, change: -1 },
      { lower: 100, change: 1 },
      { lower: 200, change: 2 },
    ],
    adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
    metricAggregationType: MetricAggregationType.AVERAGE,
    evaluationPeriods: 3,
    cooldown: Duration.minutes(5),
  });
}
