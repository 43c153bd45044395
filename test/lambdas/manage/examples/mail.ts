/** Examples of mail: sent, scheduled, and what became of it. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { makeRequestId } from '../../../../core/ids.ts';
import { ownerOf } from '../../../../core/records/message-key.ts';
import { requestKey } from '../../../../core/records/messages.ts';
import { and, type Examples, type Given, type Path } from './example.ts';

const READER = 'reader@example.net';

const mailOf = (account: string) => ({
  personalizations: [{ to: [{ email: READER }] }],
  from: { email: `hello@${account}.example` },
  subject: 'Hello',
  content: [{ type: 'text/plain', value: 'Hello' }],
});

/** Delivered a moment ago, as deliver writes it down: to send one for each operation would take its time. */
export async function oneMessage({ here, account }: Given): Promise<Path> {
  const at = Date.now();
  const requestId = makeRequestId(at, Buffer.alloc(10, 7));
  const { pk, sk } = requestKey(account, requestId);
  const expiresAt = Math.floor(at / 1_000) + 86_400;
  const received = { protocol: 'HTTP', bytes: 321, ip: '192.0.2.7', agent: 'sendgrid/8' };
  const request = { acceptedAt: at, copies: 1, keyId: 'SG.abcdefgh', from: 'a@b.example', subject: 'Hello', received };
  const about = { smtpId: '<x@b.example>', from: 'a@b.example', pool: 'default', ip: '192.0.2.7', asmGroupId: 7 };
  const outcome = {
    event: 'delivered',
    ...ownerOf(account, requestId, READER),
    at,
    attempt: 0,
    reply: '250 OK',
    status: '2.0.0',
    site: 'example.net',
    mx: 'mx.example.net [203.0.113.1]',
    lane: 'default-1',
    about,
  };
  const TableName = here.tableOf('messages');
  await here.tables.send(new PutCommand({ TableName, Item: { pk, sk, ...request, expiresAt } }));
  await here.tables.send(new PutCommand({ TableName, Item: { pk, sk: '0000', ...outcome, expiresAt } }));
  const id = `${requestId}.recvd-pennypost-1.0`;
  return { path: { msg_id: id, sg_message_id: id } };
}

/** A search that finds it. */
const search = new URLSearchParams({ query: `to_email="${READER}"` }).toString();

async function oneFile(given: Given): Promise<Path> {
  await oneMessage(given);
  const { json } = await given.ask('POST', `/v3/messages/download?${search}`);
  return { path: { download_uuid: json.download_uuid } };
}

// scheduled -----------------------------------------------------------------------------------------------------------

async function oneBatch({ ask }: Given): Promise<Path> {
  const { json } = await ask('POST', '/v3/mail/batch');
  return { path: { batch_id: json.batch_id } };
}

async function pausedBatch(given: Given): Promise<Path> {
  const made = await oneBatch(given);
  await given.ask('POST', '/v3/user/scheduled_sends', { ...made.path, status: 'pause' });
  return made;
}

export const MAIL: Examples = {
  email_activity: {
    GetMessage: oneMessage,
    ListMessage: and(oneMessage, { query: search }),
    RequestCsv: and(oneMessage, { query: search }),
    DownloadCsv: oneFile,
  },
  logs: {
    GetMessageById: oneMessage,
    ListMessagesByFilter: async (given) => {
      const { path } = await oneMessage(given);
      return { path, body: { query: `sg_message_id = '${path.msg_id}'`, limit: 10 } };
    },
  },
  mail: {
    SendMail: async ({ here, account }) => {
      await here.operator.addDomain(account, `${account}.example`);
      return { body: mailOf(account) };
    },
    GetMailBatch: oneBatch,
  },
  scheduled_sends: {
    CreateScheduledSend: async (given) => {
      const { path } = await oneBatch(given);
      return { path, body: { batch_id: path.batch_id, status: 'pause' } };
    },
    ListScheduledSend: pausedBatch,
    GetScheduledSend: pausedBatch,
    UpdateScheduledSend: and(pausedBatch, { body: { status: 'cancel' } }),
    DeleteScheduledSend: pausedBatch,
  },
};
