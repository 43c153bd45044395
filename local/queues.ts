/** What is in the queues, without taking it out: for tests, the ledger and the status line. */
import type { FauxqsServer } from 'fauxqs';
import type { Assembly } from './template.ts';

export type QueuedMessage = { id: string; body: string; receiveCount: number; state: 'ready' | 'delayed' | 'inflight' };
export type InspectedQueue = {
  name: string;
  /** Whether another queue's redrive policy leads here. */
  dead: boolean;
  ready: number;
  delayed: number;
  inflight: number;
  messages: QueuedMessage[];
};

/** Every queue of the template, with what is in it now. */
export function inspectQueues(assembly: Assembly, fauxqs: FauxqsServer): InspectedQueue[] {
  const queues = assembly.ofType('AWS::SQS::Queue');
  const redrives = new Set(
    queues.map(
      ({ properties }) =>
        (properties.RedrivePolicy as { deadLetterTargetArn?: string } | undefined)?.deadLetterTargetArn,
    ),
  );
  return queues.map(({ name, arn }) => {
    const { ready, delayed, inflight } = fauxqs.inspectQueue(name)!.messages;
    const told = (state: QueuedMessage['state']) => (message: (typeof ready)[number]) => ({
      id: message.messageId,
      body: message.body,
      receiveCount: message.approximateReceiveCount,
      state,
    });
    return {
      name,
      dead: redrives.has(arn),
      ready: ready.length,
      delayed: delayed.length,
      inflight: inflight.length,
      messages: [
        ...ready.map(told('ready')),
        ...delayed.map(told('delayed')),
        ...inflight.map(({ message }) => message).map(told('inflight')),
      ],
    };
  });
}
