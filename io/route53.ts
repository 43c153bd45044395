/**
 * One TXT record in a hosted zone of Route 53: written whole, known by every name server of the zone when `publish` is done,
 * and taken away as it was written.
 */
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ChangeAction,
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';

/** Seconds for which resolvers may keep it; the authority asks the zone's own servers. */
const TTL = 60;
/** Route 53: "changes generally propagate within 60 seconds". */
const POLLS = 60;
const POLL_MS = 2_000;

export const openZones = (): Route53Client => new Route53Client({ maxAttempts: 5 });

/** @param pollMs milliseconds between two looks at a change */
export function txtRecordIn(client: Route53Client, hostedZone: string, name: string, pollMs = POLL_MS) {
  let published: string[] = [];
  const change = async (action: ChangeAction, texts: string[]) => {
    const { ChangeInfo } = await client.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: hostedZone,
        ChangeBatch: {
          Changes: [
            {
              Action: action,
              ResourceRecordSet: {
                Name: name,
                Type: 'TXT',
                TTL,
                ResourceRecords: texts.map((text) => ({ Value: `"${text}"` })),
              },
            },
          ],
        },
      }),
    );
    return ChangeInfo;
  };
  return {
    /** @throws Error when the change is not everywhere after two minutes */
    async publish(texts: string[]): Promise<void> {
      const made = await change('UPSERT', texts);
      published = texts;
      let status = made?.Status;
      for (let polls = 0; status !== 'INSYNC'; polls++) {
        if (polls === POLLS) throw new Error(`Route 53 has not published ${name} after ${(POLLS * pollMs) / 1000} s`);
        await wait(pollMs);
        const { ChangeInfo } = await client.send(new GetChangeCommand({ Id: made?.Id }));
        status = ChangeInfo?.Status;
      }
    },
    async withdraw(): Promise<void> {
      if (published.length > 0) await change('DELETE', published);
      published = [];
    },
  };
}
