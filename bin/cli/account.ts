/**
 * Which account a command is about: the operator's own, or one that is there, by its id or by its username (`GET /v3/subusers`).
 * Refused is what nobody has: a key, a domain or a list of a mistyped account would be nobody's.
 */
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { OPERATOR } from '../../core/records/accounts.ts';
import type { Table } from '../../io/aws.ts';
import { subusersIn } from '../../io/subusers.ts';
import { CliError } from './cli-error.ts';

const ID = /^[a-z2-7]{8}$/;

/**
 * The id of an account. An id comes before a username that reads like one.
 * @throws CliError when there is none
 */
export async function findAccount(
  given: string,
  { accountsTable, tables }: { accountsTable: string; tables: Table },
): Promise<string> {
  if (given === OPERATOR) return OPERATOR;
  const { readAccount, readSubuser } = subusersIn(accountsTable, tables);
  /** An account without a parent has no item of its own; whatever it has was made with its id. */
  const hasItems = async (id: string) =>
    (
      await tables.send(
        new QueryCommand({
          TableName: accountsTable,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': id },
          Limit: 1,
          ConsistentRead: true,
        }),
      )
    ).Count !== 0;
  const own = ID.test(given) ? await readAccount(given) : undefined;
  if (own?.deleted) throw new CliError(`account ${given} was deleted`);
  if (own || (ID.test(given) && (await hasItems(given)))) return given;
  const named = given === '' ? undefined : await readSubuser(OPERATOR, given);
  if (named) return named.account;
  throw new CliError(
    `there is no account "${given}": it is the username of a subuser (GET /v3/subusers), its id (the 8 characters after "SG." in its keys), or ${OPERATOR}`,
  );
}
