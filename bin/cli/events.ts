/** events webhooks | log | replay: who is told what became of mail, what they answered, and a range of time once more. */
import { randomUUID } from 'node:crypto';
import type { NotifyMessage } from '../../core/webhook/message.ts';
import { openQueues } from '../../io/aws.ts';
import { outboxIn } from '../../io/outbox.ts';
import { sendEntries } from '../../io/queue.ts';
import { webhooksIn } from '../../io/webhooks.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine } from './print.ts';

export async function listWebhooks(connection: Connection, _: string[], { json }: Options): Promise<number> {
  const { account, tables } = connection;
  const webhooks = await webhooksIn(connection.accountsTable, tables).listWebhooks(account);
  if (json) {
    printJson(
      webhooks.map(({ id, url, enabled, switches, signing }) => ({
        id,
        url,
        enabled,
        events: switches,
        signed: signing !== undefined,
      })),
    );
    return 0;
  }
  if (webhooks.length === 0) printLine('No event webhooks. The API makes them: POST /v3/user/webhooks/event/settings');
  for (const { id, url, enabled, switches, signing } of webhooks)
    printLine(
      `${id}  ${enabled ? 'on' : 'off'}${signing ? ', signed' : ''}  ${url}\n  ${switches.join(' ') || 'no events'}`,
    );
  return 0;
}

export async function showLog(connection: Connection, [id = '']: string[], { json }: Options): Promise<number> {
  const { account, tables } = connection;
  await need(connection, id);
  const {
    log = [],
    failed = 0,
    nextAt,
  } = (await outboxIn(connection.outboxTable, tables).readCursor(account, id)) ?? {};
  if (json) {
    printJson({ id, failed, ...(nextAt === undefined ? {} : { nextAt }), log });
    return 0;
  }
  if (log.length === 0) printLine('Nothing was told to it yet.');
  for (const { at, status, error, ms, events, of } of log)
    printLine(
      `${new Date(at).toISOString()}  ${status ?? error}  ${events} events in ${ms} ms${of === undefined ? '' : `  (${of})`}`,
    );
  if (nextAt !== undefined)
    printLine(`${failed} attempts failed in a row; the next is at ${new Date(nextAt).toISOString()}`);
  return 0;
}

export async function replayEvents(
  connection: Connection,
  [id = '', from = '', to = '']: string[],
  { json }: Options,
): Promise<number> {
  const { account } = connection;
  const webhook = await need(connection, id);
  if (!webhook.enabled) throw new CliError(`the webhook ${id} is off`);
  const [start, end] = [readTime(from), readTime(to)];
  if (end < start) throw new CliError('the range ends before it begins');
  const replay = randomUUID();
  const message: NotifyMessage = {
    v: 1,
    account,
    kind: 'replay',
    webhook: id,
    id: replay,
    from: start,
    to: end,
    attempt: 0,
  };
  const [sent] = await sendEntries(openQueues(), connection.notifyQueueUrl, [
    { body: JSON.stringify(message), group: account },
  ]);
  if (sent !== 'sent') throw new CliError('the notify queue did not take it: try again');
  if (json) printJson({ id: replay, webhook: id, from: start, to: end });
  else
    printLine(`${webhook.url} is told again what was told from ${from} to ${to}. See: npx pennypost events log ${id}`);
  return 0;
}

async function need({ account, tables, accountsTable }: Connection, id: string) {
  const webhook = await webhooksIn(accountsTable, tables).readWebhook(account, id);
  if (!webhook) throw new CliError(`there is no webhook "${id}"; "events webhooks" lists them`);
  return webhook;
}

/** Unix seconds. */
function readTime(text: string): number {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new CliError(`"${text}" is no time, like 2026-11-25 or 2026-11-25T12:00:00Z`);
  return Math.floor(time / 1_000);
}
