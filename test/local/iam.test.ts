import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Access, evaluate, matches, readPolicy } from '../../local/iam.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/notes';
const policy = (...Statement: object[]) => readPolicy({ Statement }, 'Policy');
const allow = (rest: object = {}) => ({ Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: TABLE, ...rest });
const deny = (rest: object = {}) => ({ ...allow(rest), Effect: 'Deny' });
const get = (rest: Partial<Access> = {}): Access => ({
  action: 'dynamodb:GetItem',
  resource: TABLE,
  context: {},
  ...rest,
});
const keyed = (value: string | string[]) => get({ context: { 'dynamodb:leadingkeys': value } });
const leading = (operator: string, value: string | string[]) =>
  allow({ Condition: { [operator]: { 'dynamodb:LeadingKeys': value } } });

describe('a decision', () => {
  const cases: [string, object[], Access, boolean][] = [
    ['nothing said', [], get(), false],
    ['allowed', [allow()], get(), true],
    ['another action', [allow()], get({ action: 'dynamodb:PutItem' }), false],
    ['another resource', [allow()], get({ resource: `${TABLE}2` }), false],
    ['an index is not its table', [allow()], get({ resource: `${TABLE}/index/i` }), false],
    ['actions ignore case', [allow({ Action: 'DynamoDB:getitem' })], get(), true],
    ['resources do not', [allow({ Resource: TABLE.toUpperCase() })], get(), false],
    ['a wildcard action', [allow({ Action: 'dynamodb:Get*' })], get(), true],
    ['a wildcard resource', [allow({ Resource: '*' })], get(), true],
    ['one of several', [allow({ Action: ['s3:GetObject', 'dynamodb:GetItem'] })], get(), true],
    ['an explicit Deny wins', [allow(), deny()], get(), false],
    ['a Deny of something else does not', [allow(), deny({ Action: 'dynamodb:PutItem' })], get(), true],
    ['StringEquals', [leading('StringEquals', 'a')], keyed('a'), true],
    ['StringEquals of another', [leading('StringEquals', 'a')], keyed('b'), false],
    ['StringEquals without the key', [leading('StringEquals', 'a')], get(), false],
    ['…IfExists without the key', [leading('StringEqualsIfExists', 'a')], get(), true],
    ['StringNotEquals', [leading('StringNotEquals', ['a', 'b'])], keyed('c'), true],
    ['StringNotEquals, one of them', [leading('StringNotEquals', ['a', 'b'])], keyed('b'), false],
    ['StringLike', [leading('StringLike', 'a#*')], keyed('a#1'), true],
    ['ForAllValues, all', [leading('ForAllValues:StringLike', 'a#*')], keyed(['a#1', 'a#2']), true],
    ['ForAllValues, not all', [leading('ForAllValues:StringLike', 'a#*')], keyed(['a#1', 'b#2']), false],
    ['ForAnyValue', [leading('ForAnyValue:StringEquals', 'a')], keyed(['b', 'a']), true],
    ['Null false: the key must be there', [leading('Null', 'false')], keyed('a'), true],
    ['Null false without it', [leading('Null', 'false')], get(), false],
    [
      'Bool',
      [deny({ Condition: { Bool: { 'aws:SecureTransport': 'false' } } }), allow()],
      get({ context: { 'aws:securetransport': 'true' } }),
      true,
    ],
  ];
  it.each(cases)('%s', (_, statements, access, allowed) =>
    expect(evaluate(access, policy(...statements)).allowed).toBe(allowed),
  );

  it('a resource policy can only deny', () => {
    expect(evaluate(get(), [], policy(allow())).allowed).toBe(false);
    expect(evaluate(get(), policy(allow()), policy(deny({ Principal: '*' })))).toMatchObject({
      allowed: false,
      reason: 'an explicit Deny in Policy[0]',
    });
  });

  it.each([
    ['NotAction', { Effect: 'Allow', NotAction: 's3:*', Resource: '*' }, 'Policy[0]: NotAction'],
    ['operator', allow({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }), 'condition operator IpAddress'],
    [
      'condition key',
      allow({ Condition: { StringEquals: { 'aws:RequestedRegion': 'x' } } }),
      'condition key aws:RequestedRegion',
    ],
  ])('refuses a policy with an unknown %s', (_, statement, message) =>
    expect(() => policy(statement)).toThrow(message),
  );

  it('a Deny that is added never allows anything', () => {
    const patterns = fc.constantFrom('*', 'dynamodb:*', 'dynamodb:GetItem', 'dynamodb:P*');
    const resources = fc.constantFrom('*', TABLE, `${TABLE}/index/*`);
    const statement = fc.record({ Effect: fc.constantFrom('Allow', 'Deny'), Action: patterns, Resource: resources });
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 5 }), statement, (statements, more) => {
        const before = evaluate(get(), policy(...statements)).allowed;
        const after = evaluate(get(), policy(...statements, { ...more, Effect: 'Deny' })).allowed;
        expect(after && !before).toBe(false);
      }),
    );
  });
});

describe('wildcards', () => {
  it('match as a regular expression would', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', '/'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', ':', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(text, pattern, (given, wanted) => {
        const expression = new RegExp(`^${wanted.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
        expect(matches(given, wanted)).toBe(expression.test(given));
      }),
      { numRuns: 2000 },
    );
  });

  it('do not take exponential time', () => {
    // Attack: a policy pattern of many stars, and an object key made to fail at its very end.
    const begin = performance.now();
    expect(matches('a'.repeat(20_000), `${'a*'.repeat(30)}b`)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(20_000);
  });
});
