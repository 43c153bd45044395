/** What an account adds to its mail, by version: who takes over a request of an hour ago reads what was added then. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mailDefaultsIn } from '../../io/mail-defaults.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let io: ReturnType<typeof mailDefaultsIn>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
  io = mailDefaultsIn('Accounts', dynamodb.client, () => NOW);
});
afterAll(() => dynamodb.stop());

const footer = (text: string) => ({ enabled: true, html: '', text });

it('each change is a version, and what was before it is kept for a day', async () => {
  expect(await io.readMailDefaults('acct2222')).toBeUndefined();
  await io.writeMailDefault('acct2222', 'footer', footer('one'));
  await io.writeMailDefault('acct2222', 'template', { enabled: true, html: 'two' });
  await io.writeMailDefault('acct2222', 'footer', footer('three'));
  expect(await io.readMailDefaults('acct2222')).toMatchObject({
    version: 3,
    footer: footer('three'),
    template: { html: 'two' },
  });
  const [none, one, two] = await Promise.all([0, 1, 2].map((n) => io.readFormerMailDefaults('acct2222', n)));
  expect([none!.footer, one!.footer, one!.template, two!.footer, two!.template!.html]).toEqual([
    undefined,
    footer('one'),
    undefined,
    footer('one'),
    'two',
  ]);
  expect(two!.expiresAt).toBe(NOW / 1_000 + 25 * 3_600);
  expect(await io.readFormerMailDefaults('acct2222', 3)).toBeUndefined();
});

it('of changes at once none is lost, and no version is two things', async () => {
  await Promise.all([
    io.writeMailDefault('acct3333', 'footer', footer('a')),
    io.writeMailDefault('acct3333', 'template', { enabled: true, html: 'b' }),
    io.writeMailDefault('acct3333', 'footer', footer('a')),
  ]);
  expect(await io.readMailDefaults('acct3333')).toMatchObject({
    version: 3,
    footer: footer('a'),
    template: { html: 'b' },
  });
  expect((await io.readFormerMailDefaults('acct3333', 0))!.footer).toBeUndefined();
});
