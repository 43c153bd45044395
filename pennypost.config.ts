/**
 * Your settings. Everything that you leave out has a default; lib/settings.ts lists each field with its default and unit,
 * and your editor shows them. docs/deploying.md goes through what to set before the first `cdk deploy`.
 */
import { defineSettings } from './lib/settings.ts';

export default defineSettings({
  // shaping: { providers: { google: { connections: 10 } } },   docs/shaping.md
  pools: [
    {
      name: 'default',
      // `ehloName`: a name of your own that points to this address, and that the address points back to.
      sourceIps: [{ name: 'default-1', ehloName: 'mta1.pennypost.example' }],
    },
  ],
});
