/** What the routes of mail need of the outside: templates, what is scheduled, what became of it, how much of it there was. */
import { activityIn } from '../../io/activity.ts';
import { alertsIn } from '../../io/alerts.ts';
import type { Table } from '../../io/aws.ts';
import { batchesIn } from '../../io/batches.ts';
import { downloadsIn } from '../../io/downloads.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { erasuresIn } from '../../io/erasures.ts';
import { holdsIn } from '../../io/holds.ts';
import { statsIn, sumsIn } from '../../io/stats.ts';
import { templateTextsIn } from '../../io/template-texts.ts';
import { templatesIn } from '../../io/templates.ts';
import type { ManageDeps } from './manage.ts';

export function openMail(table: string, tables: Table, objects: Parameters<typeof downloadsIn>[1]) {
  const events = requireVariable('EVENTS_BUCKET');
  const [messages, holds] = [requireVariable('MESSAGES_TABLE'), requireVariable('HOLDS_TABLE')];
  const { readHours } = statsIn(requireVariable('STATS_TABLE'), tables);
  return {
    ...templatesIn(table, tables),
    ...templateTextsIn(table, tables),
    ...batchesIn(table, tables),
    ...holdsIn(holds, tables),
    ...alertsIn({ accounts: table, holds }, tables),
    ...activityIn({ messages, events }, tables, objects),
    ...erasuresIn({ messages, holds }, tables),
    ...downloadsIn(events, objects, Date.now),
    messagesDays: requireNumber('MESSAGES_DAYS'),
    readHours,
    ...sumsIn({ readHours }, Date.now),
  } satisfies Partial<ManageDeps>;
}
