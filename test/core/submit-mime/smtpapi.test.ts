/** Every field of X-SMTPAPI (SendGrid's SMTP API), and the fixtures of SendGrid's own library. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { SMTPAPI_RECIPIENTS } from '../../../core/submit-mime/limits.ts';
import { DYNAMIC, detailOf, HEAD, NOW, submit, submitWith, TEMPLATE, taken, WITHOUT_VERSION } from './submission.ts';

const SOON = NOW / 1_000 + 3_600;
const fixtures = JSON.parse(
  readFileSync(createRequire(import.meta.url).resolve('smtpapi/test/smtpapi_test_strings.json'), 'utf8'),
) as Record<string, string>;

describe("smtpapi's own fixtures", () => {
  const addressesOf = (name: string) => taken(submitWith(fixtures[name])).copies.map(({ address }) => address);
  const contentOf = (name: string) => taken(submitWith(fixtures[name])).content;

  it('are all here', () => expect(Object.keys(fixtures)).toHaveLength(22));

  it('are taken, but for what SendGrid does not take', () => {
    const dropped = Object.keys(fixtures).filter((name) => submitWith(fixtures[name]).ok !== true);
    // "Categories must be in 7bit encoding using the US-ASCII character set."
    expect(dropped).toEqual(['add_category_unicode']);
  });

  it('say what they say', () => {
    expect(addressesOf('json_string')).toEqual(['bob@x.example']);
    expect(addressesOf('add_to')).toEqual(['addTo@mailinator.com']);
    expect(addressesOf('set_tos')).toEqual(['setTos@mailinator.com']);
    expect(taken(submitWith(fixtures.add_substitution)).personalizations[0]?.substitutions).toEqual({ sub: 'val' });
    const two = taken(submitWith(fixtures.add_substitution_array_value, ['a@x.example', 'b@x.example']));
    expect(two.personalizations.map(({ substitutions }) => substitutions)).toEqual([
      { sub: 'val 1' },
      { sub: 'val 2' },
    ]);
    expect(contentOf('set_unique_args').customArgs).toEqual({ set_unique_argument_key: 'set_unique_argument_value' });
    expect(contentOf('add_category').categories).toEqual(['addCategory', 'addCategory2']);
    expect(contentOf('add_section').sections).toMatchObject({ set_section_key: 'set_section_value' });
    expect(contentOf('add_filter').mailSettings).toEqual({ footer: { enable: false, html: '<strong>boo</strong>' } });
    // It says `setting`, not `settings`.
    expect(contentOf('set_filters').mailSettings).toBeUndefined();
    expect(taken(submitWith(fixtures.set_send_at)).sendAt).toEqual({});
    expect(contentOf('set_batch_id').batchId).toBe('apples');
    expect(taken(submitWith(fixtures.set_send_each_at)).sendAt).toEqual({});
    expect(contentOf('set_asm_group_id').asm).toEqual({ groupId: 123, groupsToDisplay: [] });
    expect(contentOf('set_ip_pool').ipPoolName).toBe('testPool');
  });
});

describe('X-SMTPAPI', () => {
  it('of several the first one wins', () => {
    const read = submit([...HEAD, 'X-SMTPAPI: {"category":"one"}', 'x-smtpapi: {"category":"two"}']);
    expect(taken(read).content.categories).toEqual(['one']);
  });

  it('may be folded, in encoded words, escaped or UTF-8, and empty', () => {
    const categories = (value: string) => taken(submit([...HEAD, `X-SMTPAPI: ${value}`])).content.categories;
    expect(categories('{"category":\r\n\t["one",\r\n "two"]}')).toEqual(['one', 'two']);
    expect(categories('=?utf-8?Q?=7B=22category=22=3A?=\r\n =?utf-8?Q?=22one=22=7D?=')).toEqual(['one']);
    expect(categories('{"category":"\\u006fne","unique_args":{"a":"ä"}}')).toEqual(['one']);
    for (const value of ['', ' ', '{}']) expect(categories(value)).toEqual([]);
  });

  describe('to', () => {
    it('replaces the RCPT list: each has a message of his own, with his own To', () => {
      const to = ['a@x.example', 'Bob <b@x.example>', '"Doe, Jane" <c@x.example>', 'a@x.example'];
      const { personalizations, copies } = taken(submitWith({ to }, ['ignored@x.example']));
      expect(personalizations.map((one) => one.to)).toEqual([
        [{ email: 'a@x.example' }],
        [{ email: 'b@x.example', name: 'Bob' }],
        [{ email: 'c@x.example', name: 'Doe, Jane' }],
        [{ email: 'a@x.example' }],
      ]);
      expect(
        copies.map(({ address, personalization, role, index }) => [address, personalization, role, index]),
      ).toEqual([
        ['a@x.example', 0, 'to', 0],
        ['b@x.example', 1, 'to', 1],
        ['c@x.example', 2, 'to', 2],
        ['a@x.example', 3, 'to', 3],
      ]);
    });

    it('may be one text, or none', () => {
      expect(taken(submitWith({ to: 'a@x.example' })).copies[0]?.address).toBe('a@x.example');
      expect(taken(submitWith({ to: [] })).copies[0]?.address).toBe('bob@x.example');
    });

    it.each<[unknown, RegExp]>([
      [['nobody'], /^to\.0: "nobody" is not an address/],
      [['a@x.example, b@x.example'], /to\.0/],
      [['a@x.example\r\nBcc: evil@x.example'], /to\.0/],
      [[{ email: 'a@x.example' }], /to\.0/],
      [{ a: 1 }, /Expected: array/],
      [Array(SMTPAPI_RECIPIENTS + 1).fill('a@x.example'), /limited to 10000/],
    ])('refuses %j', (to, detail) => expect(detailOf(submitWith({ to }))).toMatch(detail));
  });

  describe('sub and section', () => {
    it('has a value for each recipient, numbers too; what is beyond is nobody’s', () => {
      const api = {
        to: ['a@x.example', 'b@x.example'],
        sub: { '-n-': ['A', 2, 'C'], '%t%': ['x', 'y'] },
        section: { ':s': 'text' },
      };
      const { personalizations, content } = taken(submitWith(api));
      expect(personalizations.map(({ substitutions }) => substitutions)).toEqual([
        { '-n-': 'A', '%t%': 'x' },
        { '-n-': '2', '%t%': 'y' },
      ]);
      expect(content.sections).toEqual({ ':s': 'text' });
    });

    it('makes a message for each RCPT, whose To stays', () => {
      const { personalizations, copies } = taken(
        submitWith({ sub: { '-n-': ['A', 'B'] } }, ['a@x.example', 'b@x.example']),
      );
      expect(personalizations.map(({ to }) => to)).toEqual([[], []]);
      expect(copies.map(({ address }) => address)).toEqual(['a@x.example', 'b@x.example']);
    });

    it.each<[unknown, RegExp]>([
      [
        { to: ['a@x.example', 'b@x.example'], sub: { '-n-': ['A'] } },
        /sub\.-n-: There must be a value for each of the 2/,
      ],
      [{ sub: { '-n-': [null] } }, /sub\.-n-\.0: The values of a tag must be strings/],
      [{ sub: { '': ['a'] } }, /at least one character/],
      [{ sub: ['a'] }, /Expected: object/],
      [{ sub: { '-n-': ['x'.repeat(10_000)] } }, /must not be larger than 10000 bytes/],
      [{ section: { ':s': ['a'] } }, /section values must be strings/],
    ])('refuses %j', (api, detail) => expect(detailOf(submitWith(api))).toMatch(detail));
  });

  describe('unique_args', () => {
    it('are custom_args, their tags replaced for each recipient', () => {
      const api = {
        to: ['a@x.example', 'b@x.example'],
        sub: { '-n-': [':s', '2'] },
        section: { ':s': 'section' },
        unique_args: { order: 'no. -n-', plain: 'same', number: 7, flag: true },
      };
      const { content, personalizations } = taken(submitWith(api));
      expect(content.customArgs).toEqual({ order: 'no. -n-', plain: 'same', number: '7', flag: 'true' });
      expect(personalizations.map(({ customArgs }) => customArgs)).toEqual([
        { order: 'no. section' },
        { order: 'no. 2' },
      ]);
      expect(taken(submitWith({ unique_args: {} })).content.customArgs).toEqual({});
    });

    it.each<[unknown, RegExp]>([
      [{ unique_args: { a: ['b'] } }, /unique_args values must be strings/],
      [{ unique_args: { a: 'x'.repeat(10_000) } }, /must not exceed 10000 bytes/],
      [
        { sub: { '-n-': [':s'] }, section: { ':s': 'x'.repeat(20_000) }, unique_args: { a: '-n-' } },
        /must not exceed 10000/,
      ],
    ])('refuses %j', (api, detail) => expect(detailOf(submitWith(api))).toMatch(detail));
  });

  it('category: one or ten', () => {
    const categories = (category: unknown) => taken(submitWith({ category })).content.categories;
    expect(categories('one')).toEqual(['one']);
    expect(categories(['one', 'two', 'one'])).toEqual(['one', 'two']);
    expect(categories('')).toEqual([]);
    expect(detailOf(submitWith({ category: Array.from({ length: 11 }, (_, n) => `c${n}`) }))).toMatch(/limited to 10/);
    expect(detailOf(submitWith({ category: 7 }))).toMatch(/Expected: array/);
  });

  describe('send_at and send_each_at', () => {
    const to = ['a@x.example', 'b@x.example', 'c@x.example'];
    it('are times for all, or for each; the past is now', () => {
      expect(taken(submitWith({ send_at: SOON })).sendAt).toEqual({ 0: SOON });
      expect(taken(submitWith({ to, send_at: SOON })).sendAt).toEqual({ 0: SOON, 1: SOON, 2: SOON });
      expect(taken(submitWith({ to, send_each_at: [SOON, 1, SOON + 1] })).sendAt).toEqual({ 0: SOON, 2: SOON + 1 });
    });
    it.each<[unknown, RegExp]>([
      [{ send_at: SOON, send_each_at: [SOON] }, /must not be used together/],
      [{ send_at: NOW / 1_000 + 73 * 3_600 }, /72 hours/],
      [{ send_at: 'tomorrow' }, /Expected: integer/],
      [{ to, send_each_at: [SOON] }, /a time for each of the 3 recipients, there are 1/],
      [{ send_each_at: SOON }, /Expected: array/],
    ])('refuses %j', (api, detail) => expect(detailOf(submitWith(api))).toMatch(detail));
  });

  it('asm_group_id and asm_groups_to_display', () => {
    expect(taken(submitWith({ asm_group_id: 7, asm_groups_to_display: [7, 123] })).content.asm).toEqual({
      groupId: 7,
      groupsToDisplay: [7, 123],
    });
    expect(detailOf(submitWith({ asm_group_id: 8 }))).toMatch(/none with the id 8/);
    expect(detailOf(submitWith({ asm_group_id: 7, asm_groups_to_display: Array(26).fill(7) }))).toMatch(
      /limited to 25/,
    );
  });

  it('ip_pool and batch_id', () => {
    const { content } = taken(submitWith({ ip_pool: 'testPool', batch_id: 'b-1' }));
    expect([content.ipPoolName, content.batchId]).toEqual(['testPool', 'b-1']);
    expect(detailOf(submitWith({ ip_pool: 'none' }))).toMatch(/name of an IP pool/);
    expect(detailOf(submitWith({ batch_id: 'a b' }))).toMatch(/batch_id must be/);
  });

  it('names that SendGrid does not know are not read', () => {
    expect(
      taken(
        submitWith({
          catgory: 'one',
          mail_settings: {},
          filters: { twitter: {}, gravatar: { settings: { enable: 1 } } },
        }),
      ).content.categories,
    ).toEqual([]);
  });
});

describe('filters', () => {
  const filter = (name: string, settings: Record<string, unknown>) => submitWith({ filters: { [name]: { settings } } });
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['bypass_list_management', { enable: 1 }, { bypass_list_management: { enable: true } }],
    ['bypass_list_management', { enable: '0' }, { bypass_list_management: { enable: false } }],
    [
      'footer',
      { enable: 1, 'text/html': '<b>f</b>', 'text/plain': 'f' },
      { footer: { enable: true, html: '<b>f</b>', text: 'f' } },
    ],
    ['bcc', { enable: 1, email: 'archive@x.example' }, { bcc: { enable: true, email: 'archive@x.example' } }],
    [
      'spamcheck',
      { enable: 0, maxscore: 3.5, url: 'http://a.example/' },
      { spam_check: { enable: false, threshold: 4, post_to_url: 'http://a.example/' } },
    ],
    [
      'template',
      { enable: 1, 'text/html': '<p><% body %></p>' },
      { template: { enable: true, html: '<p><% body %></p>' } },
    ],
  ])('%s %j is a mail setting', (name, settings, mailSettings) =>
    expect(taken(filter(name, settings)).content.mailSettings).toEqual(mailSettings),
  );

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['clicktrack', { enable: 1, enable_text: true }, { click_tracking: { enable: true, enable_text: true } }],
    ['opentrack', { enable: true, replace: '%o%' }, { open_tracking: { enable: true, substitution_tag: '%o%' } }],
    ['subscriptiontrack', { enable: 1 }, { subscription_tracking: { enable: true } }],
    [
      'subscriptiontrack',
      { enable: 0, 'text/html': '<% u %>', 'text/plain': '<% %>', replace: '[u]' },
      { subscription_tracking: { enable: false, html: '<% u %>', text: '<% %>', substitution_tag: '[u]' } },
    ],
    [
      'ganalytics',
      { enable: 1, utm_source: 's', utm_medium: 'm', utm_term: 't', utm_content: 'c', utm_campaign: 'p' },
      {
        ganalytics: {
          enable: true,
          utm_source: 's',
          utm_medium: 'm',
          utm_term: 't',
          utm_content: 'c',
          utm_campaign: 'p',
        },
      },
    ],
  ])('%s %j is a tracking setting', (name, settings, trackingSettings) =>
    expect(taken(filter(name, settings)).content.trackingSettings).toEqual(trackingSettings),
  );

  it('templates names a template; dkim is always that of the From domain', () => {
    const { templateId, template } = taken(filter('templates', { enable: 1, template_id: TEMPLATE })).content;
    expect([templateId, template]).toEqual([TEMPLATE, { version: 'v1', revision: 'r1', pieces: 1 }]);
    expect(taken(filter('templates', { enable: 0, template_id: 'x' })).content.templateId).toBeUndefined();
    expect(taken(filter('dkim', { domain: 'x.example', use_from: false })).content.mailSettings).toBeUndefined();
  });

  it('bcc makes one more copy of each message, but for whoever has it', () => {
    const api = {
      to: ['a@x.example', 'archive@x.example'],
      filters: { bcc: { settings: { enable: 1, email: 'Archive@x.example' } } },
    };
    expect(
      taken(submitWith(api)).copies.map(({ role, address, personalization, index }) => [
        role,
        address,
        personalization,
        index,
      ]),
    ).toEqual([
      ['to', 'a@x.example', 0, 0],
      ['bcc', 'Archive@x.example', 0, 1],
      ['to', 'archive@x.example', 1, 2],
    ]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['clicktrack', { enable: 'maybe' }, /filters\.clicktrack\.settings\.enable: The value must be 0 or 1/],
    ['footer', { enable: 1, 'text/html': 7 }, /Expected: string/],
    ['bcc', { enable: 1 }, /email is required/],
    ['bcc', { enable: 1, email: 'nobody' }, /valid address/],
    ['spamcheck', { enable: 1 }, /not available/],
    ['subscriptiontrack', { enable: 'on' }, /filters\.subscriptiontrack\.settings\.enable: The value must be 0 or 1/],
    ['template', { enable: 1, 'text/html': 'no tag' }, /must be HTML that holds/],
    // Attack: a mail that grows by its body a thousand times, in a process that everybody's sessions share.
    ['template', { enable: 1, 'text/html': '<% body %>'.repeat(4) }, /at most 3 times/],
    ['templates', { enable: 1, template_id: 'x' }, /valid GUID/],
    ['templates', { enable: 1 }, /valid GUID/],
    ['templates', { enable: 1, template_id: TEMPLATE.replace('5', '7') }, /there is no template with the id/],
    ['templates', { enable: 1, template_id: WITHOUT_VERSION }, /a template with an active version/],
    ['templates', { enable: 1, template_id: DYNAMIC }, /dynamic template must be sent by mail\/send/],
    ['dkim', { domain: 7 }, /domain must be a string/],
  ])('%s %j is refused', (name, settings, detail) => expect(detailOf(filter(name, settings))).toMatch(detail));
});
