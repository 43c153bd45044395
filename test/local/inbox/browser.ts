/** A headless Chromium for tests, steered over the DevTools protocol: it opens a page and hands back what became of it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Milliseconds that a page gets, once it shows what was waited for, to do what it should not. */
const SETTLE_MS = 1000;

export async function startBrowser(binary: string) {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync'];
  flags.push('--disable-background-networking', '--disable-component-update', '--remote-debugging-port=0');
  const child = spawn(binary, [...flags, `--user-data-dir=${profile}`, 'about:blank']);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let errors = '';
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      errors += chunk;
      const found = /ws:\/\/(\S+?)\/devtools/.exec(errors);
      if (found) resolve(found[1]!);
    });
    child.once('exit', () => reject(new Error(`the browser did not start: ${errors}`)));
  });
  const pages = (await (await fetch(`http://${endpoint}/json`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(pages.find(({ type }) => type === 'page')!.webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  let calls = 0;
  const call = (method: string, params: object) =>
    new Promise<{ result?: { value?: unknown } }>((resolve) => {
      const id = ++calls;
      socket.addEventListener('message', function receive({ data }) {
        const message = JSON.parse(String(data)) as { id?: number; result: object };
        if (message.id !== id) return;
        socket.removeEventListener('message', receive);
        resolve(message.result);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  const evaluate = async (expression: string) => (await call('Runtime.evaluate', { expression })).result?.value;
  return {
    /** Opens a URL, waits until the expression holds and a second more. @returns the document then, as HTML */
    async open(url: string, until: string): Promise<string> {
      await call('Page.navigate', { url });
      const patience = performance.now() + 10_000;
      while (!(await evaluate(`location.href === ${JSON.stringify(url)} && Boolean(${until})`))) {
        if (performance.now() > patience) throw new Error(`${url} never came to ${until}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return String(await evaluate('document.documentElement.outerHTML'));
    },
    async quit() {
      socket.close();
      child.kill();
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
