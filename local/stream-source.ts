/**
 * What the poller of a stream stands on: the emulator's side of a stream, read beside the meter since Lambda's pollers read it for nothing,
 * and the places that each mapping has got to, kept in the data folder across starts.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Ask, signedAs } from './http.ts';

/** A new on-demand table takes 4,000 writes a second, which are four partitions (DynamoDB: "Initial throughput"). */
export const SHARDS = 4;
const SAVE_MS = 300;

export type StreamSource = { ask: Ask; dynamodbPort: number; region: string };

/** @throws Error with the emulator's words */
export async function callStreams({ ask, dynamodbPort, region }: StreamSource, operation: string, input: object) {
  const { status, body } = await ask({
    port: dynamodbPort,
    method: 'POST',
    path: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
      ...signedAs('AKIALOCALSTREAMS0000', region, 'dynamodb'),
    },
    body: Buffer.from(JSON.stringify(input)),
  });
  const answer = JSON.parse(body.toString() || '{}') as Record<string, unknown>;
  if (status !== 200) throw new Error(`${operation}: ${answer.message ?? answer.__type ?? status}`);
  return answer;
}

/** @param after the last sequence number that every shard is done with; 0: none */
export async function openIterator(table: string, options: StreamSource, after: number): Promise<string> {
  const { Streams: streams = [] } = (await callStreams(options, 'ListStreams', { TableName: table })) as {
    Streams?: { StreamArn: string }[];
  };
  const StreamArn = streams[0]?.StreamArn;
  if (StreamArn === undefined) throw new Error(`table ${table} has no stream`);
  const { StreamDescription } = (await callStreams(options, 'DescribeStream', { StreamArn })) as {
    StreamDescription: { Shards: { ShardId: string }[] };
  };
  const from =
    after > 0
      ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: String(after) }
      : { ShardIteratorType: 'TRIM_HORIZON' };
  const ShardId = StreamDescription.Shards[0]!.ShardId;
  const { ShardIterator } = await callStreams(options, 'GetShardIterator', { StreamArn, ShardId, ...from });
  return String(ShardIterator);
}

/** Positions by file: several mappings share one. */
const files = new Map<string, Record<string, number[]>>();

/** Where each shard of a mapping has got to, kept across starts. */
export function openPositions(file: string, path: string) {
  let all = files.get(file);
  if (!all) {
    all = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number[]>) : {};
    files.set(file, all);
  }
  const own = all[path] ?? Array.from({ length: SHARDS }, () => 0);
  all[path] = own;
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    writeFileSync(`${file}.new`, JSON.stringify(all));
    renameSync(`${file}.new`, file);
  };
  return {
    of: (shard: number) => own[shard] ?? 0,
    set: (shard: number, sequence: number) => {
      if (own[shard] === sequence) return;
      own[shard] = sequence;
      timer ??= setTimeout(save, SAVE_MS).unref();
    },
    close: () => {
      save();
      files.delete(file);
    },
  };
}
