/** Who mail may come from, on the local stack, under manage's own policy: a domain, a single sender, a footer, by the API alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

let mail: Mail;
let key: string;
beforeAll(async () => {
  const zones = [{ hostedZone: 'Z0123456789', name: 'wl.test' }];
  mail = await givenMail({ settings: { senders: { zones, targets: 'wl.test' } } });
  const scopes = ['create', 'read', 'update', 'delete'].map((what) => `whitelabel.${what}`);
  const others = ['sender_verification_eligible', 'mail_settings.footer.update', 'ips.read'];
  key = (await mail.operator.createKey('operator', 'senders', [...scopes, ...others])).key;
  // Before the first mail: accept keeps for a minute what an account has added to its mail.
  const footer = { enabled: true, plain_content: 'From all of us', html_content: '' };
  expect((await call('PATCH', 'mail_settings/footer', footer)).status).toBe(200);
}, 60_000);
afterAll(() => mail?.end());

async function call(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? undefined : JSON.parse(text) };
}
const from = (email: string, to: string) => mailTo(to, { from: { email } });

/** The last mail to an address, and what the inbox makes of its signatures. */
async function received(to: string): Promise<{ raw: string; dkim: { result: string } }> {
  const listed = await eventually(
    async () =>
      (await (await fetch(`${mail.local.inboxUrl}/messages?to=${encodeURIComponent(to)}`)).json()) as { id: string }[],
    ({ length }) => length > 0,
  );
  const answer = await fetch(`${mail.local.inboxUrl}/messages/${listed[0]!.id}`);
  return (await answer.json()) as { raw: string; dkim: { result: string } };
}

describe('senders', () => {
  it.each([
    ['by hand', 'hand.example', false, 'm1'],
    ['with automatic security', 'auto.example', true, 's1'],
  ])('a domain %s: once DNS proves it, mail goes out signed by its key', async (_, domain, automatic, selector) => {
    const made = await call('POST', 'whitelabel/domains', { domain, automatic_security: automatic });
    expect({ status: made.status, log: mail.log }).toMatchObject({ status: 201 });
    // The local stack publishes for the operator, as he would.
    const validate = async () => (await call('POST', `whitelabel/domains/${made.json.id}/validate`)).json;
    await eventually(validate, ({ valid }) => valid);
    const sent = await mail.post(from(`shop@${domain}`, `${selector}@example.net`));
    expect(sent.status).toBe(202);
    await thenAllIsAccountedFor(mail, [sent.id]);
    const { dkim, raw } = await received(`${selector}@example.net`);
    expect(dkim).toMatchObject({ result: 'pass', signatures: [{ domain, selector, result: 'pass' }] });
    expect(raw).toContain('From all of us');
  });

  it('a domain that is not published sends nothing', async () => {
    await call('POST', 'whitelabel/domains', { domain: 'never.example', subdomain: 'mail', automatic_security: false });
    expect((await mail.post(from('shop@never.example', 'reader@example.net'))).status).toBe(403);
  });

  it('a single sender: the link of the mail that comes, pressed, lets mail from the address out', async () => {
    const body = { nickname: 'Me', from_email: 'me@gmail.example', reply_to: 'me@gmail.example' };
    const made = await call('POST', 'verified_senders', body);
    expect({ status: made.status, log: mail.log }).toMatchObject({ status: 201 });
    const text = (await received('me@gmail.example')).raw.replaceAll('=\r\n', '').replaceAll('=3D', '=');
    const [link = ''] = /https?:\/\/\S+\/verify\/\S+/.exec(text) ?? [];
    const at = `${mail.local.apiUrl}${new URL(link).pathname}`;
    expect((await fetch(at)).status).toBe(200);
    expect((await fetch(at, { method: 'POST' })).status).toBe(200);
    const sent = await mail.post(from('me@gmail.example', 'single@example.net'));
    expect(sent.status).toBe(202);
    expect(await thenAllIsAccountedFor(mail, [sent.id])).toMatchObject({ delivered: 1 });
    expect((await received('single@example.net')).dkim.result).toBe('pass');
  });
});
