/** What official clients and the official examples send: taken, and what SendGrid does not read is not read. */
import { describe, expect, it } from 'vitest';
import { accepted, DYNAMIC, type Json, LEGACY, mail, NOW_SECONDS, personal, refused } from './bodies.ts';

const person = (name: string) => ({ email: `${name.toLowerCase()}@example.net`, name });

/** Every property of the documentation's examples and of its field table, in our own words. */
const full = (): Json => ({
  personalizations: [
    {
      to: [person('Mia'), person('Noa')],
      cc: [person('Ola')],
      bcc: [person('Pia')],
      subject: 'Your tickets',
      headers: { 'X-Order': '17' },
      substitutions: { '-seat-': '4B' },
      custom_args: { order: '17' },
      send_at: NOW_SECONDS + 3600,
    },
    { from: { email: 'box@example.com', name: 'Box' }, to: [person('Quin')], bcc: [person('Rae')] },
  ],
  from: { email: 'office@example.com', name: 'Office' },
  reply_to: { email: 'help@example.com', name: 'Help' },
  subject: 'Tickets',
  content: [
    { type: 'text/plain', value: 'Seat -seat-. <%asm_group_unsubscribe_url%>' },
    { type: 'text/html', value: '<p>Seat -seat-</p><a href="<%asm_group_unsubscribe_url%>">Stop</a>%open-track%' },
  ],
  attachments: [
    {
      content: 'PHA+SGk8L3A+',
      filename: 'seat.html',
      name: 'seat',
      type: 'text/html',
      disposition: 'inline',
      content_id: 'seat',
    },
  ],
  template_id: LEGACY,
  sections: { ':floor:': 'Second floor' },
  headers: { 'X-Shop': 'tickets' },
  categories: ['tickets', 'orders'],
  custom_args: { shop: 'tickets' },
  send_at: NOW_SECONDS + 60,
  batch_id: 'b'.repeat(64),
  asm: { group_id: 7, groups_to_display: [7, 8] },
  ip_pool_name: 'bulk mail',
  mail_settings: {
    bypass_list_management: { enable: true },
    footer: { enable: true, text: 'Our hall', html: '<p>Our hall</p>' },
    sandbox_mode: { enable: false },
    bcc: { enable: true, email: 'archive@example.net' },
    spam_check: { enable: false, threshold: 3, post_to_url: 'https://example.com/spam' },
  },
  tracking_settings: {
    click_tracking: { enable: true, enable_text: false },
    open_tracking: { enable: true, substitution_tag: '%open-track%' },
    subscription_tracking: { enable: false, text: 'Stop: <% %>', html: '<% Stop %>', substitution_tag: '<%stop%>' },
    ganalytics: {
      enable: true,
      utm_source: 'mail',
      utm_medium: 'email',
      utm_name: 'spring',
      utm_term: 'seat',
      utm_content: 'head',
      utm_campaign: 'tickets',
    },
  },
});
const pools = new Set(['bulk mail']);

describe("the documentation's full example", () => {
  it('is accepted, and the tags in it pass through', () => {
    // Act
    const { content, copies } = accepted(full(), { pools });

    // Assess
    expect(copies.map(({ role }) => role)).toEqual(['to', 'to', 'cc', 'bcc', 'bcc', 'to', 'bcc', 'bcc']);
    expect(content.parts[0]!.value).toBe('Seat -seat-. <%asm_group_unsubscribe_url%>');
    expect(content.mailSettings?.footer).toMatchObject({ text: 'Our hall' });
    expect(content.asm).toEqual({ groupId: 7, groupsToDisplay: [7, 8] });
  });

  it('is accepted with a dynamic template', () => {
    // Prepare
    const { content, subject, ...rest } = full();
    const personalizations = [{ to: [person('Mia')], dynamic_template_data: { subject: 'Hi', seat: '4B' } }];

    // Act
    const request = accepted({ ...rest, personalizations, template_id: DYNAMIC }, { pools });

    // Assess
    expect(request.content.templateId).toBe(DYNAMIC);
  });
});

describe('properties that clients send and SendGrid does not read', () => {
  it.each<[string, Json]>([
    ['attachments[].name', mail({ attachments: [{ content: 'aGk=', filename: 'f', name: 'zz9' }] })],
    ['personalizations[].categories', personal({ categories: ['zz9'] })],
    ['substitutions', mail({ substitutions: { '-a-': 'zz9' } })],
    ...['bcc', 'footer', 'bypass_list_management', 'sandbox_mode'].map((name): [string, Json] => [
      `tracking_settings.${name}`,
      mail({
        tracking_settings: { open_tracking: { enable: false }, [name]: { enable: true, email: 'zz9@a.example' } },
      }),
    ]),
  ])('%s is accepted and not carried', (_, body) => {
    // Act
    const request = accepted(body);

    // Assess
    expect(JSON.stringify(request)).not.toContain('zz9');
    expect(request.copies).toHaveLength(1);
    expect(request.sandbox).toBe(false);
  });

  it('are those only: the same name elsewhere is refused', () => {
    // Prepare
    const bodies: [string, Json][] = [
      ['content.0.name', mail({ content: [{ type: 'text/plain', value: 'x', name: 'n' }] })],
      ['personalizations.0.category', personal({ category: 'c' })],
      ['tracking_settings.spam_check', mail({ tracking_settings: { spam_check: { enable: true } } })],
      ['tracking_settings.click_tracking.utm_name', mail({ tracking_settings: { click_tracking: { utm_name: 'x' } } })],
      ['mail_settings.ganalytics', mail({ mail_settings: { ganalytics: { enable: false } } })],
    ];

    // Assess
    for (const [field, body] of bodies) expect(refused(body).map((error) => error.field)).toEqual([field]);
  });
});

describe('a setting that promises what is not done', () => {
  it.each([['mail_settings', 'spam_check', { threshold: 5 }, /spam_check mail setting is not available/]])(
    '%s.%s is refused when it is enabled, and accepted when it is not',
    (group, name, more, message) => {
      // Prepare
      const body = (enable?: boolean) =>
        mail({ [group]: { [name]: { ...more, ...(enable === undefined ? {} : { enable }) } } });

      // Assess
      expect(accepted(body(false)).copies).toHaveLength(1);
      expect(accepted(body()).copies).toHaveLength(1);
      expect(refused(body(true))).toMatchObject([
        { field: `${group}.${name}.enable`, message: expect.stringMatching(message) },
      ]);
    },
  );
});
