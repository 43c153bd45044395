/**
 * Every operation of SendGrid's 26 core groups, as ../shared/oai lists them: over HTTP, on the synthesized stack, under manage's own
 * permissions; status and body against the document's schema. What is not built is a list with reasons (not-built.ts).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR } from '../../../core/records/accounts.ts';
import { DIFFERS, EMPTY, exampleOf, OF_OPERATOR, REFUSED } from './examples/index.ts';
import { type Here, startHere } from './here.ts';
import { NOT_BUILT } from './not-built.ts';
import { isBuilt, nameOf, OPERATIONS, type Operation, schemaOf } from './operations.ts';

const routes = OPERATIONS.filter(isBuilt);
const isRefused = (one: Operation) => REFUSED[nameOf(one)] !== undefined;

/** A list, or an object of lists, with nothing in it. */
const HOLLOW = /^(\[\]|\{("\w+":(\[\]|\{\}|null),?)*\})?$/;

let here: Here;
beforeAll(async () => {
  if (OPERATIONS.length > 0) here = await startHere();
}, 120_000);
afterAll(() => here?.end());

describe.skipIf(OPERATIONS.length === 0)('the core operations of SendGrid’s OpenAPI documents', () => {
  it('are routes, or on the list of what is not built, with a reason; the list has nothing else', () => {
    expect(OPERATIONS).toHaveLength(215);
    const missing = OPERATIONS.filter((one) => !isBuilt(one)).map(nameOf);
    expect(Object.keys(NOT_BUILT).sort()).toEqual(missing.sort());
    for (const reason of Object.values(NOT_BUILT)) expect(reason.length).toBeGreaterThan(15);
    const refused = routes.filter(isRefused);
    expect(Object.keys(REFUSED).sort()).toEqual(refused.map(nameOf).sort());
    console.log(
      `Of ${OPERATIONS.length} core operations ${routes.length - refused.length} do what they say; ` +
        `${refused.length} are refused by the settings; ${missing.length} are not built`,
    );
  });

  it.each(routes.filter((one) => !isRefused(one)).map((one) => [nameOf(one), one] as const))(
    '%s',
    async (name, one) => {
      // Prepare
      const account = OF_OPERATOR.has(name) ? OPERATOR : here.newAccount();
      const ask = await here.call(account);
      const { path = {}, query, body, headers } = await exampleOf(one)({ here, account, ask });
      const filled = one.path.replaceAll(/\{([^}]+)\}/g, (_, key) => encodeURIComponent(path[key] ?? `no ${key}`));
      // Act
      const answer = await ask(one.method, query === undefined ? filled : `${filled}?${query}`, body, headers);
      // Assess
      expect({ status: answer.status, body: answer.status === one.status ? '' : answer.body }).toEqual({
        status: one.status,
        body: '',
      });
      const isSend = name === 'POST /v3/mail/send';
      const limit = name === 'POST /v3/recipients/erasejob' ? '100' : '600';
      if (!isSend) expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': limit });
      const validate = schemaOf(one, DIFFERS[name]?.mend);
      if (!validate || isSend) expect(answer.body).toBe('');
      else
        expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({
          errors: [],
        });
      // An empty answer would fit most schemas.
      if (one.method === 'GET' && validate && !EMPTY.has(name)) expect(answer.body).not.toMatch(HOLLOW);
    },
  );

  it.each(routes.filter(isRefused).map((one) => [nameOf(one), one] as const))('%s is refused', async (name, one) => {
    const account = here.newAccount();
    const ask = await here.call(account);
    const { path = {}, body } = await exampleOf(one)({ here, account, ask });
    const filled = one.path.replaceAll(/\{([^}]+)\}/g, (_, key) => encodeURIComponent(path[key] ?? `no ${key}`));
    const answer = await ask(one.method, filled, body);
    const [, setting] = /`(.+)`/.exec(REFUSED[name]!) ?? [];
    expect([answer.status, answer.json.errors[0].message]).toEqual([
      400,
      expect.stringContaining(`${setting} in pennypost.config.ts`),
    ]);
  });

  it('were answered under manage’s own permissions', () => expect(here.stack.denials).toEqual([]));
});
