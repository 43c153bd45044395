/** Every route's path, asked by other methods and in spellings that only look like it: SendGrid's 404, 405 and 401, and never a 500. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manage } from '../../../lambdas/manage/manage.ts';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { startManage } from './account.ts';

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());

const filled = (path: string) => path.replaceAll(/\{[^}]+\}/g, '17');
const PATHS = [...new Set(ROUTES.map(({ path }) => filled(path)))];

it('a slash at its end, two of them, another case, a dot: there is no such path', async () => {
  const call = world.callBy('slashes2');
  for (const path of PATHS)
    for (const other of [
      `${path}/`,
      `${path}//`,
      path.replace('/v3/', '//v3/'),
      path.replace('/v3', '/V3'),
      `/.${path}`,
    ]) {
      // What a name of a path stands for may be of another case.
      if (ROUTES.some((route) => filled(route.path) === other)) continue;
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        const { status, body, headers } = await manage(
          { method, path: other, query: {}, headers: { authorization: 'Bearer x' }, body: Buffer.alloc(0) },
          { report: () => {}, windows: new Map() } as never,
        );
        expect([method, other, status, headers['Content-Type']]).toEqual([method, other, 404, 'application/json']);
        expect(body).toBe(method === 'HEAD' ? '' : '{"errors":[{"field":null,"message":"not found"}]}');
      }
    }
  expect((await call('GET', '/v3/scopes/')).status).toBe(404);
  expect(world.problems).toEqual([]);
});

it('OPTIONS tells what there is and lets no origin in; HEAD has no body; a method that is none is 405 with those that are', async () => {
  const ask = (method: string, path: string) =>
    manage({ method, path, query: {}, headers: { origin: 'https://shop.example' }, body: Buffer.alloc(0) }, {
      report: (problem: string) => void world.problems.push(problem),
      windows: new Map(),
    } as never);
  for (const path of PATHS) {
    const told = await ask('OPTIONS', path);
    expect([path, told.status, told.body]).toEqual([path, 204, '']);
    expect(Object.keys(told.headers).join()).not.toMatch(/access-control/i);
    const methods = told.headers.Allow!.split(', ');
    for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'get']) {
      const answer = await ask(method, path);
      expect([path, answer.status, answer.headers.Allow]).toEqual([path, 405, told.headers.Allow]);
    }
    const head = await ask('HEAD', path);
    expect([path, head.status, head.body]).toEqual([path, methods.includes('GET') ? 401 : 405, '']);
  }
  expect(world.problems).toEqual([]);
});
