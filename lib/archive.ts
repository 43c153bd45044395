/**
 * The archive as a table: event pages outlive the records, and Athena reads them where they lie. The table is a description and costs
 * nothing; a query costs what it reads. Partitions are worked out from account and hour ("partition projection"), so nothing has to
 * be crawled, and a query must name its account: one tenant's mail is never read by leaving out a word.
 */
import { Stack } from 'aws-cdk-lib';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import { Construct } from 'constructs';
import { PAGES_PREFIX } from '../core/event/page.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage.ts';

export type ArchiveProps = { archive: NonNullable<Settings['archive']>; settings: Settings; storage: Storage };

/** Names of columns, their types, and the field that each is of, where SQL has another use for its name. */
const COLUMNS: readonly [string, string, string?][] = [
  ['sg_event_id', 'string'],
  ['sg_message_id', 'string'],
  ['email', 'string'],
  ['event', 'string'],
  ['event_time', 'bigint', 'timestamp'],
  ['smtp_id', 'string', 'smtp-id'],
  ['category', 'array<string>'],
  ['asm_group_id', 'bigint'],
  ['reason', 'string'],
  ['status', 'string'],
  ['type', 'string'],
  ['bounce_classification', 'string'],
  ['response', 'string'],
  ['attempt', 'string'],
  ['recipient_domain', 'string', 'domain'],
  ['from_email', 'string', 'from'],
  ['ip', 'string'],
  ['tls', 'int'],
  ['cert_err', 'string'],
  ['url', 'string'],
  ['useragent', 'string'],
  ['sg_machine_open', 'boolean'],
  ['sg_machine_click', 'boolean'],
  ['pool', 'struct<name:string,id:string>'],
  ['send_at', 'bigint'],
];

export class Archive extends Construct {
  readonly table: CfnTable;
  /** `database.table`, as a query names it. */
  readonly name: string;

  constructor(scope: Construct, id: string, { archive, settings, storage }: ArchiveProps) {
    super(scope, id);
    this.name = `${archive.database}.${archive.table}`;
    const { account: catalogId } = Stack.of(this);
    const database = new CfnDatabase(this, 'Database', {
      catalogId,
      databaseInput: { name: archive.database, description: `${settings.stackName}: what became of mail` },
    });
    const pages = storage.events.s3UrlForObject(PAGES_PREFIX);
    this.table = new CfnTable(this, 'Table', {
      catalogId,
      databaseName: archive.database,
      tableInput: {
        name: archive.table,
        description: 'Event pages: one JSON event a line, in gzip',
        tableType: 'EXTERNAL_TABLE',
        partitionKeys: [
          { name: 'account', type: 'string' },
          { name: 'hour', type: 'string', comment: 'UTC, in which it was told: 2026-11-25T12' },
        ],
        parameters: {
          EXTERNAL: 'TRUE',
          'projection.enabled': 'true',
          'projection.account.type': 'injected',
          'projection.hour.type': 'date',
          'projection.hour.format': "yyyy-MM-dd'T'HH",
          'projection.hour.range': `NOW-${settings.retention.eventsDays + 1}DAYS,NOW`,
          'projection.hour.interval': '1',
          'projection.hour.interval.unit': 'HOURS',
          // Athena's own placeholders.
          'storage.location.template': `${pages}\${account}/\${hour}/`,
        },
        storageDescriptor: {
          location: pages,
          inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
          outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
          serdeInfo: {
            serializationLibrary: 'org.openx.data.jsonserde.JsonSerDe',
            parameters: {
              // A custom argument may have the name of a column, and hold what that does not.
              'ignore.malformed.json': 'true',
              ...Object.fromEntries(COLUMNS.flatMap(([name, , field]) => (field ? [[`mapping.${name}`, field]] : []))),
            },
          },
          columns: COLUMNS.map(([name, type]) => ({ name, type })),
        },
      },
    });
    this.table.addDependency(database);
  }
}
