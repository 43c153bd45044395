/** sites list | resume: what each lane may do at present where that is less than usual, why, and until when. */
import { compileShaping } from '../../core/shaping/compile.ts';
import { sitesIn } from '../../io/sites.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine, printTable } from './print.ts';

/** Turns and limits that differ from the provider's; nothing to list is the usual state. */
export async function listSites(
  { tables, sitesTable, lanes }: Connection,
  _rest: string[],
  { json }: Options,
): Promise<number> {
  const { readAllowances } = sitesIn(sitesTable, tables, Date.now);
  const now = Date.now();
  const found = [];
  for (const { name: lane } of lanes)
    for (const [site, { connections, perMinute, pausedUntil = 0, nextFree = 0, rule, reply }] of await readAllowances(
      lane,
    ))
      found.push({
        lane,
        site,
        connections,
        ...(perMinute === undefined ? {} : { perMinute }),
        ...(pausedUntil > now ? { pausedUntil } : {}),
        ...(nextFree > now ? { nextFree } : {}),
        rule,
        reply,
      });
  if (json) printJson(found);
  else if (found.length === 0)
    printLine('No site is paused or limited: every lane sends as fast as the providers take it.');
  else {
    printTable(
      ['LANE', 'SITE', 'CONNECTIONS', 'A MINUTE', 'PAUSED UNTIL (UTC)', 'NEXT FREE TURN (UTC)', 'RULE'],
      found.map(({ lane, site, connections, perMinute, pausedUntil, nextFree, rule }) => [
        lane,
        site,
        String(connections),
        perMinute === undefined ? '' : String(Math.round(perMinute)),
        pausedUntil ? formatTime(pausedUntil) : '',
        nextFree ? formatTime(nextFree) : '',
        rule,
      ]),
    );
    for (const { site, reply } of found) if (reply) printLine(`\n${site}\n  ${reply}`);
  }
  return 0;
}

/** Forgets what a lane learnt about a site: after a delisting nobody need wait for the pause to end. */
export async function resumeSite(
  { tables, sitesTable, lanes }: Connection,
  [lane = '', site = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!lanes.some(({ name }) => name === lane))
    throw new CliError(`there is no lane "${lane}"; there are: ${lanes.map(({ name }) => name).join(', ')}`);
  const { changeAllowance } = sitesIn(sitesTable, tables, Date.now);
  let known = false;
  await changeAllowance(lane, site, (allowance) => {
    known = allowance !== undefined;
    return 'remove';
  });
  if (!known) throw new CliError(`${lane} has no limits at "${site}"; npx pennypost sites list shows where it has`);
  const limits = compileShaping().limitsOf(site);
  if (json) printJson({ lane, site, resumed: true });
  else
    printLine(
      `${lane} sends to ${site} again within ten seconds, with up to ${limits.connections} connections. What already waits for its turn keeps it.`,
    );
  return 0;
}
