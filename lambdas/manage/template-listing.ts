/**
 * A page of an account's templates: SendGrid's page_size and page_token, and the addresses of the pages beside it. The official
 * clients' older calls name no page_size; they get the first 200, under the old name `templates` as well.
 */
import type { TemplateRecord } from '../../core/records/template.ts';
import { showTemplate } from '../../core/template/version.ts';
import type { Answer, Call } from './manage.ts';
import type { TemplateRouteDeps } from './template-routes.ts';

const MOST_PER_PAGE = 200;
const GENERATIONS = ['legacy', 'dynamic'];
/** Templates whose versions are read at once. */
const AT_ONCE = 20;
const TOKEN = /^[A-Za-z0-9_-]{1,200}$/;

export async function answerTemplates(call: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const { account, query } = call;
  const generations = (query.generations ?? 'legacy').split(',');
  if (!generations.every((one) => GENERATIONS.includes(one)))
    return refuse('generations', 'generations must be legacy, dynamic, or both with a comma between');
  const size = query.page_size === undefined ? MOST_PER_PAGE : Number(query.page_size);
  if (!Number.isInteger(size) || size < 1 || size > MOST_PER_PAGE)
    return refuse('page_size', `page_size must be from 1 to ${MOST_PER_PAGE}`);
  const from = query.page_token === undefined ? '' : readToken(query.page_token);
  if (from === undefined) return refuse('page_token', 'page_token must be one that an answer gave you');

  const all = (await deps.listTemplates(account))
    .filter(({ generation }) => generations.includes(generation))
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const begin = all.findIndex((one) => placeOf(one) >= from);
  const start = begin < 0 ? all.length : begin;
  const page = all.slice(start, start + size);
  const result: unknown[] = [];
  for (let at = 0; at < page.length; at += AT_ONCE)
    result.push(
      ...(await Promise.all(
        page
          .slice(at, at + AT_ONCE)
          .map(async (one) =>
            showTemplate(one, one.versions === 0 ? [] : await deps.listTemplateVersions(account, one.id)),
          ),
      )),
    );
  const linkTo = (place: number) => linkOf(call, all[place], size);
  const metadata = {
    self: start === 0 ? linkOf(call, undefined, size) : linkTo(start),
    ...(start + size < all.length ? { next: linkTo(start + size) } : {}),
    ...(start > 0 ? { prev: linkTo(Math.max(0, start - size)) } : {}),
    count: all.length,
  };
  const old = query.page_size === undefined ? { templates: result } : {};
  return { status: 200, body: { ...old, result, _metadata: metadata } };
}

/** The newest first. */
function placeOf({ createdAt, id }: TemplateRecord): string {
  return `${String(9_999_999_999_999 - createdAt).padStart(13, '0')}#${id}`;
}

function linkOf({ url, query }: Call, first: TemplateRecord | undefined, size: number): string {
  const link = new URL(url);
  if (query.generations !== undefined) link.searchParams.set('generations', query.generations);
  link.searchParams.set('page_size', String(size));
  if (first) link.searchParams.set('page_token', Buffer.from(placeOf(first)).toString('base64url'));
  return link.href;
}

function readToken(token: string): string | undefined {
  return TOKEN.test(token) ? Buffer.from(token, 'base64url').toString('utf8') : undefined;
}

function refuse(field: string, message: string): Answer {
  return { status: 400, errors: [{ message, field, help: null }] };
}
