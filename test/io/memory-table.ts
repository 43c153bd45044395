/**
 * A table in memory for model tests, which run thousands of cases. It answers the very commands that io/ sends and works out
 * their conditions from the text; test/io/sites.test.ts plays the same calls to it and to the emulator.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

type Item = Record<string, unknown>;
type Words = {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Item | undefined;
};
type Conditional = Words & { ConditionExpression?: string | undefined };

export function createMemoryTable() {
  const items = new Map<string, Item>();
  const keyOf = ({ pk, sk }: Item) => `${pk}\n${sk}`;
  const demand = (input: Conditional, item: Item | undefined) => {
    if (input.ConditionExpression !== undefined && !holds(input.ConditionExpression, item ?? {}, input))
      throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} });
  };

  /** One command, at once: what DynamoDB does to one item is atomic. */
  const apply = (command: unknown): Item => {
    if (command instanceof GetCommand) {
      const item = items.get(keyOf(command.input.Key!));
      return item ? { Item: structuredClone(item) } : {};
    }
    if (command instanceof QueryCommand) {
      const [pk] = Object.values(command.input.ExpressionAttributeValues!);
      return { Items: structuredClone([...items.values()].filter((item) => item.pk === pk)) };
    }
    if (command instanceof PutCommand) {
      const key = keyOf(command.input.Item!);
      demand(command.input, items.get(key));
      items.set(key, structuredClone(command.input.Item!));
      return {};
    }
    if (command instanceof DeleteCommand) {
      const key = keyOf(command.input.Key!);
      demand(command.input, items.get(key));
      items.delete(key);
      return {};
    }
    if (command instanceof UpdateCommand) {
      const key = keyOf(command.input.Key!);
      demand(command.input, items.get(key));
      const Attributes = updated(command.input.UpdateExpression!, items.get(key) ?? {}, command.input);
      items.set(key, { ...items.get(key), ...command.input.Key, ...Attributes });
      return { Attributes };
    }
    throw new Error('no such command');
  };
  return { items, apply };
}

/** `a OR b OR (…)`, each `attribute_not_exists(x)` or a comparison: all that these conditions are made of. */
function holds(expression: string, item: Item, words: Words): boolean {
  return expression.split(' OR ').some((one) => {
    const absent = /^attribute_not_exists\((\S+)\)$/.exec(one);
    if (absent) return item[nameOf(absent[1]!, words)] === undefined;
    const compared = /^(\S+) (=|<|<=) (:\w+)$/.exec(one);
    if (!compared) throw new Error(`a condition that this table does not know: ${one}`);
    const left = item[nameOf(compared[1]!, words)];
    const right = words.ExpressionAttributeValues![compared[3]!];
    // DynamoDB: a comparison with an attribute that is not there is false.
    if (left === undefined || typeof left !== typeof right) return false;
    if (compared[2] === '=') return left === right;
    return compared[2] === '<' ? left! < right! : left! <= right!;
  });
}

/** `ADD a :x, b :y SET c = :z, d = if_not_exists(d, :v) + :w`: the attributes that it changes. */
function updated(expression: string, item: Item, words: Words): Item {
  const changes: Item = {};
  const value = (word: string) => words.ExpressionAttributeValues![word] as number;
  for (const [, action, list] of expression.matchAll(/(ADD|SET) (.+?)(?= SET | ADD |$)/g))
    for (const one of list!.split(/, (?![^(]*\))/)) {
      const [left, ...right] = one.split(' ');
      const name = nameOf(left!, words);
      if (action === 'ADD') changes[name] = ((item[name] as number) ?? 0) + value(right[0]!);
      else if (right[1]!.startsWith('if_not_exists'))
        changes[name] = ((item[name] as number) ?? value(right[2]!.replace(')', ''))) + value(right[4]!);
      else changes[name] = value(right[1]!);
    }
  return changes;
}

function nameOf(word: string, { ExpressionAttributeNames = {} }: Words): string {
  return ExpressionAttributeNames[word] ?? word;
}
