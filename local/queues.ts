/** What is in the queues, without taking it out: for tests, the ledger and the status line. And for tests, that time passes in them. */
import type { FauxqsServer } from 'fauxqs';
import type { Assembly } from './template.ts';

export type QueuedMessage = {
  id: string;
  body: string;
  receiveCount: number;
  state: 'ready' | 'delayed' | 'inflight';
  /** Of what is in flight. */
  receiptHandle?: string;
};
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
        ...inflight.map(({ message, receiptHandle }) => ({ ...told('inflight')(message), receiptHandle })),
      ],
    };
  });
}

/**
 * As time does it: what is delayed can be taken now, where its body is meant. A stack that is started again on this folder knows nothing of
 * it, and delays it until its first time.
 */
export function endDelays(assembly: Assembly, fauxqs: FauxqsServer, isMeant: (body: string) => boolean): void {
  const now = Date.now();
  // The emulator hands out its own records of messages, not copies; it looks at their times every 20 ms.
  for (const { name } of assembly.ofType('AWS::SQS::Queue'))
    for (const message of fauxqs.inspectQueue(name)!.messages.delayed)
      if (isMeant(message.body)) message.delayUntil = now;
}
