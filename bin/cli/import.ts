/**
 * import sendgrid: copies what an account has at SendGrid, or at any server that speaks its API, into an account here. It reads there and
 * never writes. The same again changes nothing, so an import that broke is simply run again (docs/moving-in.md).
 */
import { CliError, type Connection, type Options } from './connect.ts';
import { copyGroups } from './import/groups.ts';
import { type Here, openHere } from './import/here.ts';
import { copyLists, LISTS } from './import/lists.ts';
import { openReport, type Report } from './import/report.ts';
import { listSenders } from './import/senders.ts';
import { copyMailSettings, copyTls, copyTracking } from './import/settings.ts';
import { openSource, readOrigin, type Source } from './import/source.ts';
import { copyTemplates } from './import/templates.ts';
import { copyParse, copyWebhooks } from './import/webhooks.ts';

type Part = { copy: (source: Source, here: Here, report: Report) => Promise<void>; parts: number };

/** In the order in which they are copied: who must not be mailed comes first. */
const PARTS: Record<string, Part> = {
  suppressions: { copy: copyLists, parts: LISTS.length },
  groups: { copy: copyGroups, parts: 2 },
  templates: { copy: copyTemplates, parts: 1 },
  webhooks: { copy: copyWebhooks, parts: 1 },
  parse: { copy: copyParse, parts: 1 },
  mail_settings: { copy: copyMailSettings, parts: 1 },
  tracking_settings: { copy: copyTracking, parts: 1 },
  tls: { copy: copyTls, parts: 1 },
  senders: { copy: listSenders, parts: 3 },
};

/** Beside the argument, which every user of the machine can see while it runs. */
const KEY_VARIABLE = 'SENDGRID_API_KEY';

export async function importSendgrid(connection: Connection, _rest: string[], options: Options): Promise<number> {
  const { json = false, 'dry-run': dryRun = false, from = 'https://api.sendgrid.com' } = options;
  const key = options.key ?? process.env[KEY_VARIABLE];
  if (!key) throw new CliError(`import sendgrid needs --key, or the key in the variable ${KEY_VARIABLE}`);
  if (!/^[\x21-\x7e]{1,500}$/.test(key)) throw new CliError('--key is not an API key');
  const origin = readOrigin(from);
  const parts = readParts(options.only);
  const report = openReport(
    parts.reduce((sum, one) => sum + one.parts, 0),
    { quiet: json },
  );
  const source = openSource(origin, key, { onWait: report.waiting });
  const here = openHere(connection, dryRun);
  for (const { copy } of parts) await copy(source, here, report);
  return report.end({ json, dryRun, origin });
}

function readParts(only: string | undefined): Part[] {
  const wanted = only?.split(',').map((name) => name.trim());
  for (const name of wanted ?? [])
    if (!Object.hasOwn(PARTS, name))
      throw new CliError(`--only "${name}" is nothing to copy: ${Object.keys(PARTS).join(', ')}`);
  return Object.entries(PARTS)
    .filter(([name]) => !wanted || wanted.includes(name))
    .map(([, part]) => part);
}
