/**
 * A certificate authority, spoken to by ACME (RFC 8555): an account signs in, orders, proves a host name by DNS (8.4), and
 * gets its chain. The library does nonces, signatures and waiting; what is kept between runs is the caller's.
 */
import { axios, Client, crypto } from 'acme-client';

/** Milliseconds for one answer; the library itself would wait for ever. */
const ANSWER_MS = 20_000;

export type AcmeOptions = {
  directoryUrl: string;
  /** Who is written to when a certificate has a problem. */
  email?: string | undefined;
  /** How often, and at what distances in milliseconds, an order is looked at until it has changed. */
  waits?: { attempts: number; min: number; max: number };
};

/** About two minutes: authorities look from several places, one after the other. */
const WAITS = { attempts: 16, min: 1_000, max: 10_000 };

type Order = Awaited<ReturnType<Client['getOrder']>>;

/** Signs in; an account that is not there yet is made, which says that its terms of service are agreed to (7.3). */
export async function signIn(accountKey: string, { directoryUrl, email, waits = WAITS }: AcmeOptions) {
  axios.defaults.timeout = ANSWER_MS;
  const client = new Client({
    directoryUrl,
    accountKey,
    backoffAttempts: waits.attempts,
    backoffMin: waits.min,
    backoffMax: waits.max,
  });
  await client.createAccount({
    termsOfServiceAgreed: true,
    ...(email !== undefined && { contact: [`mailto:${email}`] }),
  });
  const get = (url: string) => client.getOrder({ url } as Order);
  /** The challenges by DNS of an order that the authority has not seen met yet. */
  const open = async (url: string) =>
    (await client.getAuthorizations(await get(url)))
      .filter(({ status }) => status === 'pending')
      .map((authorization) => {
        const challenge = authorization.challenges.find(({ type }) => type === 'dns-01');
        if (!challenge) throw new Error(`the authority offers no dns-01 for ${authorization.identifier.value}`);
        return { authorization, challenge };
      });

  return {
    async order(hostName: string): Promise<string> {
      const { url } = await client.createOrder({ identifiers: [{ type: 'dns', value: hostName }] });
      return url;
    },
    async look(url: string) {
      try {
        return (await get(url)).status;
      } catch {
        // A 404, or no answer: in both cases asking for another order tells more.
        return undefined;
      }
    },
    proofs: async (url: string): Promise<string[]> =>
      Promise.all((await open(url)).map(({ challenge }) => client.getChallengeKeyAuthorization(challenge))),
    async prove(url: string): Promise<void> {
      for (const { authorization, challenge } of await open(url)) {
        await client.completeChallenge(challenge);
        await client.waitForValidStatus(authorization);
      }
    },
    async finish(url: string, hostName: string, privateKey: string): Promise<string> {
      const order = await get(url);
      if (order.status !== 'ready') return client.getCertificate(order);
      const [, request] = await crypto.createCsr({ commonName: hostName, altNames: [hostName] }, privateKey);
      return client.getCertificate(await client.finalizeOrder(order, request));
    },
  };
}
