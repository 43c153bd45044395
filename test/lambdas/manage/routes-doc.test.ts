/** docs/routes.md is the table of routes, written out: `npx vitest run test/lambdas/manage/routes-doc.test.ts -u` writes it again. */
import { expect, it } from 'vitest';
import { ROUTES } from '../../../lambdas/manage/routes.ts';

it('docs/routes.md has every route and its scope', async () => {
  const rows = ROUTES.map(
    ({ method, path, scope }) => `| ${method} | \`${path}\` | ${scope === 'any key' ? 'any' : `\`${scope}\``} |`,
  );
  const text = [
    '# Routes of the API',
    '',
    'All of them, with the scope that a key needs. `POST /v3/mail/send` stands apart: its own function answers it, and it needs `mail.send`.',
    'How the API behaves as a whole is in [api.md](api.md).',
    '',
    '| method | path | scope |',
    '| --- | --- | --- |',
    '| POST | `/v3/mail/send` | `mail.send` |',
    ...rows,
    '',
  ].join('\n');
  await expect(text).toMatchFileSnapshot('../../../docs/routes.md');
});
