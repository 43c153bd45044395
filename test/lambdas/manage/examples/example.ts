/** What an operation needs to be answered with success: made in an account of its own, over the API where that can make it. */
import type { Ask, Here } from '../here.ts';

export type Given = { here: Here; account: string; ask: Ask };
export type Example = {
  /** What stands for the names in braces. */
  path?: Record<string, string>;
  query?: string;
  body?: unknown;
  headers?: Record<string, string>;
};
/** Of something that was made. */
export type Path = { path: Record<string, string> };
export type Make = (given: Given) => Promise<Example>;
/** By group, then by the operation's id. */
export type Examples = Readonly<Record<string, Readonly<Record<string, Make>>>>;

export const plainly =
  (example: Example): Make =>
  async () =>
    example;

/** What is made, and what is said of it. */
export const and =
  (make: (given: Given) => Promise<Path>, more: Omit<Example, 'path'>): Make =>
  async (given) => ({ ...(await make(given)), ...more });
