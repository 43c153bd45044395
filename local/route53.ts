/**
 * Route 53 on this machine: changes of TXT records go into the local DNS server, where whoever asks sees them at once. It
 * speaks the REST-XML protocol of the two calls that the stack makes. It refuses every other type of record, but for the MX and
 * CNAME records of senders under the names that only those have: what the local DNS says of all other names is that mail goes to
 * the sink, and no template may change that.
 */
import type { Mx } from './dns.ts';
import type { Access } from './iam.ts';
import { type Reply, refusal, xml } from './refusals.ts';

export type Zone = {
  setRecord(name: string, type: 'TXT' | 'CNAME' | 'MX', data: readonly (string | Mx)[]): void;
};

/** Return paths, and what customers' CNAMEs lead to (core/senders/dns.ts). */
const OF_SENDERS = /^(em\d*|d[0-9a-f]{16})\.|^[a-z0-9]+\._?domainkey\./;
/** What stands in a zone: a record that is created must not be there. */
const written = new WeakMap<Zone, Set<string>>();
export type RecordChange = { action: string; name: string; type: string; texts: string[] };
export type Route53Call =
  | { operation: 'ChangeResourceRecordSets'; hostedZone: string; changes: RecordChange[] }
  | { operation: 'GetChange'; change: string };

/** Reads a request (Route 53 API Reference). Undefined: another call, or none. */
export function readRoute53({ method, url, body }: { method: string; url: string; body: Buffer }) {
  const { pathname } = new URL(url, 'http://route53');
  const [, hostedZone] = /^\/2013-04-01\/hostedzone\/([A-Z0-9]+)\/rrset\/?$/.exec(pathname) ?? [];
  if (method === 'POST' && hostedZone)
    return { operation: 'ChangeResourceRecordSets', hostedZone, changes: readChanges(body.toString()) } as const;
  const [, change] = /^\/2013-04-01\/change\/([A-Z0-9]+)$/.exec(pathname) ?? [];
  return method === 'GET' && change ? ({ operation: 'GetChange', change } as const) : undefined;
}

function readChanges(body: string): RecordChange[] {
  const inside = (text: string, tag: string) =>
    [...text.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, found]) => found!);
  const one = (text: string, tag: string) => unescapeXml(inside(text, tag)[0] ?? '');
  return inside(body, 'Change').map((change) => ({
    action: one(change, 'Action'),
    name: one(change, 'Name'),
    type: one(change, 'Type'),
    texts: inside(change, 'Value').map((value) => joined(unescapeXml(value))),
  }));
}

/** A TXT value of several strings, as the resolver's caller puts them together. */
const joined = (value: string) =>
  value.startsWith('"')
    ? [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1')).join('')
    : value;

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescapeXml = (text: string) => text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name]!);

/** What the call touches, with Route 53's condition keys (Service Authorization Reference). */
export function accessOfRoute53(call: Route53Call): Access {
  if (call.operation === 'GetChange')
    return { action: 'route53:GetChange', resource: `arn:aws:route53:::change/${call.change}`, context: {} };
  const { changes } = call;
  const distinct = (of: (change: RecordChange) => string) => [...new Set(changes.map(of))];
  return {
    action: 'route53:ChangeResourceRecordSets',
    resource: `arn:aws:route53:::hostedzone/${call.hostedZone}`,
    context: {
      'route53:changeresourcerecordsetsnormalizedrecordnames': distinct(({ name }) => normalized(name)),
      'route53:changeresourcerecordsetsrecordtypes': distinct(({ type }) => type),
      'route53:changeresourcerecordsetsactions': distinct(({ action }) => action),
    },
  };
}

const normalized = (name: string) => name.toLowerCase().replace(/\.$/, '');

/** @param zone the local DNS; undefined: this stack has none, and says so */
export function answerRoute53(call: Route53Call, zone: Zone | undefined): Reply {
  if (!zone) return refusal('route53', 'NoSuchHostedZone', 'this local stack has no DNS', 404);
  if (call.operation === 'GetChange') return changed('GetChangeResponse', call.change);
  const other = call.changes.find((change) => !isTaken(change));
  if (other || call.changes.length === 0)
    return refusal('route53', 'InvalidChangeBatch', `the local DNS takes TXT records only, not ${other?.type}`, 400);
  const there = written.get(zone) ?? new Set();
  written.set(zone, there);
  const wrong = call.changes.find(({ action, name, type }) => action === 'CREATE' && there.has(keyOf(name, type)));
  if (wrong) return refusal('route53', 'InvalidChangeBatch', `${wrong.name} is there already`, 400);
  for (const { action, name, type, texts } of call.changes) {
    if (action === 'DELETE') there.delete(keyOf(name, type));
    else there.add(keyOf(name, type));
    const data = type === 'MX' ? texts.map(toMx) : texts;
    zone.setRecord(normalized(name), type as 'TXT', action === 'DELETE' ? [] : data);
  }
  return changed('ChangeResourceRecordSetsResponse', 'C0123456789LOCAL');
}

const keyOf = (name: string, type: string) => `${type} ${normalized(name)}`;
const isTaken = ({ name, type }: RecordChange) =>
  type === 'TXT' || ((type === 'MX' || type === 'CNAME') && OF_SENDERS.test(normalized(name)));

function toMx(value: string): Mx {
  const [preference, exchange = ''] = value.split(' ');
  return { preference: Number(preference), exchange };
}

/** What is set is known at once. */
function changed(name: string, id: string): Reply {
  return xml(
    200,
    `<?xml version="1.0"?><${name} xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo><Id>/change/${id}</Id><Status>INSYNC</Status><SubmittedAt>2020-01-01T00:00:00Z</SubmittedAt></ChangeInfo></${name}>`,
  );
}
