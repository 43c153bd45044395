/**
 * Records of senders in hosted zones of Route 53 that the settings name. In a zone of ours (`replace`) records are made and changed; in
 * one that others write to as well, only what is not there yet is made: a record that stands is its owner's. What was written is
 * given back, because Route 53 takes away only what is named to the letter.
 */
import { type ChangeAction, ChangeResourceRecordSetsCommand, type Route53Client } from '@aws-sdk/client-route-53';
import type { WrittenRecord } from '../core/records/senders.ts';

export type SenderZone = { hostedZone: string; name: string };
export type ZoneRecord = Omit<WrittenRecord, 'hostedZone'>;

/** Seconds. Keys take turns a week apart, so an hour is short; a record that was wrong is right again within it. */
const TTL = 300;
/** Octets of one string of a TXT record (RFC 1035 3.3.14): a key of 2,048 bits takes two. */
const STRING = 255;

/** @param zones those that may be written to; the longest name that fits is a record's */
export function senderZonesIn(client: Pick<Route53Client, 'send'>, zones: readonly SenderZone[]) {
  const change = (Action: ChangeAction, hostedZone: string, records: readonly ZoneRecord[]) =>
    client.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: hostedZone,
        ChangeBatch: {
          Changes: records.map(({ name, type, value }) => ({
            Action,
            ResourceRecordSet: {
              Name: name,
              Type: type,
              TTL,
              ResourceRecords: [{ Value: type === 'TXT' ? quoted(value) : value }],
            },
          })),
        },
      }),
    );
  /** All of them or, where one cannot be, each by itself. */
  const remove = async (hostedZone: string, records: readonly ZoneRecord[]): Promise<void> => {
    try {
      await change('DELETE', hostedZone, records);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (records.length > 1) for (const record of records) await remove(hostedZone, [record]);
    }
  };
  return {
    /**
     * Writes what it may.
     * @returns those that now stand there as given; the others are in no zone of the settings, not ours to name, or there already
     */
    writeRecords: async (
      records: readonly ZoneRecord[],
      { replace }: { replace: boolean },
    ): Promise<WrittenRecord[]> => {
      const written: WrittenRecord[] = [];
      for (const record of records) {
        const zone = zoneOf(zones, record.name);
        if (!zone) continue;
        const whole = { hostedZone: zone.hostedZone, ...record };
        try {
          await change(replace ? 'UPSERT' : 'CREATE', zone.hostedZone, [record]);
          written.push(whole);
        } catch (error) {
          if (replace || !isRefusal(error)) throw error;
        }
      }
      return written;
    },
    /** Takes away what was written. One that somebody has changed or removed meanwhile is left. */
    removeRecords: async (records: readonly WrittenRecord[]): Promise<void> => {
      for (const [hostedZone, some] of Map.groupBy(records, (record) => record.hostedZone))
        await remove(hostedZone, some);
    },
  };
}

function zoneOf(zones: readonly SenderZone[], name: string): SenderZone | undefined {
  return zones
    .filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`))
    .sort((a, b) => b.name.length - a.name.length)[0];
}

/** It is there already, or it is not as it was; or the policy does not let us write such a name. */
const isRefusal = (error: unknown) => /^(InvalidChangeBatch|AccessDenied)/.test((error as Error).name);

function quoted(text: string): string {
  const strings = text.match(new RegExp(`.{1,${STRING}}`, 'g')) ?? [''];
  return strings.map((one) => `"${one.replaceAll(/["\\]/g, '\\$&')}"`).join(' ');
}
