import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changeTracking, listTracking, NOTHING, UNTRACKED, wantedOf } from '../../../core/tracking/settings.ts';

describe('wantedOf', () => {
  it('is nothing, unless the mail or the account says so', () => {
    expect(wantedOf(undefined)).toEqual({ clicks: false, textClicks: false, opens: false });
  });

  it('is nothing of mail that we send ourselves, whatever the account says', () => {
    const all = structuredClone(NOTHING);
    for (const setting of Object.values(all)) setting.enabled = true;
    expect(wantedOf(UNTRACKED, all)).toEqual({ clicks: false, textClicks: false, opens: false });
  });

  it('the mail has the last word', () => {
    const account = {
      ...NOTHING,
      open: { enabled: true },
      click: { enabled: true, enable_text: true },
      google_analytics: { ...NOTHING.google_analytics, enabled: true, utm_source: 'account', utm_medium: 'mail' },
      subscription: { ...NOTHING.subscription, enabled: true, replace: '[leave]' },
    };
    expect(wantedOf(undefined, account)).toEqual({
      clicks: true,
      textClicks: true,
      opens: true,
      campaign: { utm_source: 'account', utm_medium: 'mail' },
      subscription: { tag: '[leave]' },
    });
    expect(
      wantedOf(
        {
          click_tracking: { enable: false, enable_text: true },
          open_tracking: { enable: true, substitution_tag: '%o%' },
          ganalytics: { enable: true, utm_source: 'mail' },
          subscription_tracking: { enable: true, text: 'bye <% %>' },
        },
        account,
      ),
    ).toEqual({
      clicks: false,
      textClicks: false,
      opens: true,
      pixelTag: '%o%',
      campaign: { utm_source: 'mail', utm_medium: 'mail' },
      subscription: { text: 'bye <% %>' },
    });
  });
});

describe('changeTracking', () => {
  it('changes what is said, and keeps the rest', () => {
    const changed = changeTracking(NOTHING, 'click', { enabled: true });
    expect(changed).toEqual({ ok: true, settings: { ...NOTHING, click: { enabled: true, enable_text: false } } });
  });
  it.each([
    [null, null],
    [[], null],
    [{ enabled: 'yes' }, 'enabled'],
    [{ enable: true }, 'enable'],
    [{ __proto__x: true }, '__proto__x'],
    [{ url: 'javascript:alert(1)' }, 'url'],
    [{ html_content: 'x'.repeat(10_001) }, 'html_content'],
  ])('%j is refused, and the field named', (body, field) => {
    expect(changeTracking(NOTHING, 'subscription', body)).toMatchObject({ ok: false, errors: [{ field }] });
  });
});

const OAI = '../shared/oai/tsg_tracking_settings_v3.json';
describe.skipIf(!existsSync(OAI))("SendGrid's document", () => {
  it('names the same settings and fields', () => {
    const { components } = JSON.parse(readFileSync(OAI, 'utf8'));
    const fields = (schema: string) => Object.keys(components.schemas[schema].properties).sort();
    expect(fields('ClickTracking')).toEqual(Object.keys(NOTHING.click).sort());
    expect(fields('GoogleAnalyticsSettings')).toEqual(Object.keys(NOTHING.google_analytics).sort());
    expect(fields('SubscriptionTrackingSettings')).toEqual(Object.keys(NOTHING.subscription).sort());
    expect(Object.keys(listTracking(NOTHING)[0]!).sort()).toEqual(['description', 'enabled', 'name', 'title']);
  });
});
