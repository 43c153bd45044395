/** All rules, by provider; `any` holds for every provider, after its own. The first that matches is the one. */
import type { Rule } from '../rule.ts';
import { ADDRESSES, CODED_ADDRESSES } from './address.ts';
import { APPLE, COMCAST, COX, SPECTRUM } from './america.ts';
import { NETEASE, QQ } from './asia.ts';
import { CONTENTS } from './content.ts';
import { GMX, ORANGE } from './europe.ts';
import { BARRACUDA, MIMECAST, SESSION_COUNTERS } from './gateways.ts';
import { GENERIC } from './generic.ts';
import { GOOGLE } from './google.ts';
import { MICROSOFT } from './microsoft.ts';
import { RATES } from './rate.ts';
import { SENDERS } from './sender.ts';
import { YAHOO, YAHOO_JAPAN } from './yahoo.ts';

/** Under this name stand the rules for any provider. */
export const ANY = 'any';

export const RULES: Readonly<Record<string, readonly Rule[]>> = {
  google: GOOGLE,
  yahoo: YAHOO,
  'yahoo-japan': YAHOO_JAPAN,
  microsoft: MICROSOFT,
  microsoft365: MICROSOFT,
  apple: APPLE,
  comcast: COMCAST,
  cox: COX,
  spectrum: SPECTRUM,
  gmx: GMX,
  orange: ORANGE,
  laposte: ORANGE,
  netease: NETEASE,
  qq: QQ,
  mimecast: MIMECAST,
  barracuda: BARRACUDA,
  netvigator: SESSION_COUNTERS,
  kpn: SESSION_COUNTERS,
  [ANY]: [...CODED_ADDRESSES, ...RATES, ...SENDERS, ...CONTENTS, ...ADDRESSES, ...GENERIC],
};
