/**
 * Stored requests and held jobs without a reader. A stored request is overwritten in place: it keeps its length to the byte, so whoever cuts it
 * into jobs again cuts it as before, under the same ids, and nobody has his mail twice because somebody else asked to be forgotten.
 */
import { ERASED, erasedAddress, isErasedAddress } from '../erased-address.ts';
import type { Job, StoredRequest } from '../job.ts';
import type { Address, Copy, Personalization } from '../mail.ts';
import { readErased } from './request.ts';

/** Whether an address, in lower case, is one of those to erase. */
export type IsReader = (address: string) => boolean;

export const isErasedCopy = ({ address }: Pick<Copy, 'address'>): boolean => isErasedAddress(address);

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

export type Blanked = {
  request: StoredRequest;
  /** The copies that were his. */
  erased: Copy[];
  /** Whether anything is otherwise than it was. */
  changed: boolean;
  /** Nobody else is left in it: then nothing at all of it is. */
  empty: boolean;
};

export function blankRequest(request: StoredRequest, isReader: IsReader): Blanked {
  const isHis = ({ address }: Pick<Copy, 'address'>) => isReader(address.toLowerCase());
  const erased = request.copies.filter(isHis);
  const copies = request.copies.map((copy) =>
    isHis(copy) ? { ...copy, address: erasedAddress(bytesOf(copy.address) - 2) } : copy,
  );
  if (copies.length > 0 && copies.every(isErasedCopy)) {
    const emptied = emptyRequest(request);
    // What is empty already need not be written again.
    return {
      request: emptied,
      erased,
      empty: true,
      changed: bytesOf(emptied) !== bytesOf(request) || erased.length > 0,
    };
  }
  const read = new Set(copies.filter((copy) => !isErasedCopy(copy)).map(({ personalization }) => personalization));
  const personalizations = request.personalizations.map((one) =>
    read.has(one.index) ? withoutReaders(one, isReader) : blankPersonalization(one),
  );
  const changed = erased.length > 0 || personalizations.some((one, n) => one !== request.personalizations[n]);
  return { request: { ...request, personalizations, copies }, erased, changed, empty: false };
}

/** A message that nobody is to have any more. */
function blankPersonalization(one: Personalization): Personalization {
  const bare = { index: one.index, to: [], cc: [] };
  const { erased: _, ...rest } = one;
  return bytesOf(rest) === bytesOf(bare) ? one : padded(bare, bytesOf(one));
}

/** A message that others are to have: it names him no more. */
function withoutReaders(one: Personalization, isReader: IsReader): Personalization {
  // As the sender wrote it, which may be with a domain in letters of its own.
  const isHim = ({ email }: Address) => isReader(readErased(email) ?? email.toLowerCase());
  const others = (addresses: readonly Address[]) => addresses.filter((address) => !isHim(address));
  const [to, cc] = [others(one.to), others(one.cc)];
  if (to.length === one.to.length && cc.length === one.cc.length) return one;
  const { erased: _, ...rest } = one;
  return padded({ ...rest, to, cc }, bytesOf(one));
}

/** What was taken out of a personalization is longer than the field that makes up for it: its shortest address is `a@b.cc`. */
function padded(one: Personalization, bytes: number): Personalization {
  return { ...one, erased: erasedAddress(Math.max(0, bytes - bytesOf({ ...one, erased: '' }))) };
}

/** What is left of a request of which nothing is to be sent any more: it names nobody and says nothing. */
export function emptyRequest({ content, personalizations, copies, sendAt }: StoredRequest): StoredRequest {
  const { ipPoolName, poolId, lanes, batchId } = content;
  return {
    content: {
      from: { email: '' },
      replyTo: [],
      parts: [],
      attachments: [],
      headers: {},
      sections: {},
      categories: [],
      customArgs: {},
      // A job of it that is on a lane already is not composed of this.
      dropped: ERASED,
      // Its jobs stay on their lanes.
      ...(ipPoolName === undefined ? {} : { ipPoolName }),
      ...(poolId === undefined ? {} : { poolId }),
      ...(lanes === undefined ? {} : { lanes }),
      ...(batchId === undefined ? {} : { batchId }),
    },
    personalizations: personalizations.map(({ index }) => ({ index, to: [], cc: [] })),
    copies: copies.map((copy) => ({ ...copy, address: erasedAddress(bytesOf(copy.address) - 2) })),
    sendAt,
  };
}

/** A held job without a reader: the same one where it does not name him; undefined where nobody else is in it. */
export function blankJob(job: Job, isReader: IsReader): { job: Job | undefined; erased: Copy[] } {
  const [erased, copies] = [true, false].map((his) =>
    job.copies.filter(({ address }) => isReader(address.toLowerCase()) === his),
  ) as [Copy[], Copy[]];
  if (copies.length === 0) return { job: undefined, erased };
  const wanted = new Set(copies.map(({ personalization }) => personalization));
  const personalizations = job.personalizations
    .filter(({ index }) => wanted.has(index))
    .map((one) => ('stored' in one ? one : withoutReaders(one, isReader)));
  const same =
    erased.length === 0 &&
    personalizations.length === job.personalizations.length &&
    personalizations.every((one, n) => one === job.personalizations[n]);
  return { job: same ? job : { ...job, copies, personalizations }, erased };
}

/** Whether a text names one of them, as people and programs write addresses. */
export function mentions(text: string, isReader: IsReader): boolean {
  for (const [address] of text.matchAll(/[\w!#$%&'*+/=?^`{|}~.-]+@[\w-]+(?:\.[\w-]+)+/g))
    if (isReader(address.toLowerCase())) return true;
  return false;
}
