import { existsSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Inbox, startInbox } from '../../../local/inbox/inbox.ts';
import { type ArrivalStore, openArrivals } from '../../../local/inbox/store.ts';
import { makeArrival } from './arrival.ts';
import { startBrowser } from './browser.ts';

let store: ArrivalStore;
let inbox: Inbox;
beforeAll(async () => {
  store = openArrivals({});
  const links = { apiUrl: 'http://127.0.0.1:9999' };
  inbox = await startInbox({ store, links, resolveTxt: async () => [] });
});
afterAll(async () => {
  await inbox.stop();
  store.close();
});
beforeEach(() => store.deleteAll());

const get = (path: string, init?: RequestInit) => fetch(inbox.url + path, init);
// biome-ignore lint/suspicious/noExplicitAny: what the server answers is what is under test
const getJson = async (path: string): Promise<any> => (await get(path)).json();

describe('JSON', () => {
  test('GET /messages: newest first, seven fields, filtered and limited', async () => {
    // Prepare
    for (const [i, to] of ['a@x.test', 'b@x.test', 'a@x.test'].entries())
      store.add(makeArrival({ to, subject: String(i), receivedAt: i }));

    // Act
    const response = await get('/messages');
    const [all, mine, one, found] = await Promise.all([
      getJson('/messages'),
      getJson('/messages?to=A%40x.test'),
      getJson('/messages?limit=1'),
      getJson('/messages?search=b%40'),
    ]);

    // Assess
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-total-count')).toBe('3');
    expect(all.map(({ subject }: { subject: string }) => subject)).toEqual(['2', '1', '0']);
    expect(all[1]).toEqual({
      id: expect.any(String),
      to: 'b@x.test',
      from: 'ann@shop.test',
      fromName: '',
      subject: '1',
      receivedAt: 1,
      accepted: true,
    });
    expect(mine).toEqual([all[0], all[2]]);
    expect(one).toEqual([all[0]]);
    expect(found).toEqual([all[1]]);
  });

  test('GET /messages/{id}: the same with everything else', async () => {
    // Prepare
    const arrival = makeArrival();
    store.add(arrival);

    // Act
    const body = await getJson(`/messages/${arrival.id}`);

    // Assess
    expect(body).toMatchObject({
      ...{ id: arrival.id, to: arrival.to, from: arrival.from, subject: 'Hello', receivedAt: arrival.receivedAt },
      ...{ raw: arrival.raw.toString(), transcript: arrival.transcript, dkim: { result: 'none', signatures: [] } },
      ...{
        mailFrom: 'return@em.shop.test',
        tls: 'TLSv1.3',
        text: 'hi\n',
        html: '',
        attachments: [],
        size: arrival.raw.length,
      },
    });
    expect(body.headers[0]).toEqual({ name: 'From', value: 'ann@shop.test' });
  });

  test('raw bytes are the bytes that came', async () => {
    // Prepare
    const arrival = makeArrival({ raw: Buffer.from([...Buffer.from('X: y\r\n\r\n'), 0, 128, 255, 13, 10]) });
    store.add(arrival);

    // Act
    const response = await get(`/messages/${arrival.id}/raw`);

    // Assess
    expect(Buffer.from(await response.arrayBuffer())).toEqual(arrival.raw);
  });

  test('an attachment is a download, whatever it says it is', async () => {
    // Prepare
    const raw = Buffer.from(
      'Content-Type: text/html; name="x"\r\nContent-Disposition: attachment; filename*=UTF-8\'\'M%C3%A4rz%22%0D%0AX-Evil:(1).html\r\n\r\n<script>1</script>\r\n',
    );
    const arrival = makeArrival({ raw });
    store.add(arrival);

    // Act
    const response = await get(`/messages/${arrival.id}/attachments/0`);
    const missing = await get(`/messages/${arrival.id}/attachments/1`);

    // Assess
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename\*=UTF-8''M%C3%A4rz[\w%.-]+html$/,
    );
    expect(response.headers.get('x-evil')).toBeNull();
    expect((await response.text()).trim()).toBe('<script>1</script>');
    expect(missing.status).toBe(404);
  });

  test('DELETE /messages empties it', async () => {
    store.add(makeArrival());
    expect((await get('/messages', { method: 'DELETE' })).status).toBe(204);
    expect(await getJson('/messages')).toEqual([]);
  });

  test.each([
    ['GET', '/messages/unknown', 404],
    ['GET', '/messages/unknown/raw', 404],
    ['GET', '/messages/unknown/html', 404],
    ['GET', '/messages/unknown/attachments/0', 404],
    ['GET', '/messages/..%2f..%2fpackage.json', 404],
    ['GET', '/messages/%00%ff', 404],
    ['GET', '/nothing', 404],
    ['GET', '//evil.test/', 404],
    ['GET', '/messages?limit=0', 400],
    ['GET', '/messages?limit=-1', 400],
    ['GET', '/messages?limit=x', 400],
    ['POST', '/messages', 405],
    ['DELETE', '/messages/unknown', 405],
    ['PUT', '/', 405],
  ])('%s %s is %i, told in JSON', async (method, path, status) => {
    const response = await get(path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ errors: [{ message: expect.any(String) }] });
  });

  test('events tell of new mail', async () => {
    // Prepare
    const response = await get('/events');
    const reader = response.body!.getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);

    // Act
    const first = await next();
    store.add(makeArrival());
    const second = await next();
    await reader.cancel();

    // Assess
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(first).toContain('event: change');
    expect(second).toContain('event: change');
  });
});

// The attack (DNS rebinding): a page at evil.test lets its name point to 127.0.0.1, so that the browser lets it read the
// inbox as its own origin; or it simply sends requests here. The Host and Origin headers give both away.
describe('only this machine', () => {
  const ask = (headers: Record<string, string>, method = 'GET') =>
    new Promise<number>((resolve, reject) => {
      const sent = request({ port: inbox.port, host: '127.0.0.1', path: '/messages', method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      sent.on('error', reject);
      sent.end();
    });

  test.each([
    [{ host: 'evil.test' }, 403],
    [{ host: '127.0.0.1.evil.test' }, 403],
    [{ host: 'localhost.evil.test:80' }, 403],
    [{ host: 'evil.test@127.0.0.1' }, 403],
    [{ host: '127.0.0.1', origin: 'http://evil.test' }, 403],
    [{ host: '127.0.0.1', origin: 'null' }, 403],
    [{ host: '127.0.0.1', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    [{ host: '127.0.0.1' }, 200],
    [{ host: 'localhost:1234' }, 200],
    [{ host: '[::1]:1234' }, 200],
    [{ host: '127.0.0.1:80', origin: 'http://127.0.0.1:80' }, 200],
  ])('%j is %i', async (headers, status) => {
    expect(await ask(headers)).toBe(status);
  });

  test('another site cannot empty it', async () => {
    store.add(makeArrival());
    expect(await ask({ host: '127.0.0.1', origin: 'http://evil.test' }, 'DELETE')).toBe(403);
    expect(store.count()).toBe(1);
  });
});

test('the page comes with its policy', async () => {
  const response = await get('/');
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
});

// The attack: a mail whose HTML runs script in the inbox (and could then read every other mail), or loads something from
// its sender's server, so that opening it tells the sender.
describe('hostile HTML', () => {
  const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

  test('is served without origin, script or loading', async () => {
    // Prepare
    const arrival = makeArrival({ raw: htmlMail('<script>1</script><link rel=preconnect href=//evil.test><p>hi</p>') });
    store.add(arrival);

    // Act
    const response = await get(`/messages/${arrival.id}/html`);
    const [policy, html] = [response.headers.get('content-security-policy')!, await response.text()];

    // Assess
    expect(policy).toMatch(/^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;/);
    expect(policy).not.toMatch(/script|allow-same-origin|https?:|\*/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(html).not.toContain('<link');
    expect(html).toContain('<p>hi</p>');
  });

  test.skipIf(browser === undefined)(
    'in a real browser it runs nothing and asks nobody',
    async () => {
      // Prepare: a tripwire that every trick points to, and the inbox's own page and the bare mail opened in a browser
      const tripped: string[] = [];
      const tripwire = createServer((trip, response) => {
        tripped.push(trip.url!);
        response.end();
      });
      tripwire.on('connection', () => tripped.push('(connection)'));
      await new Promise<void>((resolve) => tripwire.listen(0, '127.0.0.1', resolve));
      const { port } = tripwire.address() as { port: number };
      const arrival = makeArrival({
        raw: htmlMail(tricks(`http://127.0.0.1:${port}`)),
        subject: '<img src=x onerror=alert(1)>',
      });
      store.add(arrival);
      const { open, quit } = await startBrowser(browser!);

      // Act
      const page = await open(`${inbox.url}/#${arrival.id}`, "document.querySelector('iframe')");
      const bare = await open(`${inbox.url}/messages/${arrival.id}/html`, "document.getElementById('p')");
      const before = [...tripped];
      const control = await open(`http://127.0.0.1:${port}/control`, 'document.body');
      await quit();
      await new Promise((resolve) => tripwire.close(resolve));

      // Assess
      expect(page).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
      expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
      expect(bare).toContain('<p id="p">the visible part</p>');
      expect(control).toContain('<html>');
      expect(before).toEqual([]);
      expect(tripped).toContain('/control');
    },
    60_000,
  );
});

function htmlMail(html: string): Buffer {
  return Buffer.from(
    `Subject: hostile\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${html}\r\n`,
  );
}

function tricks(to: string): string {
  return [
    '<p id=p>the visible part</p>',
    "<script>document.getElementById('p').textContent = 'script was here'</script>",
    `<img src="${to}/img"><img srcset="${to}/srcset 2x"><img src=x onerror="fetch('${to}/onerror')">`,
    `<link rel=stylesheet href="${to}/css"><link rel=preconnect href="${to}"><link rel=prefetch href="${to}/prefetch">`,
    `<link rel=icon href="${to}/icon"><meta http-equiv=refresh content="0;url=${to}/refresh"><base href="${to}/">`,
    `<style>@import url(${to}/import); body { background: url(${to}/background) } @font-face { font-family: f; src: url(${to}/font) } p { font-family: f }</style>`,
    `<iframe src="${to}/iframe"></iframe><object data="${to}/object"></object><embed src="${to}/embed">`,
    `<video autoplay src="${to}/video" poster="${to}/poster"></video><audio autoplay src="${to}/audio"></audio>`,
    `<svg><image href="${to}/svg"/><use href="${to}/use#x"/><script href="${to}/svgscript"/></svg>`,
    `<body background="${to}/body" onload="fetch('${to}/onload')"><table background="${to}/table"><tr><td>x</table>`,
    `<form action="${to}/form"><input autofocus onfocus="fetch('${to}/focus')" type=image src="${to}/input"></form>`,
    `<details open ontoggle="fetch('${to}/toggle')"></details><a href="javascript:fetch('${to}/js')">x</a>`,
    `<p style="background-image: image-set(url(${to}/imageset) 1x); list-style: url(${to}/list)">x</p>`,
  ].join('\r\n');
}
