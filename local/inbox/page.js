/*
 * The script of the inbox's page. Text of a mail only ever becomes text nodes; its HTML is only ever shown in a sandboxed
 * frame. The chosen message is the URL's hash, so that back and forward work and a message can be linked to.
 */
const PAGE = 100;
const TABS = ['Rendered', 'Text', 'Source', 'Headers', 'SMTP'];
const byId = (id) => document.getElementById(id);
const list = byId('list');
const detail = byId('detail');
const help = byId('help');
const search = byId('search');

let messages = [];
let known = null;
let limit = PAGE;
let chosen = '';
let tab = '';
let loading = false;
let again = false;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

function size(bytes) {
  if (bytes < 1024) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  if (seconds < 10) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const date = new Date(time);
  return new Date().toDateString() === date.toDateString()
    ? date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString([], { month: 'short', day: 'numeric' });
}

async function refresh() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  try {
    const query = new URLSearchParams({ limit: String(limit), search: search.value.trim() });
    const response = await fetch(`/messages?${query}`);
    messages = await response.json();
    showList(Number(response.headers.get('x-total-count')));
  } catch {
    showLive(false);
  }
  loading = false;
  if (again) {
    again = false;
    refresh();
  }
}

function showList(total) {
  const searching = search.value.trim() !== '';
  const empty = total === 0;
  document.body.classList.toggle('empty', empty);
  byId('empty').hidden = !empty;
  byId('list-pane').hidden = empty;
  detail.hidden = empty;
  byId('more').hidden = messages.length < limit || limit >= 1000;
  byId('none').hidden = messages.length > 0;
  byId('none').textContent = `No message has “${search.value.trim()}” in recipient, sender or subject.`;
  const shown = messages.length.toLocaleString();
  const all = `${total.toLocaleString()} ${total === 1 ? 'message' : 'messages'}`;
  byId('count').textContent = searching || messages.length < total ? `${shown} of ${all}` : all;
  document.title = empty ? 'Inbox · Pennypost' : `(${total}) Inbox · Pennypost`;
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : undefined;
  list.replaceChildren(...messages.map(listItem));
  known = new Set(messages.map(({ id }) => id));
  if (focused) list.querySelector(`a[href="${focused}"]`)?.focus();
  if (empty && chosen) location.hash = '';
}

function listItem(message) {
  const time = element('time', { datetime: new Date(message.receivedAt).toISOString() }, ago(message.receivedAt));
  const link = element(
    'a',
    { href: `#${message.id}`, 'aria-current': String(message.id === chosen) },
    element('span', { class: 'to' }, message.to),
    time,
    element('span', { class: 'subject' }, message.subject || '(no subject)'),
    element(
      'span',
      { class: 'from' },
      message.accepted ? `from ${message.fromName || message.from}` : 'taken, but never answered',
    ),
  );
  if (known && !known.has(message.id)) link.classList.add('fresh');
  return element('li', {}, link);
}

async function open(id) {
  chosen = id;
  document.body.classList.toggle('open', id !== '');
  for (const link of list.querySelectorAll('a'))
    link.setAttribute('aria-current', String(link.getAttribute('href') === `#${id}`));
  if (id === '') {
    detail.replaceChildren(element('p', { class: 'hint' }, 'Choose a message to read it.'));
    return;
  }
  const response = await fetch(`/messages/${encodeURIComponent(id)}`).catch(() => undefined);
  if (chosen !== id) return;
  if (!response?.ok) {
    const text = response?.status === 404 ? 'This message is no longer here.' : 'The inbox does not answer.';
    detail.replaceChildren(backButton(), element('p', { class: 'hint' }, text));
    return;
  }
  showMessage(await response.json());
}

function backButton() {
  const back = element('button', { type: 'button', class: 'back quiet' }, '‹ All messages');
  back.addEventListener('click', () => {
    location.hash = '';
  });
  return back;
}

function showMessage(message) {
  const fact = (name, value) => (value ? [element('dt', {}, name), element('dd', {}, value)] : []);
  const header = (name) => message.headers.find((one) => one.name.toLowerCase() === name)?.value;
  const title = message.subject
    ? element('h2', {}, message.subject)
    : element('h2', { class: 'nosubject' }, 'no subject');
  // Its links are as long as their tokens; the tab of the headers has it whole.
  const unsubscribe = header('list-unsubscribe');
  const received = new Date(message.receivedAt);
  const facts = element(
    'dl',
    { class: 'facts' },
    ...fact('From', message.fromName ? `${message.fromName} <${message.from}>` : message.from),
    ...fact('Delivered to', message.to),
    ...fact('Return path', message.mailFrom || '<> (a bounce)'),
    ...(unsubscribe
      ? [element('dt', {}, 'List'), element('dd', { class: 'long', title: unsubscribe }, unsubscribe)]
      : []),
    ...fact('Received', received.toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium' })),
  );
  const head = element('div', { class: 'head' }, backButton(), title, facts, badges(message), files(message));
  const panel = element('div', { role: 'tabpanel', id: 'panel', tabindex: '0' });
  head.append(tabList(message, panel));
  detail.replaceChildren(head, panel);
  detail.setAttribute('aria-label', `Message to ${message.to}`);
}

function badges({ dkim, tls, size: bytes, accepted }) {
  const badge = (kind, text, title) => element('span', { class: `badge ${kind}`, title }, text);
  const signers = dkim.signatures.map(({ domain }) => domain).join(', ');
  const why = dkim.signatures
    .map(
      ({ domain, selector, result, comment }) => `${domain} (${selector}): ${result}${comment ? `, ${comment}` : ''}`,
    )
    .join('\n');
  const failed = dkim.signatures.find(({ result }) => result !== 'pass');
  const seal = {
    pass: () => badge('good', `✓ DKIM pass · ${signers}`, why),
    fail: () => badge('bad', `✕ DKIM fail · ${failed.comment || failed.result}`, why),
    none: () => badge('warn', 'DKIM: not signed', 'No DKIM-Signature field'),
  }[dkim.result]();
  return element(
    'div',
    { class: 'badges' },
    seal,
    tls ? badge('', tls) : badge('warn', 'no TLS', 'The session was in clear'),
    badge('', size(bytes)),
    accepted ? undefined : badge('bad', 'never answered', 'The sink took it and closed without a reply'),
  );
}

/** A paper clip, drawn: not every machine has a font with one. */
function clip() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute(
    'd',
    'm16.5 9.2-6.7 6.7a4 4 0 0 1-5.7-5.7l7-7a2.7 2.7 0 0 1 3.8 3.8l-7 7a1.3 1.3 0 0 1-1.9-1.9l6.3-6.3',
  );
  svg.append(path);
  return svg;
}

function files({ id, attachments }) {
  if (attachments.length === 0) return undefined;
  const links = attachments.map(({ index, filename, size: bytes }) =>
    element(
      'a',
      { href: `/messages/${id}/attachments/${index}`, download: filename },
      clip(),
      ` ${filename} `,
      element('small', {}, size(bytes)),
    ),
  );
  return element('div', { class: 'files' }, ...links);
}

function tabList(message, panel) {
  const tabs = element('div', { role: 'tablist', 'aria-label': 'Views of the message' });
  const select = (name, focus) => {
    tab = name;
    for (const one of tabs.children) {
      const selected = one.textContent === name;
      one.setAttribute('aria-selected', String(selected));
      one.tabIndex = selected ? 0 : -1;
      if (selected) panel.setAttribute('aria-labelledby', one.id);
      if (selected && focus) one.focus();
    }
    panel.scrollTop = 0;
    panel.replaceChildren(...views[name](message));
  };
  for (const name of TABS) {
    const button = element(
      'button',
      { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel' },
      name,
    );
    button.addEventListener('click', () => select(name, false));
    tabs.append(button);
  }
  tabs.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    select(TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length], true);
  });
  select(tab || (message.html ? 'Rendered' : 'Text'), false);
  return tabs;
}

const views = {
  Rendered({ id, html }) {
    if (!html) return [element('p', { class: 'hint' }, 'This message has no HTML part.')];
    const frame = element('iframe', {
      sandbox: 'allow-popups allow-popups-to-escape-sandbox',
      referrerpolicy: 'no-referrer',
      title: 'The message as HTML; scripts and remote content are blocked',
      src: `/messages/${id}/html`,
    });
    const remote =
      /(?:src|srcset|background|poster)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?(?:https?:)?\/\//i.test(html);
    const note = element('p', { class: 'strip' }, 'Remote images and styles are not loaded here.');
    return remote ? [note, frame] : [frame];
  },
  Text: ({ text }) =>
    text
      ? [element('pre', { class: 'prose' }, text)]
      : [element('p', { class: 'hint' }, 'This message has no plain text part.')],
  Source: ({ id, raw }) => [
    element(
      'p',
      { class: 'panel-tools' },
      element('a', { href: `/messages/${id}/raw`, download: `${id}.eml` }, 'Download .eml'),
    ),
    element('pre', {}, raw),
  ],
  Headers: ({ headers }) => [
    element(
      'table',
      { class: 'headers' },
      element(
        'tbody',
        {},
        ...headers.map(({ name, value }) =>
          element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value)),
        ),
      ),
    ),
  ],
  SMTP: ({ transcript }) => [
    element(
      'pre',
      { class: 'transcript' },
      ...transcript.split('\n').map((line) => {
        const kind = /^S: [45]/.test(line) ? 's refused' : line.startsWith('S: ') ? 's' : /^\(/.test(line) ? 'n' : 'c';
        return element('span', { class: kind }, line);
      }),
    ),
  ],
};

function move(step) {
  const at = messages.findIndex(({ id }) => id === chosen);
  const next = messages[at === -1 ? 0 : at + step];
  if (!next) return;
  location.hash = next.id;
  list.querySelector(`a[href="#${next.id}"]`)?.scrollIntoView({ block: 'nearest' });
}

document.addEventListener('keydown', (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || help.open) return;
  if (event.target === search) {
    if (event.key !== 'Escape') return;
    search.value = '';
    search.blur();
    refresh();
    return;
  }
  const onTab = event.target.getAttribute?.('role') === 'tab';
  const actions = {
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => list.contains(event.target) && move(1),
    ArrowUp: () => list.contains(event.target) && move(-1),
    '/': () => search.focus(),
    '?': () => help.showModal(),
    Escape: () => {
      location.hash = '';
    },
  };
  const number = Number(event.key);
  if (number >= 1 && number <= TABS.length) byId(`tab-${TABS[number - 1]}`)?.click();
  else if (actions[event.key] && !(onTab && event.key.startsWith('Arrow'))) {
    if (event.key.startsWith('Arrow') && !list.contains(event.target)) return;
    event.preventDefault();
    actions[event.key]();
  }
});

let typing;
search.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    limit = PAGE;
    refresh();
  }, 120);
});
byId('more').addEventListener('click', () => {
  limit = Math.min(1000, limit + PAGE * 2);
  refresh();
});
byId('help-open').addEventListener('click', () => help.showModal());
byId('help-link').addEventListener('click', () => help.showModal());
byId('help-close').addEventListener('click', () => help.close());
help.addEventListener('click', (event) => {
  if (event.target === help) help.close();
});
byId('clear').addEventListener('click', async () => {
  if (!confirm('Delete every message in this inbox?')) return;
  await fetch('/messages', { method: 'DELETE' });
  location.hash = '';
  refresh();
});
for (const button of document.querySelectorAll('[data-copy]'))
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(byId(button.dataset.copy).textContent);
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  });

function showLive(on) {
  byId('live').classList.toggle('on', on);
  byId('live').lastElementChild.textContent = on ? 'live' : 'offline';
}
const events = new EventSource('/events');
events.addEventListener('open', () => showLive(true));
events.addEventListener('error', () => showLive(false));
events.addEventListener('change', refresh);
const openHash = () => {
  // The skip link's hash is a place in the page.
  if (location.hash !== '#detail') open(location.hash.slice(1));
};
addEventListener('hashchange', openHash);
setInterval(() => {
  for (const time of list.querySelectorAll('time')) time.textContent = ago(Date.parse(time.dateTime));
}, 10_000);
refresh();
openHash();
