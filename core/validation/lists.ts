/**
 * What is known of addresses by their words alone: local parts that are an office and no person, services whose addresses live for minutes, and
 * the domains that most people's mailboxes are at, for the slips of those who type them. Written by us, from what such services say of
 * themselves; settings add to the second (`validation.disposableDomains`).
 */

/** RFC 2142, and what firms have beside it. */
export const ROLES: ReadonlySet<string> = new Set(
  `abuse accounting accounts admin administrator all billing booking bookings career careers compliance contact customerservice
  datenschutz devnull dns dpo editor empfang enquiries enquiry everyone feedback finance ftp hello help helpdesk hostmaster hr humanresources
  info inquiries inquiry invoice invoices it jobs kontakt legal list list-request mail mailer-daemon marketing media news newsletter no-reply
  nobody noc noreply office orders partners payments payroll phish phishing postmaster press privacy purchasing recruiting recruitment
  reservations root sales security service shop spam staff subscribe support sysadmin team tech usenet unsubscribe uucp verwaltung webmaster www`
    .trim()
    .split(/\s+/),
);

/** With all their subdomains. */
export const DISPOSABLE: ReadonlySet<string> = new Set(
  `0-mail.com 10minutemail.com 10minutemail.net 20minutemail.com 33mail.com anonbox.net armyspy.com binkmail.com bobmail.info
  burnermail.io chammy.info cuvox.de dayrep.com deadaddress.com discard.email discardmail.com discardmail.de dispostable.com
  dropmail.me einrot.com emailfake.com emailondeck.com emailsensei.com emailtemporario.com.br fakeinbox.com fakemail.net fakemailgenerator.com
  fleckens.hu getairmail.com getnada.com gishpuppy.com grr.la guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.info
  guerrillamail.net guerrillamail.org guerrillamailblock.com gustr.com harakirimail.com inboxbear.com inboxkitten.com incognitomail.org
  jetable.org jourrapide.com kasmail.com mail-temp.com mail-temporaire.fr mailcatch.com maildrop.cc mailexpire.com mailforspam.com
  mailinator.com mailinator.net mailinator2.com mailnesia.com mailnull.com mailpoof.com mailsac.com mailtemp.info meltmail.com mintemail.com
  moakt.com mohmal.com mt2015.com mytemp.email mytrashmail.com nada.email nospamfor.us notmailinator.com owlymail.com pokemail.net
  reallymymail.com rhyta.com sharklasers.com sneakemail.com sogetthis.com spam4.me spambog.com spambox.us spamcero.com spamex.com
  spamfree24.org spamgourmet.com spamhole.com superrito.com suremail.info tempail.com tempinbox.com tempmail.dev tempmail.net tempmail.plus
  tempmailaddress.com tempmailo.com temp-mail.io temp-mail.org tempr.email teleworm.us thisisnotmyrealemail.com throwawaymail.com
  trash-mail.com trashmail.com trashmail.de trashmail.me trashmail.net trbvm.com wegwerfemail.de wegwerfmail.de wegwerfmail.net
  wegwerfmail.org yopmail.com yopmail.fr yopmail.net zippymail.info zoemail.org`
    .trim()
    .split(/\s+/),
);

/** What a slip of one letter may have been meant to be. */
export const COMMON: readonly string[] = [
  'gmail.com',
  'googlemail.com',
  'yahoo.com',
  'yahoo.co.uk',
  'yahoo.fr',
  'hotmail.com',
  'hotmail.co.uk',
  'hotmail.fr',
  'outlook.com',
  'live.com',
  'icloud.com',
  'aol.com',
  'comcast.net',
  'gmx.de',
  'gmx.net',
  'web.de',
  't-online.de',
  'orange.fr',
  'wanadoo.fr',
  'libero.it',
  'proton.me',
  'protonmail.com',
  'yandex.ru',
  'mail.ru',
  'verizon.net',
  'att.net',
  'fastmail.com',
];

/** Domains with mailboxes that look like a slip for one of those. */
export const REAL: ReadonlySet<string> = new Set([
  ...COMMON,
  'email.com',
  'fmail.com',
  'gmx.at',
  'gmx.ch',
  'gmx.com',
  'gmx.fr',
  'gmx.us',
  'hotmail.be',
  'hotmail.de',
  'hotmail.es',
  'hotmail.it',
  'live.co',
  'live.de',
  'live.fr',
  'mail.com',
  'mail.de',
  'mac.com',
  'me.com',
  'outlook.co',
  'protonmail.ch',
  'rocketmail.com',
  'yahoo.ca',
  'yahoo.de',
  'yahoo.es',
  'yahoo.in',
  'yahoo.it',
  'yandex.com',
  'ymail.com',
]);
