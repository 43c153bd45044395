/** What a valid body becomes: nothing is lost, and root and personalization are put together as SendGrid does it. */
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { MailRequest } from '../../../core/mail.ts';
import { mergePersonalization, parseJsonBody } from '../../../core/mail-send/index.ts';
import { accepted, addresses, DYNAMIC, LEGACY, mail, NOW, NOW_SECONDS, personal } from './bodies.ts';

const SOON = NOW_SECONDS + 600;
const LATER = NOW_SECONDS + 3600;

describe('a body with every field', () => {
  it('is carried whole', () => {
    // Prepare
    const mailSettings = { sandbox_mode: { enable: true }, footer: { enable: true, text: 't', html: 'h' } };
    const trackingSettings = { click_tracking: { enable: true, enable_text: false }, ganalytics: { utm_source: 's' } };
    const body = {
      personalizations: [
        {
          to: [{ email: 'To@example.net', name: 'To' }, { email: 'to2@example.net' }],
          cc: [{ email: 'cc@example.net', name: 'Cc' }],
          bcc: [{ email: 'bcc@example.net', name: 'Bcc' }],
          from: { email: 'other@example.com', name: 'Other' },
          subject: 'Own',
          headers: { 'X-Own': '1' },
          substitutions: { '-a-': 'b' },
          custom_args: { own: 'x' },
          send_at: SOON,
        },
        { to: [{ email: 'jo@bücher.example' }] },
      ],
      from: { email: 'from@example.com', name: 'From' },
      reply_to_list: [{ email: 'r1@example.com', name: 'R' }, { email: 'r2@example.com' }],
      subject: 'Root',
      content: [
        { type: 'text/plain', value: 'x' },
        { type: 'text/html', value: '<p>x' },
      ],
      attachments: [
        { content: 'aGk=', filename: 'ä.txt', type: 'text/plain', disposition: 'inline', content_id: 'cid' },
        { content: 'aGk=', filename: 'b' },
      ],
      template_id: LEGACY,
      sections: { '-s-': 'section' },
      headers: { 'X-Root': 'r' },
      categories: ['one', 'two'],
      custom_args: { root: 'y' },
      send_at: LATER,
      batch_id: 'batch',
      asm: { group_id: 3, groups_to_display: [4, 5] },
      ip_pool_name: 'bulk',
      mail_settings: mailSettings,
      tracking_settings: trackingSettings,
    };

    // Act
    const request = accepted(body);

    // Assess
    expect(request).toEqual({
      content: {
        from: { email: 'from@example.com', name: 'From' },
        replyTo: [{ email: 'r1@example.com', name: 'R' }, { email: 'r2@example.com' }],
        subject: 'Root',
        parts: [
          // The footer comes under what the template makes.
          { type: 'text/plain', value: 'x' },
          { type: 'text/html', value: '<p>x' },
        ],
        attachments: [
          { content: 'aGk=', filename: 'ä.txt', type: 'text/plain', disposition: 'inline', contentId: 'cid' },
          { content: 'aGk=', filename: 'b', disposition: 'attachment' },
        ],
        headers: { 'X-Root': 'r' },
        sections: { '-s-': 'section' },
        categories: ['one', 'two'],
        customArgs: { root: 'y' },
        asm: { groupId: 3, groupsToDisplay: [4, 5] },
        ipPoolName: 'bulk',
        batchId: 'batch',
        templateId: LEGACY,
        template: { version: 'v1', revision: 'r1', pieces: 1 },
        mailSettings,
        trackingSettings,
      },
      personalizations: [
        {
          index: 0,
          to: [{ email: 'To@example.net', name: 'To' }, { email: 'to2@example.net' }],
          cc: [{ email: 'cc@example.net', name: 'Cc' }],
          from: { email: 'other@example.com', name: 'Other' },
          subject: 'Own',
          headers: { 'X-Own': '1' },
          substitutions: { '-a-': 'b' },
          customArgs: { own: 'x' },
        },
        { index: 1, to: [{ email: 'jo@bücher.example' }], cc: [] },
      ],
      copies: [
        { personalization: 0, role: 'to', address: 'To@example.net', index: 0 },
        { personalization: 0, role: 'to', address: 'to2@example.net', index: 1 },
        { personalization: 0, role: 'cc', address: 'cc@example.net', index: 2 },
        { personalization: 0, role: 'bcc', address: 'bcc@example.net', index: 3 },
        { personalization: 1, role: 'to', address: 'jo@xn--bcher-kva.example', index: 4 },
      ],
      sendAt: { 0: SOON, 1: LATER },
      sandbox: true,
    } satisfies MailRequest);
  });

  it("carries contentId, which SendGrid's own library sends for content_id", () => {
    // Prepare
    const attachments = [{ content: 'aGk=', filename: 'a', disposition: 'inline', contentId: 'logo' }];

    // Act
    const request = accepted(mail({ attachments }));

    // Assess
    expect(request.content.attachments).toEqual(attachments);
  });

  it('carries the data of a dynamic template', () => {
    // Prepare
    const data = { user: { name: 'Jo', list: [1, null, true] } };

    // Act
    const request = accepted(personal({ dynamic_template_data: data }, { template_id: DYNAMIC }));

    // Assess
    expect(request.personalizations[0]!.dynamicTemplateData).toEqual(data);
  });

  // The attack: a `__proto__` key in the sender's maps, to change what every object in the process has.
  it('carries a __proto__ key as a key like any other', () => {
    // Prepare
    const text = `{"personalizations":[{"to":[{"email":"a@example.net"}],"headers":{"__proto__":"x"},"custom_args":{"__proto__":"y"}}],
      "from":{"email":"f@example.com"},"subject":"s","content":[{"type":"text/plain","value":"v"}],"headers":{"__PROTO__":"r"}}`;
    const parsed = parseJsonBody(Buffer.from(text), 'application/json');

    // Act
    const { content, personalizations } = accepted(parsed.ok && parsed.value);
    const merged = mergePersonalization(content, personalizations[0]!);

    // Assess
    expect(Object.entries(merged.headers)).toEqual([['__PROTO__', 'x']]);
    expect(Object.entries(merged.customArgs)).toEqual([['__proto__', 'y']]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('mergePersonalization', () => {
  const root = { subject: 'Root', headers: { 'X-A': 'root', 'X-B': 'root' }, custom_args: { a: 'root', b: 'root' } };

  it('lets the personalization win, field by field and key by key, header names without case', () => {
    // Prepare
    const own = { subject: 'Own', headers: { 'x-a': 'own', 'X-C': 'own' }, custom_args: { a: 'own', A: 'own' } };
    const { content, personalizations } = accepted(personal({ ...own, from: { email: 'o@example.com' } }, root));

    // Act
    const merged = mergePersonalization(content, personalizations[0]!);

    // Assess
    expect(merged).toEqual({
      from: { email: 'o@example.com' },
      subject: 'Own',
      headers: { 'X-A': 'own', 'X-B': 'root', 'X-C': 'own' },
      customArgs: { a: 'own', b: 'root', A: 'own' },
    });
  });

  it('gives the root where the personalization says nothing', () => {
    // Prepare
    const { content, personalizations } = accepted(mail(root));

    // Act
    const merged = mergePersonalization(content, personalizations[0]!);

    // Assess
    expect(merged).toEqual({
      from: { email: 'from@example.com' },
      subject: 'Root',
      headers: root.headers,
      customArgs: root.custom_args,
    });
  });
});

describe('send_at', () => {
  it('of the root holds for personalizations without one; the past and this second mean now', () => {
    // Prepare
    const times = [undefined, SOON, 1, NOW_SECONDS, NOW_SECONDS + 1, -5];
    const personalizations = times.map((time, i) => ({
      to: [{ email: `a${i}@example.net` }],
      ...(time === undefined ? {} : { send_at: time }),
    }));

    // Act
    const { sendAt } = accepted(mail({ personalizations, send_at: LATER }));

    // Assess
    expect(sendAt).toEqual({ 0: LATER, 1: SOON, 4: NOW_SECONDS + 1 });
  });

  it('is measured in milliseconds of now', () => {
    // Act
    const { sendAt } = accepted(mail({ send_at: NOW_SECONDS + 1 }), { now: NOW + 1000 });

    // Assess
    expect(sendAt).toEqual({});
  });
});

describe('sandbox_mode', () => {
  it.each([
    [undefined, false],
    [{}, false],
    [{ sandbox_mode: {} }, false],
    [{ sandbox_mode: { enable: false } }, false],
    [{ sandbox_mode: { enable: true } }, true],
  ])('%j', (settings, sandbox) => {
    // Assess
    expect(accepted(mail({ mail_settings: settings })).sandbox).toBe(sandbox);
  });
});

describe("what SendGrid's own library sends", () => {
  const Mail = createRequire(import.meta.url)('@sendgrid/helpers').classes.Mail;
  const message = { from: 'From <from@example.com>', subject: 'Hello', text: 'Hi', html: '<p>Hi</p>' };

  it.each([
    ['text and HTML', { ...message, to: 'to@example.net' }, 1],
    [
      'cc, bcc and names',
      { ...message, to: ['a@example.net', 'B <b@example.net>'], cc: 'c@example.net', bcc: ['d@example.net'] },
      4,
    ],
    [
      'an attachment with a non-ASCII name',
      {
        ...message,
        to: 'to@example.net',
        attachments: [
          {
            content: 'aGk=',
            filename: 'Prüfung 日本.pdf',
            type: 'application/pdf',
            disposition: 'attachment',
            contentId: 'x',
          },
        ],
      },
      1,
    ],
    [
      'two personalizations, each with its own',
      {
        ...message,
        headers: { 'X-Root': 'r' },
        customArgs: { all: '1' },
        categories: ['c'],
        personalizations: [
          { to: 'a@example.net', subject: 'A', substitutions: { name: 'A' }, customArgs: { one: '1' }, sendAt: SOON },
          { to: [{ email: 'b@example.net', name: 'B' }], headers: { 'X-B': 'b' }, cc: 'c@example.net' },
        ],
      },
      3,
    ],
    ['sendMultiple', { ...message, to: addresses(3).map(({ email }) => email), isMultiple: true }, 3],
    [
      'settings',
      {
        ...message,
        to: 'to@example.net',
        replyTo: 'r@example.com',
        sendAt: SOON,
        batchId: 'batch',
        ipPoolName: 'bulk',
        asm: { groupId: 1, groupsToDisplay: [1, 2] },
        mailSettings: {
          sandboxMode: { enable: true },
          bypassListManagement: { enable: false },
          spamCheck: { enable: false, threshold: 3, postToUrl: 'https://example.com' },
        },
        trackingSettings: {
          clickTracking: { enable: true, enableText: true },
          openTracking: { enable: true, substitutionTag: '%o%' },
          ganalytics: { enable: true, utmSource: 's' },
        },
      },
      1,
    ],
    [
      'a dynamic template',
      {
        from: message.from,
        to: 'to@example.net',
        templateId: DYNAMIC,
        dynamicTemplateData: { someKey: { otherKey: 1 } },
      },
      1,
    ],
  ])('%s', (_, data, copies) => {
    // Prepare
    const bytes = Buffer.from(JSON.stringify(Mail.create(data).toJSON()));

    // Act
    const parsed = parseJsonBody(bytes, 'application/json');
    const request = accepted(parsed.ok && parsed.value);

    // Assess
    expect(request.copies).toHaveLength(copies);
  });
});
