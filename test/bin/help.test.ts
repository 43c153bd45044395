/** Help for one command, and what is said of a mistyped one. */
import { describe, expect, it } from 'vitest';
import { explainArguments, explainUnknown, helpOf, nearest } from '../../bin/cli/help.ts';

const TEXT = `all of it

  keys create --name NAME [--scope SCOPE]…   make one
                                             (a second line)
  keys list                                  show them
  rules try "REPLY" [--mx HOST]…             what it does
  messages [QUERY] [--limit N]               find some
  replay WEBHOOK FROM TO                     tell again

  --local          here
  --account NAME   whose
  --mx HOST        who said it (rules try)
  --limit N        how many (messages)
  --json           as JSON
`;

describe('help', () => {
  it('of a group has its commands alone, the options of all, and an example', () => {
    const help = helpOf(TEXT, 'keys')!;
    for (const line of ['keys create', '(a second line)', 'keys list', '--local', '--json', 'For example'])
      expect(help).toContain(line);
    for (const line of ['rules', '--mx', '--limit', 'messages']) expect(help).not.toContain(line);
  });

  it('of a command has its own options; of one that needs no stack none of a stack', () => {
    expect(helpOf(TEXT, 'keys list')).not.toContain('keys create --name NAME');
    const help = helpOf(TEXT, 'rules try')!;
    expect(help).toContain('--mx HOST        who');
    expect(help).not.toContain('--account NAME');
    expect(helpOf(TEXT, 'key')).toBeUndefined();
    expect(helpOf(TEXT, '--local')).toBeUndefined();
  });

  it('names the argument that is missing, or the one too many', () => {
    const of = (name: string, ...given: string[]) => explainArguments(TEXT, name, given);
    expect(of('rules try')).toMatch(/^"rules try" needs REPLY: npx pennypost rules try "REPLY" \[--mx HOST\]…$/);
    expect(of('replay', 'x')).toMatch(/^"replay" needs FROM and TO: /);
    expect(of('messages', 'a', 'b')).toContain('do with "b"');
    expect(of('keys create', 'x')).toContain('do with "x"');
  });

  it('suggests what was meant, and nothing far from it', () => {
    const known = ['keys create', 'keys list', 'import sendgrid', 'messages'];
    for (const [typed, meant] of [
      ['keys creat', 'keys create'],
      ['import sendgird', 'import sendgrid'],
      ['mesages', 'messages'],
      ['kyes list', 'keys list'],
    ] as const)
      expect(nearest(typed, known)).toBe(meant);
    expect(nearest('mail send', known)).toBeUndefined();
    expect(explainUnknown(known, ['mesages', 'status = "x"'])).toMatch(/did you mean "messages"\?$/);
    expect(explainUnknown(known, ['keys'])).toBe('"keys" needs one of: create, list');
    expect(explainUnknown(known, ['constructor'])).toMatch(/--help lists them$/);
  });
});
