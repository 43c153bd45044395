/** The file that a job makes: a line for each address, with what `POST /v3/validations/email` says of it. No cell is a formula to a spreadsheet. */
import { csvLine } from '../suppressions/rows.ts';
import type { judge } from './validate.ts';

const COLUMNS = [
  'email',
  'verdict',
  'score',
  'local',
  'host',
  'suggestion',
  'has_valid_address_syntax',
  'has_mx_or_a_record',
  'dns_error',
  'is_suspected_disposable_address',
  'is_suspected_role_address',
  'has_known_bounces',
  'has_suspected_bounces',
] as const;

/** The first line. */
export const resultHeader = (): string => csvLine(COLUMNS);

export function resultLine(judged: ReturnType<typeof judge>): string {
  const { domain, local_part, additional } = judged.checks;
  const cells: Record<string, unknown> = { ...judged, ...domain, ...local_part, ...additional };
  return csvLine(COLUMNS.map((name) => (name === 'score' ? judged.score : String(cells[name] ?? ''))));
}
