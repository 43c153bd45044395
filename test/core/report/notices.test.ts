/**
 * Notices without a delivery status, in the shapes of servers and gateways of many kinds and languages, written after what each is
 * known to send. Each from a mail system with an empty return path; recipients and classes must be right.
 */
import { expect, it } from 'vitest';
import { readReport } from '../../../core/report/index.ts';

const RET =
  'Received: from a.example by b.example; Thu, 1 Jan 2026 00:00:00 +0000\nFrom: shop@sender.example\nTo: other@elsewhere.example\nMessage-ID: <1@sender.example>\nSubject: Hello\n\nHello';
const UNKNOWN = 'Invalid Address';
const MAILBOX = 'Mailbox Unavailable';
const TROUBLE = 'Technical Failure';
const CONTENT = 'Content';
const SENDER = 'Reputation';

type Case = [
  server: string,
  from: string,
  subject: string,
  text: string,
  expected: [address: string, classification: string, event?: string][],
];

const CASES: Case[] = [
  [
    'smail3',
    'MAILER-DAEMON@mx.example (Mail Delivery System)',
    'mail failed, returning to sender',
    `|------------------------- Message log follows: -------------------------|
 no valid recipients were found for this message
|------------------------- Failed addresses follow: ---------------------|
 <one@example.com> ... unknown user
|------------------------- Message text follows: ------------------------|
${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'zmailer',
    'mailer-daemon@mx.example',
    'Delivery failure report',
    `This is a collection of reports about email delivery process concerning a message you originated.
FAILED:
 Original Recipient:
    rfc822;one@example.com
  Control data:
    smtp example.com one@example.com 99
  Diagnostic texts:
    <smtp; 550 5.1.1 <one@example.com>... User unknown>
Following is a copy of MESSAGE/DELIVERY-STATUS format section below.

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'groupwise',
    'System Administrator <Mailer-Daemon@gw.example>',
    'Message status - undeliverable',
    `The message that you sent was undeliverable to the following:
	one@example.com (user not found)
	two@example.com (mailbox is full)

Possibly truncated original message follows:

${RET}`,
    [
      ['one@example.com', UNKNOWN],
      ['two@example.com', MAILBOX],
    ],
  ],
  [
    'mdaemon',
    'MDaemon at mx.example <MDaemon@mx.example>',
    'Permanent Delivery Failure',
    `Your message has encountered delivery problems.

The following addressee(s) did NOT receive a copy of your message:
> one@example.com

The following data may contain a portion of the SMTP session transcript
which led to this failure.

: Message contains [1] file attachments
--- Session Transcript ---
 Thu 2026-01-01 00:00:00: Parsing message <xxxx.msg>
 Thu 2026-01-01 00:00:00: *  To: one@example.com
 Thu 2026-01-01 00:00:01: <-- 220 mx1.example.com ESMTP
 Thu 2026-01-01 00:00:01: --> EHLO mx.example
 Thu 2026-01-01 00:00:01: <-- 250 OK
 Thu 2026-01-01 00:00:01: --> RCPT To:<one@example.com>
 Thu 2026-01-01 00:00:01: <-- 550 No such user here
 Thu 2026-01-01 00:00:01: --> QUIT
--- End Transcript ---
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'courier',
    '"Courier mail server at mx.example" <>',
    'NOTICE: mail delivery status.',
    `This is a delivery status notification from mx.example,
running the Courier mail server, version 0.65.

The original message was received on Thu, 01 Jan 2026 00:00:00 +0000
from [192.0.2.1]

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<one@example.com>:
    mx.example.com [192.0.2.3]:
>>> RCPT TO:<one@example.com>
<<< 550 5.1.1 User unknown

---------------------------------------------------------------------------

If your message was also sent to additional recipients, their delivery
status is not included in this report.
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'kerio',
    'Mail Delivery Subsystem <mailer-daemon@mx.example>',
    'Undeliverable mail: Hello',
    `The message you sent could not be delivered to one or more recipients.

Failed recipients:
  one@example.com - Mailbox full

Reason: 552 5.2.2 Mailbox full
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'hmailserver',
    'mailer-daemon@mx.example',
    'Message undeliverable: Hello',
    `Your message did not reach some or all of the intended recipients.

   Sent: Thu, 1 Jan 2026 00:00:00 +0000
   Subject: Hello

The following recipient(s) could not be reached:

one@example.com
   Error Type: SMTP
   Remote server (192.0.2.3) issued an error.
   hMailServer sent: RCPT TO:<one@example.com>
   Remote server replied: 550 5.1.1 <one@example.com>: Recipient address rejected: User unknown


hMailServer
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'hmailserver host',
    'mailer-daemon@mx.example',
    'Message undeliverable: Hello',
    `Your message did not reach some or all of the intended recipients.

   Sent: Thu, 1 Jan 2026 00:00:00 +0000
   Subject: Hello

The following recipient(s) could not be reached:

one@example.com
   Error Type: DNS
   The domain example.com has no MX records
   The following mail servers could not be contacted
`,
    [['one@example.com', TROUBLE]],
  ],
  [
    'exchange 2003',
    'System Administrator <postmaster@ex.example>',
    'Undeliverable: Hello',
    `Your message

  To:      one@example.com
  Subject: Hello
  Sent:    Thu, 1 Jan 2026 00:00:00 +0000

did not reach the following recipient(s):

one@example.com on Thu, 1 Jan 2026 00:00:05 +0000
    The e-mail account does not exist at the organization this message was
sent to.  Check the e-mail address, or contact the recipient directly to
find out the correct address.
            <mx.example #5.1.1>
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'exchange 5.5',
    'System Administrator <postmaster@ex.example>',
    'Undeliverable: Hello',
    `Your message

  To:      one@example.com
  Subject: Hello
  Sent:    Thu, 1 Jan 2026 00:00:00 +0000

did not reach the following recipient(s):

One, User on Thu, 1 Jan 2026 00:00:05 +0000
    The recipient name is not recognized
	The MTS-ID of the original message is: c=us;a= ;p=example;l=EX-00
    MSEXCH:IMS:EXAMPLE:SITE:EX 3550 (000B09B6) 550 5.1.1 <one@example.com>... User unknown

`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'exchange 2007 german',
    'Microsoft Exchange <postmaster@ex.example>',
    'Unzustellbar: Hallo',
    `Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:

one@example.com
Die eingegebene E-Mail-Adresse konnte nicht gefunden werden. Überprüfen Sie die E-Mail-Adresse des Empfängers, und wiederholen Sie dann den Sendevorgang. Wenn das Problem weiterhin besteht, wenden Sie sich an Ihren Helpdesk.

Gesendet von Microsoft Exchange Server 2007

Diagnoseinformationen für Administratoren:

Generierender Server: ex.example

one@example.com
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##

Ursprüngliche Nachrichtenköpfe:

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'exchange 2007 french',
    'Microsoft Exchange <postmaster@ex.example>',
    'Non remis : Bonjour',
    `Échec de la remise pour ces destinataires ou listes de distribution :

one@example.com
La boîte aux lettres du destinataire est pleine et ne peut pas accepter de messages pour l'instant. Microsoft Exchange ne tentera plus de remettre ce message.

Informations de diagnostic pour les administrateurs :

Serveur de génération : ex.example

one@example.com
#< #5.2.2 smtp;550 5.2.2 STOREDRV.Deliver: mailbox full.> #SMTP#

En-têtes de message d'origine :

${RET}`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'exchange spanish',
    'Microsoft Exchange <postmaster@ex.example>',
    'No se puede entregar: Hola',
    `Error de entrega a estos destinatarios o listas:

one@example.com
Su mensaje es demasiado grande para entregarlo a este destinatario.

${RET}`,
    [['one@example.com', CONTENT]],
  ],
  [
    'domino',
    'Postmaster@ex.example',
    'DELIVERY FAILURE: User one (one@example.com) not listed in Domino Directory',
    `Your message

  Subject: Hello

was not delivered to:

  one@example.com

because:

  User one (one@example.com) not listed in Domino Directory
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'imail',
    'Postmaster <postmaster@ex.example>',
    'Undeliverable Mail',
    `Unknown user: one@example.com

Original message follows.

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'imail invalid host',
    'Postmaster <postmaster@ex.example>',
    'Undeliverable Mail',
    `undeliverable to one@example.com

Original message follows.

${RET}`,
    [['one@example.com', 'Unclassified']],
  ],
  [
    'mailenable',
    'Postmaster <postmaster@ex.example>',
    'Message Delivery Failure',
    `MailEnable: Message could not be delivered to some recipients.
The following recipient(s) could not be reached:

	Recipient: [SMTP:one@example.com]
	Reason: Remote SMTP Server Returned: 550 Mailbox not found


Message headers follow:

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'smartermail',
    'System Administrator <postmaster@ex.example>',
    'Delivery Failure',
    `Could not deliver message to the following recipient(s):

Failed Recipient: one@example.com
Reason: Remote host said: 550 5.1.1 User unknown

   -- The header and top 20 lines of the message follows --

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'sendmail old',
    'Mail Delivery Subsystem <MAILER-DAEMON@mx.example>',
    'Returned mail: User unknown',
    `The original message was received at Thu, 1 Jan 2026 00:00:00 GMT
from a.example [192.0.2.1]

   ----- The following addresses had permanent fatal errors -----
<one@example.com>
<two@example.org>

   ----- Transcript of session follows -----
... while talking to mx.example.com.:
>>> RCPT To:<one@example.com>
<<< 550 <one@example.com>... User unknown
550 <one@example.com>... User unknown
550 5.1.2 <two@example.org>... Host unknown (Name server: example.org: host not found)

   ----- Original message follows -----

${RET}`,
    [
      ['one@example.com', UNKNOWN],
      ['two@example.org', TROUBLE],
    ],
  ],
  [
    'sendmail warning',
    'Mail Delivery Subsystem <MAILER-DAEMON@mx.example>',
    'Warning: could not send message for past 4 hours',
    `    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

   ----- Transcript of session follows -----
<one@example.com>... Deferred: Connection timed out with mx.example.com.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
`,
    [['one@example.com', TROUBLE, 'deferred']],
  ],
  [
    'exim retry',
    'Mail Delivery System <Mailer-Daemon@mx.example>',
    'Mail delivery failed: returning message to sender',
    `This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  one@example.com
    host mx.example.com [192.0.2.3]: 450 4.2.0 <one@example.com>: Recipient address rejected: Greylisted:
    retry timeout exceeded

------ This is a copy of the message, including all the headers. ------

${RET}`,
    [['one@example.com', TROUBLE]],
  ],
  [
    'exim alias',
    'Mail Delivery System <Mailer-Daemon@mx.example>',
    'Mail delivery failed: returning message to sender',
    `This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  one@example.com
    (generated from alias@example.com)
    mailbox is full (MTA-imposed quota exceeded while writing to file /var/mail/one)

------ This is a copy of the message, including all the headers. ------

${RET}`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'qmail-ldap',
    'MAILER-DAEMON@mx.example',
    'failure notice',
    `Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<one@example.com>:
The message exceeded the maximum size the user accepts. (#5.2.3)

<two@example.com>:
Sorry, message has wrong owner. (#4.3.5)
I'm not going to try again; this message has been in the queue too long.

<three@example.com>:
Mailaddress is administrative disabled. (LDAP-ERR #220)

--- Below this line is a copy of the message.

${RET}`,
    [
      ['one@example.com', CONTENT],
      ['two@example.com', TROUBLE],
      ['three@example.com', MAILBOX],
    ],
  ],
  [
    'yahoo',
    'MAILER-DAEMON@yahoo.com',
    'Failure Notice',
    `Sorry, we were unable to deliver your message to the following address.

<one@example.com>:
Remote host said:
550 5.1.1 unknown or illegal alias: one@example.com
 [RCPT_TO]

--- Below this line is a copy of the message.

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'aol',
    'Mail Delivery Subsystem <MAILER-DAEMON@aol.com>',
    'Mail Delivery Problem',
    `Your mail is not delivered to the following recipient(s):

one@example.com -- The user's mailbox is full

${RET}`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'kddi',
    'no-reply@app.auone-net.jp',
    '=?iso-2022-jp?B?GyRCJWEhPCVrRUFBdyUoJWkhPBsoQg==?=',
    `以下のアドレスへの送信に失敗しました。

Could not be delivered to: <one@example.com>
As their mailbox is full.

${RET}`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'docomo',
    'mailer-daemon@docomo.ne.jp',
    'Mail System Error - Returned Mail',
    `以下のメールアドレスへの送信が失敗しました

Unknown User

The following recipients did not receive this message:

     <one@example.com>

Please reply to Postmaster@docomo.ne.jp
if you feel this message to be in error.
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'qq',
    'PostMaster@qq.com',
    '来自qq.com的退信',
    `原邮件信息
主题 Hello
时间 2026-01-01
无法发送到 one@example.com
退信原因 收件人邮件地址（one@example.com）不存在，邮件无法送达。
host mx.example.com said: 550 Mailbox not found

此外，您还可以 点击这里 获取更多关于退信的帮助信息。
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    '163',
    'Postmaster@163.com',
    '系统退信',
    `抱歉，您的邮件被退回来了……
原邮件信息：
时间：2026-01-01 00:00:00
主题：Hello
收件人：one@example.com
退信原因：收件人邮箱已满
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'mail.ru',
    'mailer-daemon@corp.mail.ru',
    'Mail failure.',
    `This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  one@mail.ru
    user not found

Это письмо создано автоматически
`,
    [['one@mail.ru', UNKNOWN]],
  ],
  [
    'yandex',
    'mailer-daemon@yandex.ru',
    'Недоставленное сообщение',
    `Это сообщение создано автоматически сервером mail.yandex.net.

К сожалению, мы вынуждены сообщить вам о том, что Ваше письмо не может
быть отправлено одному или нескольким адресатам. Технические подробности можно найти ниже.

<one@example.com>: host mx.example.com[192.0.2.3] said: 550 5.7.1 Message rejected under suspicion of SPAM (in reply to end of DATA command)
`,
    [['one@example.com', CONTENT]],
  ],
  [
    't-online',
    'MAILER-DAEMON@t-online.de',
    'Mail Delivery Failure',
    `Ihre E-Mail konnte nicht zugestellt werden.

|------------------------- Message log follows: -------------------------|
 no valid recipients were found for this message
|------------------------- Failed addresses follow: ---------------------|
 <one@example.com> ... transport smtp: 550-5.7.1 Mailbox exceeded its quota
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'gmx',
    'GMX Mailer Daemon <mailer-daemon@gmx.de>',
    'Mail delivery failed: returning message to sender',
    `This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"one@example.com":
SMTP error from remote server after RCPT command:
host: mx.example.com
5.1.1 <one@example.com>... User is unknown {mx-us010}

--- The header of the original message is following. ---

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'postini',
    'Mail Delivery System <MAILER-DAEMON@psmtp.com>',
    'Undelivered Mail Returned to Sender',
    `This is the Postini mail system.

The message to one@example.com was bounced.

The error that the other server returned was: 550 550 #5.1.0 Address rejected.
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'powermta',
    'postmaster@pmta.example',
    'Delivery report',
    `Hello, this is the mail server on pmta.example.

I am sending you this message to inform you on the delivery status of a
message you previously sent.  Immediately below you will find a list of
the affected recipients;  also attached is a Delivery Status Notification
(DSN) report in standard format, as well as the headers of the original
message.

  <one@example.com>  delivery failed; will not continue trying
`,
    [['one@example.com', 'Unclassified']],
  ],
  [
    'messagelabs',
    'postmaster@messagelabs.example',
    'Mail delivery failed',
    `This message was generated by the mail system at cluster.messagelabs.example

Your mail could not be delivered to

<one@example.com>

Reason: 553 mailbox quota exceeded
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'mimecast',
    'postmaster@mimecast.example',
    '[Postmaster] Email Delivery Failure',
    `This is a message from the Mimecast (R) service.

The email you sent to the following recipients has not been delivered:

one@example.com

Failure Reason: Remote server returned "550 5.1.1 User unknown"
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'mimecast2',
    'postmaster@mimecast.example',
    'Email Delivery Failure',
    `Your message To: one@example.com could not be delivered because it was rejected due to security policies.

The Message Details:
From: shop@sender.example
To: one@example.com
Subject: Hello
`,
    [['one@example.com', CONTENT]],
  ],
  [
    'interscan',
    'InterScan MSS <iscan@mx.example>',
    'Mail could not be delivered',
    `****** Message from InterScan Messaging Security Suite ******

Sent <<< RCPT TO:<one@example.com>
Received >>> 550 5.1.1 <one@example.com>... user unknown

Unable to deliver message to <one@example.com>.

************************     End of message     **********************
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'symantec av',
    'Symantec_AntiVirus_for_SMTP_Gateways@mx.example',
    'Virus Found in message "Hello"',
    `Symantec AntiVirus found a virus in an attachment you (shop@sender.example) sent to one@example.com.

To ensure the recipient(s) are able to use the files you sent, perform a virus scan on your computer, clean any infected files, then resend this attachment.

Attachment:  message.zip
Virus name: Eicar
Action taken:  Clean failed : Quarantine succeeded :
File status:  Infected
`,
    [['one@example.com', CONTENT]],
  ],
  [
    'barracuda',
    'Barracuda Spam Firewall <postmaster@barracuda.example>',
    '**Message you sent blocked by our bulk email filter**',
    `Your message to: one@example.com
was blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:

Subject: Hello
`,
    [['one@example.com', CONTENT]],
  ],
  [
    'verizon wireless',
    'post_master@vtext.example',
    'Undeliverable Message',
    `Message could not be delivered to mobile.
Error: No valid recipients for this MM

To: 5551234567@vtext.example
From: shop@sender.example
Subject: Hello
`,
    [['5551234567@vtext.example', UNKNOWN]],
  ],
  [
    'postfix text',
    'MAILER-DAEMON@mx.example (Mail Delivery System)',
    'Undelivered Mail Returned to Sender',
    `This is the Postfix program at host mx.example.

I'm sorry to have to inform you that your message could not be
be delivered to one or more recipients. It's attached below.

<one@example.com>: host mx.example.com[192.0.2.3] said: 452 4.3.1 Insufficient
    system storage (in reply to MAIL FROM command)

<two@example.com>: unknown user: "two"
`,
    [
      ['one@example.com', TROUBLE],
      ['two@example.com', UNKNOWN],
    ],
  ],
  [
    'o365 text html',
    'Microsoft Outlook <MicrosoftExchange329e71ec@ex.example>',
    'Undeliverable: Hello',
    `Delivery has failed to these recipients or groups:

one@example.com (one@example.com)<mailto:one@example.com>
Your message couldn't be delivered to the recipient because you don't have permission to send to it.

Ask the recipient's email admin to add you to the accept list for the recipient.

For more information, see DSN 5.7.129 Errors in Exchange Online and Office 365.

Diagnostic information for administrators:

Generating server: ex.example

one@example.com
Remote Server returned '550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized to send to recipient because the sender isn't on the recipient's list of senders to accept mail from'

${RET}`,
    [['one@example.com', SENDER]],
  ],
  [
    'dragonfly',
    'MAILER-DAEMON@mx.example',
    'Mail delivery failed',
    `This is the DragonFly Mail Agent v0.13 at mx.example.

There was an error delivering your mail to <one@example.com>.

mx.example.com [192.0.2.3] did not like our RCPT TO:
550 5.1.1 <one@example.com>: Recipient address rejected: User unknown

Original message follows.

${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'opensmtpd',
    'Mailer Daemon <MAILER-DAEMON@mx.example>',
    'Delivery status notification: error',
    `    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

one@example.com: 550 5.2.2 <one@example.com>... Mailbox Full

    Below is a copy of the original message:

${RET}`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'nullmailer',
    'MAILER-DAEMON@mx.example',
    'Returned mail: see transcript',
    `Hi. This is the mail delivery program.

Your message could not be sent to <one@example.com>: smtp: Permanent error: 554 Relay denied
`,
    [['one@example.com', TROUBLE]],
  ],
  [
    'facebook',
    'Facebook <mailer-daemon@mx.facebook.example>',
    'Sorry, your message could not be delivered',
    `This message was created automatically by Facebook.

Sorry, your message couldn't be sent to one@facebook.example. The person has restricted who can message them: 550 5.1.1 RCP-P1 http://postmaster.facebook.com/response_codes?ip=192.0.2.1#rcp
`,
    [['one@facebook.example', UNKNOWN]],
  ],
  [
    'james',
    'postmaster@james.example',
    'Re: Hello',
    `Message body of error

MailRecipients:
one@example.com

Error message below:
550 - Requested action not taken: no such user here
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'communigate',
    '<MAILER-DAEMON@cgp.example>',
    'Undeliverable mail: Hello',
    `Failed to deliver to 'one@example.com'
SMTP module(domain example.com) reports:
 host mx.example.com says:
 550 5.1.1 unknown user
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'communigate local',
    '<MAILER-DAEMON@cgp.example>',
    'Undeliverable mail: Hello',
    `Failed to deliver to '<one@example.com>'
LOCAL module(account one) reports:
 account is full (quota exceeded)
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'zimbra',
    'MAILER-DAEMON@z.example (Mail Delivery System)',
    'Undelivered Mail Returned to Sender',
    `This is the mail system at host z.example.

<one@example.com>: host z.example[192.0.2.3] said: 452 4.2.2
    Over quota (in reply to end of DATA command)
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'mailman bounce fwd',
    'mailer-daemon@x400.example',
    'Delivery Report (failure) for one@example.com',
    `This report relates to your message:
Subject: Hello,
of Thu, 1 Jan 2026 00:00:00 +0000

Your message was not delivered to   one@example.com
for the following reason:
User not known at this site
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'vines',
    'postmaster@v.example',
    'Undeliverable Message',
    `To:            one@example.com
Cc:
Subject:       Hello

Message not delivered to recipients below.  Press F1 for help with VNM
error codes.

	VNM3043:  one@example.com

VNM3043 -- MAILBOX IS FULL

The message cannot be delivered because the recipient's mailbox is full.
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'compuserve',
    'CompuServe Postmaster <auto.reply@compuserve.example>',
    'Undeliverable message',
    `Your message could not be delivered for the following reason:

  Invalid receiver address: one@compuserve.example

--- Returned message ---

${RET}`,
    [['one@compuserve.example', UNKNOWN]],
  ],
  [
    'italian postfix',
    'Sistema di consegna <MAILER-DAEMON@it.example>',
    'Messaggio non consegnato: Ciao',
    `Il messaggio non può essere recapitato al seguente destinatario:

<one@example.com>: la casella di posta del destinatario è piena
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'polish',
    'Mail Delivery System <MAILER-DAEMON@pl.example>',
    'Niedostarczona wiadomość',
    `Nie można dostarczyć wiadomości do następujących odbiorców:

one@example.com
  nie ma takiego użytkownika
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'korean',
    'Mail System <postmaster@kr.example>',
    '메일 전송 실패 안내',
    `메일이 전송되지 않았습니다.

받는 사람: one@example.com
실패 사유: 존재하지 않는 사용자입니다 (User unknown)
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'turkish',
    'Mail System <postmaster@tr.example>',
    'Teslim edilemeyen ileti',
    `İletiniz aşağıdaki alıcıya teslim edilemedi:

one@example.com: alıcı bulunamadı
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'portuguese',
    'Sistema de correio <MAILER-DAEMON@br.example>',
    'Mensagem não entregue',
    `Não foi possível entregar sua mensagem ao destinatário abaixo:

one@example.com
Motivo: caixa postal cheia
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'dutch',
    'Mailbezorgsysteem <MAILER-DAEMON@nl.example>',
    'Onbestelbaar: Hallo',
    `Uw bericht kon niet worden bezorgd bij de volgende ontvangers:

one@example.com
Het e-mailadres bestaat niet.
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'swedish',
    'Postmaster <postmaster@se.example>',
    'Kunde inte levereras: Hej',
    `Ditt meddelande kunde inte levereras till följande mottagare:

one@example.com
Mottagaren finns inte.
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'russian exchange',
    'Microsoft Exchange <postmaster@ru.example>',
    'Не удается доставить: Привет',
    `Сбой доставки следующим получателям или группам:

one@example.com
Почтовый ящик получателя переполнен и не может принимать сообщения.
`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'czech',
    'Mail Delivery System <MAILER-DAEMON@cz.example>',
    'Nedoručitelná zpráva',
    `Vaši zprávu se nepodařilo doručit následujícím příjemcům:

one@example.com
Uživatel neexistuje.
`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'amavis',
    '"Content-filter at mx.example" <postmaster@mx.example>',
    'VIRUS (Eicar) in mail FROM YOU',
    `VIRUS ALERT\n\nOur content checker found\n    virus: Eicar-Test-Signature\n\nin your email to the following recipient:\n-> one@example.com\n\nDelivery of the email was stopped!\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'amavis spam',
    '"Content-filter at mx.example" <postmaster@mx.example>',
    'Considered UNSOLICITED BULK EMAIL, apparently from you',
    `A message from <shop@sender.example> to:\n-> one@example.com\n\nwas considered unsolicited bulk e-mail (UBE).\n\nOur internal reference code for your message is 01234-01/xyz\n\nDelivery of the email was stopped!\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'amavis banned',
    '"Content-filter at mx.example" <postmaster@mx.example>',
    'BANNED contents from you (.exe,setup.exe)',
    `BANNED CONTENTS ALERT\n\nOur content checker found\n    banned name: .exe,setup.exe\n\nin email presumably from you <shop@sender.example>\nto the following recipient:\n-> one@example.com\n\nDelivery of the email was stopped!\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'mailscanner',
    'MailScanner <postmaster@mx.example>',
    'Warning: E-mail viruses detected',
    `Our virus detector has just been triggered by a message you sent:-\n  To: one@example.com\n  Subject: Hello\n  Date: Thu Jan 1 00:00:00 2026\n\nOne or more of the attachments are on\nthe list of unacceptable attachments for this site and will not have\nbeen delivered.\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'netwinsite surgemail',
    'Mail Delivery <postmaster@s.example>',
    'Failed mail: 550 user unknown',
    `Your mail could not be delivered to the recipient(s)\n\nFailed: one@example.com\n550 user unknown\n\n${RET}`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'axigen',
    'Mail Delivery Subsystem <postmaster@ax.example>',
    'Mail delivery failed: Hello',
    `The following recipients could not be reached:\n\n  'one@example.com' on Thu, 1 Jan 2026\n     The mailbox of the recipient is full: 552 5.2.2\n`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'lsoft',
    '"L-Soft list server" <LISTSERV@l.example>',
    'Message ("Your message dated Thu...")',
    `Your message is being returned to you unprocessed because it appears to have already been distributed to the LIST list.\n`,
    [],
  ],
  [
    'icloud',
    'Mail Delivery System <MAILER-DAEMON@me.example>',
    'Delivery Notification: Delivery has failed',
    `This report relates to a message you sent with the following header fields:\n\n  Message-id: <1@sender.example>\n  Date: Thu, 01 Jan 2026\n  From: shop@sender.example\n  To: one@example.com\n  Subject: Hello\n\nYour message cannot be delivered to the following recipients:\n\n  Recipient address: one@example.com\n  Reason: Remote SMTP server has rejected address\n  Diagnostic code: smtp;550 5.1.1 unknown or illegal alias: one@example.com\n  Remote system: dns;mx.example.com (TCP|1|2|3|4)\n`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'sun overquota',
    'Internet Mail Delivery <postmaster@sun.example>',
    'Delivery Notification: Delivery has failed',
    `Your message cannot be delivered to the following recipients:\n\n  Recipient address: one@ims-ms-daemon\n  Original address: one@example.com\n  Reason: Over quota\n`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'aol old',
    'Mail Delivery Subsystem <MAILER-DAEMON@aol.example>',
    'Returned mail: User unknown',
    `The original message was received at Thu, 1 Jan 2026 00:00:00 -0500\nfrom a.example [192.0.2.1]\n\n\n*** ATTENTION ***\n\nYour e-mail is being returned to you because there was a problem with its\ndelivery.  The address which was undeliverable is listed in the section\nlabeled: "----- The following addresses had permanent fatal errors -----".\n\n     ----- The following addresses had permanent fatal errors -----\n<one@aol.example>\n\n     ----- Transcript of session follows -----\n... while talking to air-xn02.mail.aol.example.:\n>>> RCPT To:<one@aol.example>\n<<< 550 MAILBOX NOT FOUND\n550 <one@aol.example>... User unknown\n`,
    [['one@aol.example', UNKNOWN]],
  ],
  [
    'vmailer host',
    'MAILER-DAEMON@mx.example',
    'Returned mail: Host unknown (Name server: nohost.example: host not found)',
    `The original message was received at Thu\n\n   ----- The following addresses had permanent fatal errors -----\n<one@nohost.example>\n\n   ----- Transcript of session follows -----\n550 <one@nohost.example>... Host unknown (Name server: nohost.example: host not found)\n`,
    [['one@nohost.example', TROUBLE]],
  ],
  [
    'sendmail service',
    'MAILER-DAEMON@mx.example',
    'Returned mail: Service unavailable',
    `   ----- The following addresses had permanent fatal errors -----\n<one@example.com>\n    (reason: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org)\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.com.:\n>>> DATA\n<<< 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org\n554 5.0.0 Service unavailable\n<<< 554 Error: no valid recipients\n`,
    [['one@example.com', SENDER]],
  ],
  [
    'sendmail expired',
    'MAILER-DAEMON@mx.example',
    'Returned mail: Cannot send message for 5 days',
    `   ----- The following addresses had permanent fatal errors -----\n<one@example.com>\n\n   ----- Transcript of session follows -----\n451 one@example.com: reply: read error from mx.example.com.\n<one@example.com>... Deferred: Connection timed out with mx.example.com.\nMessage could not be delivered for 5 days\nMessage will be deleted from queue\n`,
    [['one@example.com', TROUBLE]],
  ],
  [
    'qmail quota',
    'MAILER-DAEMON@mx.example',
    'failure notice',
    `Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<one@example.com>:\nuser is over quota\n\n--- Below this line is a copy of the message.\n\n${RET}`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'qmail tls',
    'MAILER-DAEMON@mx.example',
    'failure notice',
    `Hi. This is the qmail-send program at mx.example.\n\n<one@example.com>:\nConnected to 192.0.2.3 but greeting failed.\nRemote host said: 554 5.7.1 Your IP is listed in a blocklist\n\n--- Below this line is a copy of the message.\n\n${RET}`,
    [['one@example.com', SENDER]],
  ],
  [
    'exim ratelimit',
    'Mail Delivery System <Mailer-Daemon@mx.example>',
    'Mail delivery failed: returning message to sender',
    `This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  one@example.com\n    Domain sender.example has exceeded the max emails per hour (150/150 (100%)) allowed.  Message discarded.\n\n------ This is a copy of the message, including all the headers. ------\n\n${RET}`,
    [['one@example.com', 'Frequency or Volume Too High']],
  ],
  [
    'exim two',
    'Mail Delivery System <Mailer-Daemon@mx.example>',
    'Mail delivery failed: returning message to sender',
    `A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  one@example.com\n    SMTP error from remote mail server after RCPT TO:<one@example.com>:\n    host mx.example.com [192.0.2.3]: 550 5.1.1 <one@example.com>:\n    Recipient address rejected: User unknown\n  two@nohost.example\n    Unrouteable address\n\n------ This is a copy of the message, including all the headers. ------\n\n${RET}`,
    [
      ['one@example.com', UNKNOWN],
      ['two@nohost.example', TROUBLE],
    ],
  ],
  [
    'yahoo jp',
    'MAILER-DAEMON@yahoo.example',
    'failure delivery',
    `Message from yahoo.example.\nUnable to deliver message to the following address(es).\n\n<one@yahoo.example>:\n192.0.2.3 failed after I sent the message.\nRemote host said: 552 5.2.2 mailbox full\n\n--- Original message follows.\n\n${RET}`,
    [['one@yahoo.example', MAILBOX]],
  ],
  [
    'tencent',
    'postmaster@qq.example',
    '系统退信/Systems bounce',
    `您发往 one@example.com 的邮件被退回。\n退信原因：\n550 Mail content denied\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'naver',
    'postmaster@naver.example',
    '[발송실패 안내] one@example.com로 메일이 전송되지 못했습니다.',
    `메일 발송에 실패하였습니다.\n\n받는사람 : one@example.com\n실패사유 : 수신자 메일함 용량 초과\n`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'rediff',
    'MAILER-DAEMON@rediff.example',
    'failure notice',
    `Hi. This is the deliver program at rediff.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<one@rediff.example>:\nThis user doesn't have an account. (#5.1.1)\n`,
    [['one@rediff.example', UNKNOWN]],
  ],
  [
    'libero',
    'Mail Delivery System <MAILER-DAEMON@libero.example>',
    'Undelivered Mail Returned to Sender',
    `Il messaggio non è stato consegnato.\n\n<one@libero.example>: host mx.libero.example[192.0.2.3] said: 550 RCPT TO:<one@libero.example> User unknown (in reply to RCPT TO command)\n`,
    [['one@libero.example', UNKNOWN]],
  ],
  [
    'web.de',
    'mailer-daemon@web.example',
    'Mail delivery failed: returning message to sender',
    `Diese Nachricht wurde automatisch erstellt.\n\nEine von Ihnen gesendete Nachricht konnte nicht an einen oder mehrere Empfänger zugestellt werden.\nDie folgenden Adressen sind fehlgeschlagen:\n\none@example.com:\nSMTP error from remote server for RCPT TO command, host: mx.example.com (192.0.2.3) reason: 550 5.1.1 User unknown\n`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'o365 german',
    'Microsoft Outlook <postmaster@outlook.example>',
    'Unzustellbar: Hallo',
    `Ihre Nachricht an one@example.com konnte nicht zugestellt werden.\n\none wurde unter example.com nicht gefunden.\n\nshop    Office 365    one\nAktion erforderlich     Empfänger\nUnbekannte Empfängeradresse\n`,
    [['one@example.com', UNKNOWN]],
  ],
  [
    'o365 french',
    'Microsoft Outlook <postmaster@outlook.example>',
    'Non remis : Bonjour',
    `Votre message à one@example.com n'a pas pu être remis.\n\nLe domaine example.com est introuvable.\n`,
    [['one@example.com', TROUBLE]],
  ],
  [
    'gmail dns',
    'Mail Delivery Subsystem <mailer-daemon@googlemail.example>',
    'Delivery Status Notification (Failure)',
    `** Address not found **\n\nYour message wasn't delivered to one@nohost.example because the domain nohost.example couldn't be found. Check for typos or unnecessary spaces and try again.\n`,
    [['one@nohost.example', TROUBLE]],
  ],
  [
    'gmail inbox full',
    'Mail Delivery Subsystem <mailer-daemon@googlemail.example>',
    'Delivery Status Notification (Failure)',
    `** Recipient inbox full **\n\nYour message couldn't be delivered to one@example.com. Their inbox is full, or it's getting too much mail right now.\n`,
    [['one@example.com', MAILBOX]],
  ],
  [
    'gmail blocked',
    'Mail Delivery Subsystem <mailer-daemon@googlemail.example>',
    'Delivery Status Notification (Failure)',
    `** Message blocked **\n\nYour message to one@example.com has been blocked. See technical details below for more information.\n\nThe response was:\n\n554 5.7.1 Message rejected because of spam content\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'proofpoint',
    'Mail Delivery Subsystem <MAILER-DAEMON@pphosted.example>',
    'Undeliverable: Hello',
    `Your message could not be delivered to: one@example.com\n\nReason: 550 5.7.0 Local Policy Violation\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'fortimail',
    'FortiMail <postmaster@forti.example>',
    'Delivery failure',
    `The message to <one@example.com> was rejected:\n550 5.7.1 Virus detected\n`,
    [['one@example.com', CONTENT]],
  ],
  [
    'lotus smtp mta',
    'Mail Router <postmaster@ln.example>',
    'Report to Sender',
    `Incident Information:-\n\nOriginator:     shop@sender.example\nRecipients:    one@example.com\nSubject:  Hello\n\nMessage from shop@sender.example was quarantined because it contained banned content.\n`,
    [['one@example.com', CONTENT]],
  ],
];

/** RFC 2047: a header field is ASCII. */
const encoded = (text: string): string =>
  /[^ -~]/.test(text) ? `=?utf-8?B?${Buffer.from(text).toString('base64')}?=` : text;

it.each(CASES)('%s', (_server, from, subject, text, expected) => {
  const fields = ['Return-Path: <>', `From: ${from}`, 'To: shop@sender.example', `Subject: ${encoded(subject)}`];
  const report = readReport(Buffer.from(`${fields.join('\n')}\nContent-Type: text/plain; charset=utf-8\n\n${text}`));
  const read = 'recipients' in report ? report.recipients : [];
  expect(read.map((one) => [one.address, one.classification, one.event])).toEqual(
    expected.map(([address, classification, event = 'bounced']) => [address, classification, event]),
  );
});
