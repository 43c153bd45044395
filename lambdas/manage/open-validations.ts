/** What the routes of validation jobs need of the outside. */
import type { Table } from '../../io/aws.ts';
import { requireVariable } from '../../io/environment.ts';
import { sendEntries } from '../../io/queue.ts';
import { validationLinksIn } from '../../io/validation-files.ts';
import { validationJobsIn } from '../../io/validation-jobs.ts';
import type { ManageDeps } from './manage.ts';

export function openValidations(
  table: string,
  tables: Table,
  queues: Parameters<typeof sendEntries>[0],
  objects: Parameters<typeof validationLinksIn>[1],
) {
  const queue = requireVariable('VALIDATE_QUEUE_URL');
  return {
    ...validationJobsIn(table, tables),
    ...validationLinksIn(requireVariable('EVENTS_BUCKET'), objects),
    sendLooks: async (looks) => {
      const entries = looks.map(({ message, seconds }) => ({
        body: JSON.stringify(message),
        group: message.account,
        delaySeconds: seconds,
      }));
      return (await sendEntries(queues, queue, entries)).every((sent) => sent === 'sent');
    },
  } satisfies Partial<ManageDeps>;
}
