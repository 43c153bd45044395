/**
 * Unsubscribe groups, and who has left them. A group keeps its id, which mail names as `asm.group_id`, unless this account has given that id
 * before: then the report says which it has. A group of the same name is the same group.
 */
import { readGroup } from '../../../core/suppressions/group.ts';
import type { Here } from './here.ts';
import { attempt, byOffset, writerOf } from './lists.ts';
import type { Report } from './report.ts';
import { listIn, type Source } from './source.ts';

type Given = { id: number; name: string; description: string; is_default: boolean };

const GROUPS = '/v3/asm/groups';
const MOST_ID = 999_999_999;

export async function copyGroups(source: Source, here: Here, report: Report): Promise<void> {
  report.begin('groups');
  const ids = new Map<number, number>();
  /** The last id that was given: what a dry run would have given. */
  const planned = { last: 0 };
  let isRead = false;
  await attempt(report, async () => {
    const groups = listIn(await source.get(GROUPS), GROUPS) as Given[];
    isRead = true;
    // Ids grow here, so the smallest comes first.
    for (const group of [...groups].sort((a, b) => a.id - b.id)) {
      const id = await copyGroup(group, here, report, planned);
      if (id !== undefined) ids.set(group.id, id);
      report.step();
    }
  });
  report.begin('group members');
  if (!isRead) return report.failed('all of them', 'the groups could not be read');
  if (ids.size === 0) return;
  const writer = writerOf(here, report);
  await attempt(report, async () => {
    for await (const item of byOffset(source, '/v3/asm/suppressions')) {
      const id = ids.get(Number(item.group_id));
      if (id !== undefined) await writer.add(`group#${id}`, item);
      else report.failed(String(item.email).slice(0, 100), `group ${item.group_id} was not copied`);
    }
  });
  await writer.end();
}

/** @returns its id here */
async function copyGroup(
  given: Given,
  here: Here,
  report: Report,
  planned: { last: number },
): Promise<number | undefined> {
  const { account, stores, dryRun } = here;
  const what = `${given.id} "${given.name}"`;
  const read = readGroup({ name: given.name, description: given.description, is_default: given.is_default === true });
  if (!read.ok) return void report.failed(what, read.errors.map(({ message }) => message).join('; '));
  if (!Number.isInteger(given.id) || given.id < 1 || given.id > MOST_ID)
    return void report.failed(what, 'its id is no whole number of nine digits at most');
  const map = (id: number) => {
    if (id !== given.id) report.mapped('group', String(given.id), String(id), given.name);
    return id;
  };
  const all = await stores.listGroups(account);
  const { name } = read.group;
  const same = all.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (same) {
    report.already();
    return map(same.id);
  }
  // The default that is here stays the default.
  const group = { ...read.group, isDefault: read.group.isDefault && !all.some(({ isDefault }) => isDefault) };
  if (dryRun) {
    report.copied();
    const last = Math.max(planned.last, ...all.map(({ id }) => id));
    planned.last = given.id > last ? given.id : last + 1;
    return map(planned.last);
  }
  let made = await stores.createGroup(account, group, Date.now(), given.id);
  if (made === 'id') made = await stores.createGroup(account, group, Date.now());
  if (typeof made === 'string')
    return void report.failed(
      what,
      made === 'full' ? 'the account has all groups that it may have' : 'somebody else writes groups at this moment',
    );
  report.copied();
  return map(made.id);
}
