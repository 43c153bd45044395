/** What the stack is to sending domains, as manage and rotate learn of it in their variable `SENDING`. */
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Lane } from './lane.ts';
import type { Settings } from './settings.ts';

export type SendingProps = {
  settings: Settings;
  lanes: readonly Lane[];
  /** Who takes what comes back, if somebody does. */
  inboundHost: string | undefined;
};

export function sendingJson(
  scope: Construct,
  { settings: { pools, senders }, lanes, inboundHost }: SendingProps,
): string {
  const warmUps = new Map(pools.flatMap(({ sourceIps }) => sourceIps).map((one) => [one.name, one.warmUpFrom]));
  return Stack.of(scope).toJsonString({
    sources: lanes.map(({ summary: { ip, ehloName, name, pool } }) => ({
      ip,
      ehloName,
      name,
      pool,
      warmUpFrom: warmUps.get(String(name)),
    })),
    inboundHost,
    targets: senders.targets,
  });
}
