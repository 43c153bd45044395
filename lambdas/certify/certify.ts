/**
 * Keeps the relay's certificate: looks whether it is due, and obtains the next one (RFC 8555). It may be run at any time, any
 * number of times: what a run left half done is in the account's secret, and the next one goes on with that order instead of
 * beginning another. Authorities give out few certificates for a name in a week, so none is ordered twice.
 * It refuses to store a certificate that is not for the name, has not the order's key, or would be due at once.
 */
import { formatCertificate, renewalCause } from '../../core/certificate.ts';

/** Whether it has to be proved that the name is ours, is ready, or is over. */
export type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';

/** An account at a certificate authority. */
export type Authority = {
  /** Begins an order for a host name. @returns its URL */
  order(hostName: string): Promise<string>;
  /** How far an order is; undefined: the authority does not know it, or does not answer. */
  look(url: string): Promise<OrderStatus | undefined>;
  /** Texts of the TXT record that the authority looks for; none: it knows the name as ours already. */
  proofs(url: string): Promise<string[]>;
  /** Tells the authority that the record is there, and waits until it has looked. @throws Error with what it found wrong */
  prove(url: string): Promise<void>;
  /** Hands in the request for the certificate, if the order waits for it, and waits for the chain (PEM). */
  finish(url: string, hostName: string, privateKey: string): Promise<string>;
};

export type CertifyDeps = {
  hostName: string;
  /** Texts of the two secrets: the certificate's, the account's. */
  readCertificate(): Promise<string>;
  writeCertificate(text: string): Promise<void>;
  readAccount(): Promise<string>;
  writeAccount(text: string): Promise<void>;
  /** A new private key, PEM. */
  makeKey(): string;
  /** Signs in with the account's key, for the first time too. */
  signIn(accountKey: string): Promise<Authority>;
  /** Writes the TXT record, and waits until every name server knows it. */
  publish(texts: string[]): Promise<void>;
  /** Takes the TXT record away. */
  withdraw(): Promise<void>;
  now(): number;
  log(what: string): void;
};

/** What the account's secret holds: its key, and an order that is under way with the key it will have. */
type Account = { key: string; order?: { url: string; hostName: string; privateKey: string } };

/** @returns what was done. @throws Error when there is still no certificate that will do; the next run goes on */
export async function certify(deps: CertifyDeps): Promise<'not due' | 'renewed'> {
  const { hostName, log } = deps;
  const cause = renewalCause(await deps.readCertificate(), hostName, deps.now());
  if (cause === undefined) return 'not due';
  log(`a certificate for ${hostName} is needed: ${cause}`);

  const account = await accountOf(deps);
  const authority = await deps.signIn(account.key);
  const order = await orderOf(account, authority, deps);
  if (order.status === 'pending') await proveName(order.url, authority, deps);
  const chain = await authority.finish(order.url, hostName, order.privateKey);
  await keep({ chain, privateKey: order.privateKey }, account, deps);
  log(`the certificate for ${hostName} is stored`);
  return 'renewed';
}

async function accountOf({ readAccount, writeAccount, makeKey }: CertifyDeps): Promise<Account> {
  const kept = parseAccount(await readAccount());
  if (kept) return kept;
  const made = { key: makeKey() };
  // Before it is used: an account whose key is lost cannot be had back.
  await writeAccount(JSON.stringify(made));
  return made;
}

function parseAccount(text: string): Account | undefined {
  try {
    const account = JSON.parse(text) as Partial<Account>;
    return typeof account.key === 'string' ? (account as Account) : undefined;
  } catch {
    return undefined;
  }
}

/** The order that an earlier run left, if it can still become a certificate for this name; else a new one. */
async function orderOf(account: Account, authority: Authority, deps: CertifyDeps) {
  const { hostName, log } = deps;
  const { order: left } = account;
  const status = left?.hostName === hostName ? await authority.look(left.url) : undefined;
  if (left && status !== undefined && status !== 'invalid') {
    log(`going on with the order ${left.url}, which is ${status}`);
    return { ...left, status };
  }
  const url = await authority.order(hostName);
  const order = { url, hostName, privateKey: deps.makeKey() };
  // Before the certificate is asked for: a certificate whose key is lost would count against the authority's limits.
  await deps.writeAccount(JSON.stringify({ key: account.key, order } satisfies Account));
  return { ...order, status: (await authority.look(url)) ?? 'pending' };
}

async function proveName(url: string, authority: Authority, { publish, withdraw, log }: CertifyDeps): Promise<void> {
  const proofs = await authority.proofs(url);
  if (proofs.length === 0) return;
  try {
    await publish(proofs);
    await authority.prove(url);
  } finally {
    // It is nobody's business any more; a record that stays does no harm, so it must not hide what went wrong.
    await withdraw().catch((error: Error) => log(`the TXT record stays: ${error.message}`));
  }
}

async function keep(
  made: { chain: string; privateKey: string },
  { key }: Account,
  { hostName, writeCertificate, writeAccount, now }: CertifyDeps,
): Promise<void> {
  const text = formatCertificate(made);
  const fault = renewalCause(text, hostName, now());
  if (fault === undefined) await writeCertificate(text);
  // The order has done what it could. If the certificate will not do, another run must not fetch it again.
  await writeAccount(JSON.stringify({ key } satisfies Account));
  if (fault !== undefined) throw new Error(`the authority's certificate will not do: ${fault}`);
}
