/** A write to a table on a condition, as a value: that it does not hold is an answer, whatever else fails is an error. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';

/** False: its condition does not hold, and nothing is written. @throws whatever else the table says */
export async function isWritten(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
