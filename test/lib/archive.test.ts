/** The archive's table: the pages' own fields and places, kept as long as the pages are; the local stack knows that it runs nothing. */
import { expect, test } from 'vitest';
import { pageKey } from '../../core/event/page.ts';
import { defineSettings } from '../../lib/settings.ts';
import { INERT } from '../../local/resource-types.ts';
import { flatten, ofType } from './flatten.ts';

const flat = flatten({ archive: {}, retention: { eventsDays: 400 } });
const [table] = ofType(flat, 'AWS::Glue::Table');
const { TableInput: input, DatabaseName: database } = table!.properties;

test('there is none unless it is asked for', () => {
  expect(ofType(flatten(), 'AWS::Glue::Table')).toEqual([]);
  expect(ofType(flatten(), 'AWS::Glue::Database')).toEqual([]);
  expect(INERT).toMatchObject({ 'AWS::Glue::Table': expect.any(String), 'AWS::Glue::Database': expect.any(String) });
});

test('partitions are those of the pages: an account that the query names, and hours as long as pages are kept', () => {
  expect([database, input.Name]).toEqual(['pennypost', 'events']);
  expect(input.PartitionKeys.map(({ Name }: { Name: string }) => Name)).toEqual(['account', 'hour']);
  expect(input.Parameters).toMatchObject({
    'projection.enabled': 'true',
    'projection.account.type': 'injected',
    'projection.hour.range': 'NOW-401DAYS,NOW',
  });
  const place = String(input.Parameters['storage.location.template'])
    .replace(/^s3:\/\/<Storage\/Events>\//, '')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Athena's placeholders
    .replace('${account}', 'operator')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Athena's placeholders
    .replace('${hour}', '2026-11-25T12');
  expect(pageKey('operator', '2026-11-25T12', 's', '1', '2').startsWith(place)).toBe(true);
  expect(place.endsWith('/2026-11-25T12/')).toBe(true);
});

test('every field of an event has a column, by a name that SQL takes', () => {
  const { Columns: columns, SerdeInfo: serde } = input.StorageDescriptor;
  const names = columns.map(({ Name }: { Name: string }) => Name) as string[];
  const fields = names.map((name) => serde.Parameters[`mapping.${name}`] ?? name);
  for (const field of 'email timestamp event sg_event_id sg_message_id smtp-id category asm_group_id send_at pool response attempt domain from ip tls cert_err reason status type bounce_classification url useragent sg_machine_open sg_machine_click'.split(
    ' ',
  ))
    expect(fields).toContain(field);
  for (const name of names) expect(name).toMatch(/^[a-z_]+$/);
  expect(names).not.toContain('timestamp');
});

test('names that need quotes are refused', () => {
  expect(() => defineSettings({ archive: { database: 'my-mail' } })).toThrow(/archive\.database: must be 1 to 61/);
  expect(() => defineSettings({ archive: { days: 3 } as never })).toThrow(/archive\.days: is no setting/);
});
