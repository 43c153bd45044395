/** Something the user can put right; printed without a stack trace. */
export class CliError extends Error {
  override name = 'CliError';
}
