/** What a pool's ways (`via`, `failOver`) add to its deliver: environment, permissions, ports. Nothing where all is direct. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { relaysOf, usesSes } from '../core/via.ts';
import type { Permission, Target } from './permissions/permission.ts';
import { deliverRows } from './permissions/table.ts';
import type { PoolSettings, RelaySettings, Settings } from './settings.ts';
import { poolViaOf } from './ways.ts';

export type Ways = {
  environment: Record<string, string>;
  targets: Partial<Record<Target, readonly string[]>>;
  rows: readonly Permission[];
  /** TCP ports of its relays. */
  ports: number[];
};

/** @param configurationSet SES's, by name: there when any pool goes by SES */
export function waysOfPool(
  scope: Construct,
  pool: PoolSettings,
  settings: Settings,
  configurationSet: string | undefined,
): Ways {
  const via = poolViaOf(pool);
  const names = relaysOf(via);
  const relays = (settings.relays ?? []).filter(({ name }) => names.includes(name));
  const secrets = [...new Set(relays.flatMap(({ secretArn }) => secretArn ?? []))];
  const ses = usesSes(via) && configurationSet !== undefined ? configurationSet : undefined;
  return {
    environment: {
      ...(via && { VIA: JSON.stringify(via) }),
      ...(relays.length > 0 && { RELAYS: JSON.stringify(relays satisfies RelaySettings[]) }),
      ...(ses !== undefined && { SES_CONFIGURATION_SET: ses }),
    },
    targets: {
      ...(secrets.length > 0 && { relaySecrets: secrets }),
      ...(ses !== undefined && { ses: [sesArn(scope, 'identity', '*'), sesArn(scope, 'configuration-set', ses)] }),
    },
    rows: deliverRows({ address: !pool.withoutAddress, ses: ses !== undefined, relaySecrets: secrets.length > 0 }),
    ports: [...new Set(relays.map(({ port }) => port))],
  };
}

/** SES asks for the identity and the configuration set both; identities are made by `pennypost ses identity`, not here. */
export function sesArn(scope: Construct, resource: 'identity' | 'configuration-set', resourceName: string): string {
  return Stack.of(scope).formatArn({
    service: 'ses',
    resource,
    resourceName,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
}
