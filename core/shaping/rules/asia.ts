/** NetEase (163, 126, yeah.net) and QQ. */
import type { Rule } from '../rule.ts';
import { HALVE, NAMED, ONE_CONNECTION, pause } from './acts.ts';

const RATE = 'Frequency or Volume Too High';

/** help.mail.163.com: two letters for who refuses, three for why. */
export const NETEASE: readonly Rule[] = [
  {
    name: 'netease-spam-deferred',
    match: /^4\d\d .{0,20}\bDT:SPM\b/,
    sample: '451 DT:SPM 163 mx28,QMCowECpA0ykR1ZjAAAAAA--.5S2 1666598821, please try again later',
    classification: 'Content',
    act: pause(15),
  },
  {
    name: 'netease-spam',
    match: /^5\d\d .{0,20}\bDT:SPM\b/,
    sample:
      '554 DT:SPM 163 smtp10,DsCowADH1MxWegtcyxFjDw--.48939S2 1544256086,please see http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.1&hostid=smtp10&time=1544256086',
    classification: 'Content',
    act: ONE_CONNECTION,
  },
  {
    name: 'netease-connections',
    match: /too many connections|\bHL:(?:ICC|MEP)\b/i,
    sample: '421 Too many connections 163 mx6',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'netease-daily-limit',
    match: /\b(?:HL:(?:ITC|IFQ)|RP:(?:ORQ|TRC|QRC|RCL))\b/,
    sample:
      '554 HL:ITC 163 mx40,QcCowECJJEQPR1ZjAAAAAA--.S2 1666598671 http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.1',
    event: 'deferred',
    classification: RATE,
    act: pause(60),
  },
  {
    name: 'netease-sender',
    match: /\bMI:(?:SPB|SPF|DMC|DMA|STC|NHD|IMF)\b/,
    sample: '550 MI:SPF 163 mx14,QMCowAC3v0ykR1ZjAAAAAA--.5S3 1666598821 http://mail.163.com/help/help_spam_16.htm',
    classification: 'Reputation',
  },
  {
    name: 'netease-unknown',
    match: /\bUser not found\b/i,
    stages: NAMED,
    sample: '550 User not found: x@163.com',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];

/** service.mail.qq.com */
export const QQ: readonly Rule[] = [
  {
    name: 'qq-rate',
    match: /\b(?:ip|sender|domain|connection) frequency limited/i,
    sample:
      '550 Ip frequency limited [V2VkIEFwciAgMyAxNjozNjo1OSBKU1QgMjAxOQo=/RkNGMjlFQTVEQ0E Blocked IP 192.0.2.1]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725',
    event: 'deferred',
    classification: RATE,
    act: pause(60),
  },
  {
    name: 'qq-connections',
    match: /too many connections|connection denied/i,
    sample: '550 Connection denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000723',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'qq-content',
    match: /mail content denied|suspected (?:spam|bounce)/i,
    sample: '550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726',
    classification: 'Content',
    act: HALVE,
  },
  {
    name: 'qq-sender',
    match: /mail is rejected by recipients|spf check failed|dmarc check failed/i,
    sample: '550 SPF check failed. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1001507',
    classification: 'Reputation',
  },
  {
    name: 'qq-unknown',
    match: /mailbox (?:unavailable or access denied|not found)/i,
    stages: NAMED,
    sample: '550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];
