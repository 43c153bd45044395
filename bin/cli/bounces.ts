/**
 * bounces: what a mail that came back says, as the stack would read it. It reads the settings for rules of your own, and talks
 * to no stack: whose copy it is about is told by its token, which only the stack can check.
 */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { type Complaint, type Report, type ReportedRecipient, readReport } from '../../core/report/index.ts';
import { compileShaping } from '../../core/shaping/compile.ts';
import { CliError } from './cli-error.ts';
import { printJson, printLine } from './print.ts';
import { readSettings } from './rules.ts';

export type BouncesOptions = { config?: string | undefined; json?: boolean | undefined };

/** @param given a file with the mail as it came, or `-` for the standard input */
export async function readBounce([given = '']: string[], options: BouncesOptions): Promise<number> {
  const raw = given === '-' ? await buffer(process.stdin) : await readMail(given);
  const shaping = compileShaping((await readSettings(options)).shaping);
  const report = readReport(raw, { shaping });
  if (options.json)
    printJson({ ...report, original: { ...report.original, headers: Object.fromEntries(report.original.headers) } });
  else printReport(report);
  return 0;
}

async function readMail(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(code === 'ENOENT' ? `there is no file ${file}` : message);
  }
}

const KINDS: Record<Report['kind'], string> = {
  bounce: 'a bounce',
  delayed: 'a delay: the server that reports still tries',
  delivered: 'a delivery',
  complaint: 'a complaint',
  'auto-reply': 'an answering machine: not counted',
  other: 'no report',
};

function printReport(report: Report): void {
  printLine(`mail      ${KINDS[report.kind]}`);
  if (report.to.length > 0) printLine(`to        ${report.to.slice(0, 5).join(', ')}`);
  if ('recipients' in report) for (const recipient of report.recipients) printRecipient(recipient);
  if (report.kind === 'complaint') printComplaint(report);
  const { messageId, returnPath } = report.original;
  if (messageId !== undefined) printLine(`about     ${messageId}`);
  if (returnPath !== undefined) printLine(`sent as   ${returnPath}`);
}

function printRecipient(recipient: ReportedRecipient): void {
  printLine();
  printLine(`reader    ${recipient.address || 'not named'}`);
  printLine(`status    ${recipient.action}, ${recipient.status}`);
  if (recipient.diagnostic !== '') printLine(`said      ${recipient.diagnostic}`);
  if (recipient.mta !== undefined) printLine(`by        ${recipient.mta}`);
  if (recipient.event === 'delivered') return;
  printLine(`rule      ${recipient.rule ?? 'none: only its status counts'}`);
  printLine(`class     ${recipient.classification}`);
  printLine(`copy      ${fateOf(recipient)}`);
}

function printComplaint({ feedbackType, originalRcptTo, originalMailFrom, sourceIp }: Complaint): void {
  printLine(`type      ${feedbackType}`);
  if (originalRcptTo.length > 0) printLine(`reader    ${originalRcptTo.join(', ')}`);
  if (originalMailFrom !== undefined) printLine(`sent as   ${originalMailFrom}`);
  if (sourceIp !== undefined) printLine(`from      ${sourceIp}`);
}

function fateOf({ event, type }: ReportedRecipient): string {
  if (event === 'deferred') return 'nothing is final';
  return type === 'bounce'
    ? 'bounced, and its address suppressed: nothing more is sent to it'
    : 'bounced as blocked: its address not suppressed';
}
