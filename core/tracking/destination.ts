/**
 * Where a tracked link may lead: an absolute http or https URL of printable ASCII, as it can stand in a Location field. What is
 * none (mailto, javascript, relative, broken, very long) is not tracked: the link stays as it is.
 */

/** Characters of a destination: its token must fit where CloudFront takes 8,192 for a whole URL. */
const DESTINATION_CHARACTERS = 4_000;
const PLAIN = /^https?:\/\/[!-~]+$/i;

/** The destination of a link, undefined when it is not to be tracked. @param href decoded, as the reader's browser has it */
export function readDestination(href: string): string | undefined {
  // As browsers do: white space around it goes, line ends and tabs within it go (WHATWG URL 4.4).
  const text = href.replace(/^[\x00-\x20]+|[\x00-\x20]+$/g, '').replace(/[\t\r\n]/g, '');
  if (!/^https?:/i.test(text)) return undefined;
  const url = URL.parse(text);
  if (!url || url.hostname === '') return undefined;
  const destination = PLAIN.test(text) && !/["<>\\^`{|}]/.test(text) ? text : url.href;
  return destination.length <= DESTINATION_CHARACTERS && PLAIN.test(destination) ? destination : undefined;
}

/** Google Analytics' parameters (SendGrid: `ganalytics`). */
export type Campaign = Partial<Record<(typeof UTM)[number], string>>;
export const UTM = ['utm_source', 'utm_medium', 'utm_term', 'utm_content', 'utm_campaign'] as const;

/** The destination with a campaign's parameters, before its fragment. What it says itself stands. */
export function addCampaign(destination: string, campaign: Campaign): string {
  const [address = '', fragment] = cutOnce(destination, '#');
  const [, query = ''] = cutOnce(address, '?');
  const own = new Set(query.split('&').map((pair) => cutOnce(pair, '=')[0].toLowerCase()));
  const added = UTM.filter((name) => campaign[name] && !own.has(name)).map(
    (name) => `${name}=${encodeURIComponent(campaign[name]!.toWellFormed())}`,
  );
  if (added.length === 0) return destination;
  const join = !address.includes('?') ? '?' : query === '' || query.endsWith('&') ? '' : '&';
  const whole = `${address}${join}${added.join('&')}${fragment === undefined ? '' : `#${fragment}`}`;
  return whole.length <= DESTINATION_CHARACTERS ? whole : destination;
}

function cutOnce(text: string, at: string): [string, string?] {
  const place = text.indexOf(at);
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + 1)];
}
