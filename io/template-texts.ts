/**
 * Texts of template versions in the accounts table: written once and never changed, packed, and cut into pieces where one item does not
 * hold them. A text that no version has any more goes by TTL, when no mail that was accepted with it can wait any longer.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import {
  RETIRED_DAYS,
  type TemplatePieceRecord,
  type TemplateText,
  type TextName,
  templatePieceKey,
} from '../core/records/template.ts';
import type { Table } from './aws.ts';

const [pack, unpack] = [promisify(gzip), promisify(gunzip)];
/** Bytes of a piece; DynamoDB's limit is 400 KB with the names of attributes. */
const PIECE_BYTES = 350_000;
/** Bytes that a packed text may unpack to: three fields of their most, as JSON. */
const UNPACKED_BYTES = 16_000_000;

export function templateTextsIn(table: string, client: Table) {
  const readPiece = async (account: string, revision: string, piece: number): Promise<Uint8Array> => {
    const Key = templatePieceKey(account, revision, piece);
    const { Item } = await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
    if (!Item) throw new Error(`the template's text ${revision} is not there`);
    return (Item as TemplatePieceRecord).bytes;
  };
  const readPieces = ({ revision, pieces }: Pick<TextName, 'revision' | 'pieces'>, account: string) =>
    Promise.all(Array.from({ length: pieces }, (_, piece) => readPiece(account, revision, piece)));
  const write = (record: TemplatePieceRecord) => client.send(new PutCommand({ TableName: table, Item: record }));

  return {
    /** @returns how many pieces it has */
    storeTemplateText: async (account: string, revision: string, text: TemplateText): Promise<number> => {
      const bytes = await pack(JSON.stringify(text));
      const pieces = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
      for (let piece = 0; piece < pieces; piece++) {
        const part = bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
        await write({ ...templatePieceKey(account, revision, piece), bytes: Uint8Array.from(part) });
      }
      return pieces;
    },

    /** @throws Error when it is not there: mail without its text is poison */
    readTemplateText: async (account: string, name: Pick<TextName, 'revision' | 'pieces'>): Promise<TemplateText> => {
      const bytes = Buffer.concat(await readPieces(name, account));
      return JSON.parse((await unpack(bytes, { maxOutputLength: UNPACKED_BYTES })).toString('utf8')) as TemplateText;
    },

    /** No version has it any more. @param now milliseconds since the epoch */
    retireTemplateText: async (
      account: string,
      name: Pick<TextName, 'revision' | 'pieces'>,
      now: number,
    ): Promise<void> => {
      const expiresAt = Math.floor(now / 1_000) + RETIRED_DAYS * DAY_SECONDS;
      const pieces = await readPieces(name, account);
      for (const [piece, bytes] of pieces.entries())
        await write({ ...templatePieceKey(account, name.revision, piece), bytes, expiresAt });
    },
  };
}
