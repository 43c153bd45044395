/**
 * What user agents say of themselves, as data: programs that load pixels and links without a reader, and what readers use. Written from
 * how such programs name themselves; `npm run bench:agents` measures the rules against two public collections, which are no part of them.
 */

/** Why a load is taken for a machine's. */
export type Machine =
  /** Apple's Mail Privacy Protection loads every image, whether or not the mail is read. */
  | 'apple-privacy'
  /** A mail provider's proxy that loads ahead. */
  | 'prefetch'
  /** A crawler, monitor, preview or archive, by its name. */
  | 'crawler'
  /** A security product that looks where links lead. */
  | 'scanner'
  /** A library or tool for HTTP, or no name at all. */
  | 'program'
  /** A browser by its name, but its request is none that a browser sends. */
  | 'disguised';

export type MachineRule = { machine: Machine; pattern: RegExp; sample: string };

/** In order; the first that matches says why. Each with a user agent that it is there for. */
export const MACHINE_RULES: readonly MachineRule[] = [
  { machine: 'apple-privacy', pattern: /^Mozilla\/5\.0$/, sample: 'Mozilla/5.0' },
  {
    machine: 'prefetch',
    // Gmail's own, beside its image proxy that loads for a reader.
    pattern: /Edge\/12\.246 Mozilla\/5\.0$/,
    sample:
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0',
  },
  {
    machine: 'scanner',
    pattern:
      /barracuda|proofpoint|mimecast|messagelabs|fireeye|trend ?micro|symantec|forcepoint|websense|sophos|mcafee|ironport|safelinks|urldefense|phish|virustotal|malware|clamav|bitdefender|kaspersky|zscaler|cisco-?umbrella|netcraft|cloudmark|vade ?secure|spamhaus/i,
    sample: 'BarracudaCentral.org Link Checker',
  },
  {
    machine: 'crawler',
    // Names that end in what they are: Googlebot, bingbot, YandexBots, Baiduspider. Not Cubot, a make of phones.
    pattern:
      /(?<!\bcu)bots?(?![a-z])|(?<!\bcu)bot[\d/_-]|crawl|spider|slurp|scrap(er|y|ing)|robot|ia_archiver|archive[r.]|wayback/i,
    sample: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  },
  {
    machine: 'crawler',
    pattern:
      /monitor|uptime|pingdom|statuscake|site24x7|datadog|newrelic|nagios|zabbix|watchdog|validator|w3c_|lighthouse|pagespeed|gtmetrix|ptst\/|webpagetest|speedcurve|catchpoint|headless|phantomjs|slimerjs|selenium|puppeteer|playwright|prerender|censys|nuclei|nessus|qualys|zgrab|facebookexternalhit|facebookcatalog|meta-external|mediapartners|apis-google|feedfetch|feedburner|google-(read|safety|producer|inspection|extended|other|ads|agent|physical|site|adwords|web)|googleagent|bingpreview|\bgpt|chatgpt|claude|anthropic|openai|perplexity|bytedance|diffbot|\bips-agent\b|archive\.org|yandex(images|video|media|blogs|news|metrika|direct|favicons|webmaster|pagechecker|market|accessibility|turbo|verticals|rca|render|userproxy)/i,
    sample:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36',
  },
  {
    machine: 'crawler',
    // `compatible` and then a name: browsers have said so of themselves, but there were few.
    pattern:
      /\(compatible; ?(?! |MSIE|Konqueror|Opera|Googlebot-Mobile\b|Nokia|IBrowse|AvantGo|Maemo|NetFront|Polaris|Teleca|PalmOS|Windows|iCab|Linux|X11|Symbian)/,
    sample: 'Mozilla/5.0 (compatible; Twingly Recon; twingly.com)',
  },
  {
    machine: 'crawler',
    // A product behind the browser's own that is no browser's: a site's name, or `Name/1.0` on a desktop.
    pattern:
      /(Windows NT|Macintosh|X11)[^)]*\)(.*like Gecko\))? .*(Safari|Firefox)\/[\d.]+;? \(?(?!Edg|OPR|OPX|Vivaldi|YaBrowser|Brave|Iron|Comodo|Dragon|Whale|QQ|MetaSr|SE |LBBROWSER|BIDU|Maxthon|UBrowser|Coc|Avast|AVG|CCleaner|Avira|Puffin|Sleipnir|Epiphany|Midori|Konqueror|Ubuntu|Debian|Fedora|Fluid|NetNewsWire|Lunascape|Navigator|Flock|SeaMonkey|GTB|IceDragon|PaleMoon|Waterfox|Light|OviBrowser|Sidekick|Yowser|Atom|AOL|DuckDuckGo|Ddg|Ecosia|Norton|Falkon|Otter|Viv|Silk|Teams|Swing|Nichrome|U2|QIHU|Qaxbrowser|SLBrowser|Quark|Cyberfox|GNUzilla|\(\.NET|\.NET|Kylo|Swiftfox|Palemoon|Basilisk|Mozilla|Chrome|Mobile|Safari|Gecko|Version|TV|Google Earth|Evolution|Firefox|wp-|Wyzo|Novarra|Namoroka|Songbird|Zune)[A-Za-z][\w.-]*([/) ]|$)/,
    sample:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36 Scope3/2.0 (scope3.com)',
  },
];

/**
 * What follows is said of programs that name nothing that a reader holds: old telephones tell much of themselves, Java among it, and
 * apps may be called anything.
 */
export const HELD =
  /MIDP|CLDC|UCWEB|UC ?Browser|BREW|Obigo|Teleca|NetFront|SyncML|Symbian|Series ?[46]0|Android(?! ?bot)|Dalvik|\bAdr\b|iPhone|iPad|iPod|iOS|CFNetwork|BlackBerry|Windows (Phone|CE|Mobile)|IEMobile|watchOS|DoCoMo|KDDI|J-PHONE|Vodafone|SoftBank|UP\.Browser|Nokia|LG[E-]?|SAMSUNG|SonyEricsson|Sony|HTC|Huawei|Alcatel|ZTE|Motorola|MOT-|Sagem|SIE-|Philips|Panasonic|Lenovo|Kindle|PlayStation|Nintendo|Xbox|Roku|webOS|Palm|Dreamcast|\bTV\b|Tizen|BADA/i;

/** In order, after the others; only where HELD does not match. */
export const NAME_RULES: readonly MachineRule[] = [
  {
    machine: 'crawler',
    // Who gives a page or a mailbox for complaints is a program.
    pattern:
      /\+?https?:\/\/|\bwww\.[a-z]|\b[\w.+-]+@[\w-]+\.[a-z]{2,}|\bcontact\b|[([]at[)\]]|\w\.(com|io|ai|org|net)\b/i,
    sample: 'ExampleFetcher/1.0 (+https://fetcher.example/about)',
  },
  {
    machine: 'program',
    pattern:
      /\b(curl|wget|libwww|lwp-|python|urllib|aiohttp|httpx|java\/|jakarta|apache-http|okhttp|go-http|axios|node-fetch|undici|guzzle|php\/|perl|ruby|winhttp|httpclient|http_request|http-client|libcurl|restsharp|postman|insomnia|httpie|reqwest|dart\/|deno\/|bun\/|faraday|mechanize|nutch|heritrix|httrack|powershell|wordpress|drupal|jetpack|coldfusion|(indy )?library)\b/i,
    sample: 'Wget/1.21.4',
  },
  {
    machine: 'crawler',
    pattern:
      /preview|snippet|unfurl|embedly|iframely|linkedin|pinterest\/|skypeuri|tumblr|\bfeed|feed(er|ly|bin|\b)|\brss|newsblur|\bsearch|index(er|ing)|fetch|harvest|collect|download|mirror|sucker|grab|extract|analy[sz]|research|\bseo|seo\b|\bscan|scan(ner|ning|\b)|audit|inspect|verif|discover|capture|screenshot|thumb|favicon|sitemap|backlink|domain|probe|\bagent\b|agent\b|check|link(dex|walk|valet|sleuth|tiger)|expand|shorten|resolver|translate|optimi[sz]er|security|synthetic|finder|watch(er|towr)/i,
    sample:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/76.0.3809.87 Safari/537.36 LinkTiger',
  },
  {
    machine: 'program',
    // A name, and nothing of a system or a browser: all that readers use tells at least one of them.
    pattern:
      /^(?![A-Za-z-]+[-. ]?[A-Z-]{0,4}\d[\w-]*$)(?!.*(Mozilla|Opera|Windows|Macintosh|Mac OS|Darwin|Linux|X11|SunOS|BSD|Firefox|Safari|Chrome|AppleWebKit|Browser|Lynx|Links|w3m|ELinks|Dillo|iTunes|Outlook|Office|Thunderbird|Lotus|MSIE|Konqueror|Amiga|BeOS|Haiku|Player|Phone|Mobile|Pad\b|Profile))/i,
    sample: 'SendGrid Event API',
  },
];

/** A family of programs, and what tells it. In order. */
export type FamilyRule = { family: string; pattern: RegExp };

/** Mail clients and webmail, where they tell. A proxy that loads for a reader hides his browser. */
export const CLIENT_RULES: readonly (FamilyRule & { webmail?: true })[] = [
  { family: 'Gmail', pattern: /GoogleImageProxy|ggpht\.com/, webmail: true },
  { family: 'Yahoo! Mail', pattern: /YahooMailProxy|YahooMobileMail/i, webmail: true },
  {
    family: 'Outlook',
    pattern: /Microsoft Outlook|MSOffice|ms-office|Outlook-(iOS|Android)|Outlook-Express|WindowsLiveMail/i,
  },
  { family: 'Thunderbird', pattern: /Thunderbird\/|Icedove\/|Shredder\/|Betterbird\// },
  { family: 'Lotus Notes', pattern: /Lotus-?Notes|HCL-?Notes/i },
  { family: 'Postbox', pattern: /Postbox\// },
  { family: 'Airmail', pattern: /AirMail/i },
  { family: 'eM Client', pattern: /eM ?Client/i },
  { family: 'The Bat!', pattern: /The Bat!/ },
  { family: 'Evolution', pattern: /Evolution\// },
  { family: 'Superhuman', pattern: /Superhuman/ },
  { family: 'Spark', pattern: /\bSpark(Desktop)?\/\d/ },
];

export const BROWSER_RULES: readonly FamilyRule[] = [
  { family: 'Edge', pattern: /\bEdg(e|A|iOS)?\/\d/ },
  { family: 'Opera', pattern: /\bOPR\/|\bOpera\b|\bOPiOS\/|\bOPT\/|\bOPX\// },
  { family: 'Samsung Internet', pattern: /SamsungBrowser\// },
  { family: 'Yandex Browser', pattern: /YaBrowser\/|YaApp_/ },
  { family: 'UC Browser', pattern: /UC ?Browser|UCWEB|UBrowser/i },
  { family: 'Vivaldi', pattern: /Vivaldi\// },
  { family: 'Brave', pattern: /Brave(\/| Chrome)/ },
  { family: 'Internet Explorer', pattern: /MSIE \d|Trident\/.*rv:|IEMobile/ },
  { family: 'Facebook', pattern: /\bFBAN\/|\bFBAV\/|\bFB_IAB\// },
  { family: 'Instagram', pattern: /Instagram \d/ },
  {
    family: 'Firefox',
    pattern: /Firefox\/|FxiOS\/|\bFocus\/|\bKlar\/|Fennec|Minefield|Shiretoko|Namoroka|GranParadiso|BonEcho/,
  },
  { family: 'Chrome', pattern: /Chrome\/|CriOS\/|CrMo\/|Chromium/ },
  { family: 'Android Browser', pattern: /Android.*Version\/.*Safari|Android.*AppleWebKit/ },
  { family: 'BlackBerry', pattern: /BlackBerry|BB10|RIM Tablet/ },
  { family: 'Nokia', pattern: /Nokia|Series ?[46]0|SymbianOS/ },
  { family: 'Safari', pattern: /Safari\/|iPhone|iPad|iPod/ },
];

/** SendGrid's words for devices. A reader behind a webmail's proxy has `Webmail`. */
export type Device = 'Phone' | 'Tablet' | 'Desktop' | 'Webmail' | 'Other';
export const DEVICE_RULES: readonly { device: Device; pattern: RegExp }[] = [
  {
    device: 'Other',
    pattern:
      /SmartTV|SMART-TV|GoogleTV|AppleTV|Apple TV|HbbTV|NetCast|BRAVIA|\bAFT[A-Z]|Roku|PlayStation|Xbox|Nintendo|Wii|watchOS|CrKey|\bTV\b/,
  },
  {
    device: 'Tablet',
    pattern:
      /iPad|Tablet|PlayBook|Silk\/(?!.*Mobile)|Kindle|Nexus (7|9|10)\b|\bSM-T\d|\bGT-P\d|\bKF[A-Z]{2,4}\b|Xoom|Android(?!.*\b(Mobile|Mobi)\b)/,
  },
  {
    device: 'Phone',
    pattern:
      /iPhone|iPod|\bMobile\b|\bMobi\b|Android|Phone|BlackBerry|BB10|Symbian|Series ?[46]0|Opera Mini|\bJ2ME|MIDP|Nokia|Outlook-(iOS|Android)/,
  },
  {
    device: 'Desktop',
    pattern:
      /Windows NT|Windows 9|Win(9[58]|NT|dows)|Macintosh|Mac OS X|Mac_PowerPC|X11|Linux|CrOS|FreeBSD|OpenBSD|SunOS/,
  },
];
