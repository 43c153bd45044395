/**
 * The words of reports in languages other than English: what is spoken of (a reader, his mailbox, a domain, the message), and what
 * is said of it. A rule is such a pair, near each other in one sentence, in either order. So a language costs a few words here and no
 * rule, and a server's own way of putting it need not be known. Read without accents (`legible`).
 * What is said of a domain is looked for first: "the reader's domain does not exist" is not about the reader.
 */
import type { ReportRule } from './rule.ts';

const READER = [
  'empfa?e?nger|benutzer|adressat|e-?mail-?adresse|mail-?adresse|anschrift|postfach|konto',
  'destinataire|utilisateur|adresse|boi?te (?:aux|a) lettres?|compte|correspondant|abonne',
  'usuario|destinatario|direccion|cuenta|buzon',
  'utente|indirizzo|casella',
  'destinatario|endereco|conta\\b|caixa',
  'ontvanger|gebruiker|e-?mailadres|adres\\b|postbus|postvak',
  'bruger|bruker|anvandare|modtager|mottaker|mottagare|e-?postadress',
  'uzytkownik|odbiorc|adresat|skrzynk|uzivatel|prijemce|adresa\\b|schrank',
  'vastaanottaja|kayttaja|osoite|cimzett|felhasznalo|cim\\b',
  'пользовател|получател|адресат|адрес|ящик|уч[её]тн|абонент|користувач|одержувач|скриньк',
  'kullanici|alici',
  '用户|用戶|收件人|收信人|邮箱|郵箱|信箱|邮件地址|郵件地址|帐号|账号|帳號|账户|使用者|此人',
  'ユーザ|宛先|あて先|送信先|受信者|メールアドレス|アドレス|メールボックス|アカウント',
  '사용자|받는 ?사람|수신자|수신인|메일 ?주소|주소|계정|메일함|편지함',
].join('|');
const MAILBOX = [
  'postfach|mailbox|posteingang|speicher|kontingent|boi?te|messagerie|quota|buzon|bandeja|cuota|casella|caixa|cota\\b',
  'postbus|postvak|postkasse|innboks|brevlada|inkorg|skrzynk|schrank|postalaatikko|postafiok|posta kutusu|kota\\b',
  'ящик|квот|скриньк|邮箱|郵箱|信箱|邮件箱|空间|空間|容量|メールボックス|受信箱|受信ボックス|메일함|편지함|사서함|용량',
].join('|');
const DOMAIN = [
  'domain|domane|domaine|dominio|domena|domein|domene|domanen|verkkotunnus|alan adi|домен|зон[аы]|хост|域名|网域|網域|ドメイン|도메인',
].join('|');
const SERVER = [
  '\\bhost|mail-?server|zielserver|serveur|servidor|\\bserver|сервер|主机|主機|服务器|伺服器|サーバ|호스트|서버',
].join('|');
const MESSAGE = [
  'nachricht|e-?mail|mail|anhang|message|courriel|piece jointe|mensaje|correo|adjunto|messaggio|allegato|mensagem|anexo|bericht|bijlage',
  'besked|melding|meddelande|wiadomosc|zalacznik|zprava|viesti|uzenet|ileti|сообщени|письмо|вложени|повідомленн',
  '邮件|郵件|信件|附件|消息|メール|メッセージ|添付|메일|메시지|첨부',
].join('|');

const UNKNOWN = [
  'unbekannt|existier(?:t|en) nicht|nicht (?:gefunden|vorhanden|bekannt|existent|mehr (?:gultig|vorhanden))|ungu?e?ltig|gibt es nicht',
  'inconnu|introuvable|n.exist(?:e|ent) (?:pas|plus)|(?:pas|non) (?:ete )?(?:trouve|valide|reconnu)|invalide|inexistant',
  'desconocid|inexistent|no existe|no (?:se )?(?:ha (?:podido )?|han |fue |pudo |puede )?(?:sido )?(?:encontr|hall|encuentr)|no (?:es )?valid|invalid[oa]',
  'sconosciut|inesistent|non (?:piu )?esist|non (?:e |sono )?(?:stat[oaie] )?(?:trovat|valid|corrett)|non (?:si )?trova',
  'desconhecid|nao (?:existe|foi (?:possivel )?(?:encontr|localiz)|encontr|localiz|e valid)',
  'onbekend|bestaat niet|niet (?:gevonden|bekend|geldig)|niet worden gevonden|ongeldig',
  'ukendt|ukjent|okand|findes ikke|finnes ikke|finns inte|eksisterer ikke|existerar inte|(?:ikke|inte) (?:fundet|funnet|hittas)|hittades inte|ogiltig|ugyldig',
  'nieznan|nie istnieje|nie (?:zostal\\S{0,2} )?(?:znalezion|odnalezion)|nie ma takie|nieprawidlow|neexistuj|neznam|nenalezen|neplatn',
  'tuntematon|ei ole olemassa|ei loydy|ismeretlen|nem talalhato|nem letezik',
  'не (?:был[аио]? )?(?:найден|обнаружен|существу|зарегистрир|значится)|неизвест|недействител|нет так|(?<=я )нет$|отсутству|несуществу|невідом|не знайден|не існу',
  'bilinmeyen|bulunamadi|bulunmuyor|mevcut degil|gecersiz',
  '不存在|未找到|找不到|无效|無效|查无|查無|无此|無此|没有(?:找到|该|此)|沒有|未知|不正确|不正確',
  '見つか(?:り|ら)|見つけ|存在し(?:ま|な)|存在して(?:お|い)|不明|該当|正しく(?:な|あ)|誤(?:り|っ)|間違|ありません|いません|有効では',
  '존재하지|찾을 수 없|알 수 없|없는|없습니다|잘못된|유효하지',
].join('|');
/** `Kein solcher Benutzer` */
const NOBODY = [
  'kein(?:e|en)? (?:solche[rns]? )?(?:benutzer|postfach|empfanger|konto)\\b|(?:aucun|pas d).{0,2}(?:utilisateur|compte|boite)|ningun (?:usuario|buzon|destinatario)',
  'nessun (?:utente|account)|nenhum (?:usuario|destinatario)|geen (?:gebruiker|postbus)|ingen (?:bruker|bruger|anvandare)|(?:没有|查無)(?:这个|此|该)?(?:用户|收件人|人)|(?:ящика|пользователя|адреса) .{0,20}нет',
].join('|');
const FULL = [
  'voll\\b|uberschritten|ueberschritten|uberfullt|erschopft|plein|depass|satur|llen[oa]|excedid|superad|sobrepas|pien[oa]|superat|esaurit',
  'chei[oa]|esgotad|lotad|ultrapass|vol\\b|overschred|fuld\\b|\\bfull|overskred|overskrid|oppbrukt|peln|przekrocz|przepeln|\\bplna|prekroc|taynna|betelt|megtelt',
  'переполн|полон|полна|превыш|заполнен|исчерпан|недостаточно|dolu\\b|asild|doldu',
  'limit erreicht|atteint|(?:alcanzado|atingiu) .{0,6}limite|raggiunto .{0,6}limite|limiet bereikt|достиг',
  '已?[满滿]|不足|超过|超過|超出|超限|いっぱい|一杯|満杯|超え|オーバー|가득|초과|부족',
].join('|');
const DISABLED = [
  'gesperrt|deaktiviert|inaktiv|stillgelegt|abgeschaltet|geschlossen|desactiv|suspend|bloqu|inactif|ferme|clotur|archive|deshabilit|inactiv|cancelad',
  'disattivat|disabilitat|sospes|bloccat|inattiv|chius[oa]|desativ|suspens|inativ|geblokkeerd|uitgeschakeld|gedeactiveerd|opgeschort|inactief',
  'deaktiver|sparret|sperret|avstangd|zablokowan|nieaktywn|zawieszon|wylaczon|zakazan|letiltva|felfuggeszt',
  'заблокир|отключ|неактив|приостановл|закрыт|деактив|devre disi|askiya|kapatil',
  '停用|冻结|凍結|禁用|锁定|鎖定|关闭|關閉|注销|停止|未激活|过期|封停|被封|休眠|無効|ロック|休止|解約|利用でき|정지|중지|비활성|휴면|차단',
].join('|');
const LARGE = [
  'zu gross|zu groß|trop (?:volumineu|gros|grand|lourd|long)|(?:demasiado|muy) (?:grande|larg)|tropp[oa] grande|muito grande|grande demais|te groot|for stor|zbyt duz|za duz|prilis velk',
  'liian suuri|tul nagy|cok buyuk|слишком (?:больш|велик)|превыша\\S{1,3} .{0,30}размер|завелик',
  '(?:exced|depass|supera|ultrapass|uberschreitet|overschrijdt).{0,30}(?:tam|tail|dimension|gross|groß|groe|grootte|omvang)',
  '[过過太][大长長]|大小.{0,6}(?:超|限)|超过.{0,8}大小|尺寸|大きすぎ|サイズ.{0,20}(?:超|制限|大き|オーバー)|너무 (?:크|큽)|크기.{0,10}초과',
].join('|');
const SENDER = [
  'absender|expediteur|emetteur|remitente|mittente|remetente|afzender|avsender|afsender|avsandare|nadawc|odesilatel|kuldo|gonderen|отправител|відправник',
  '发件人|發件人|寄件[者人]|发信|差出人|送信者|送信元|보낸 ?사람|발신',
  'ip-?adresse|adresse ip|direccion ip|indirizzo ip|endereco ip|ip-?adres|ip[- ]адрес|ip.{0,2}地址|ipアドレス|ip 주소',
].join('|');
const REFUSED = [
  'abgelehnt|abgewiesen|zuru?e?ckgewiesen|nicht (?:erlaubt|zugelassen|berechtigt|akzeptiert)|gesperrt|blockiert',
  'refus|rejet|bloqu|(?:pas|non) autoris|interdi|rechazad|no (?:esta )?(?:autorizad|permitid)|rifiutat|respint|non (?:e )?(?:autorizzat|consentit)|bloccat',
  'rejeitad|recusad|nao (?:esta )?(?:autorizad|permitid)|geweigerd|niet (?:toegestaan|geaccepteerd)|geblokkeerd|afvist|avvist|avvisad|nekad',
  'odrzuc|zablokowan|odmitnut|elutasit|reddedil|engellen|отклон|отверг|заблок|запрещ|відхилен',
  '拒绝|拒絕|拒收|禁止|屏蔽|封锁|封鎖|拒否|ブロック|許可され|거부|차단',
].join('|');

/** Both orders; what stands between is of one sentence. */
const pair = (one: string, other: string, apart: number): RegExp =>
  new RegExp(`(?:${one})(?:(?!\\. ).){0,${apart}}(?:${other})|(?:${other})(?:(?!\\. ).){0,24}(?:${one})`, 'i');

/** Before the rules of delivery, which know "does not exist" in some languages and do not ask of what. */
export const TRANSLATED_DOMAIN: ReportRule = {
  name: 'report-host-unknown-translated',
  match: new RegExp(
    `(?:${DOMAIN})(?:(?!\\. ).){0,60}(?:${UNKNOWN})|(?:${SERVER}).{0,20}(?:${UNKNOWN})|(?:${UNKNOWN})[^.,。、]{0,12}(?:${DOMAIN}|${SERVER})`,
    'i',
  ),
  unless: new RegExp(`${SENDER}|[a-z]{3,20} (?:not found|unknown|does not exist)`, 'i'),
  sample: 'Die Domain des Empfängers existiert nicht',
  classification: 'Technical Failure',
  status: '5.1.2',
  ofRecipient: true,
};

export const TRANSLATED: readonly ReportRule[] = [
  {
    name: 'report-listed-translated',
    match:
      /schwarz\S{1,3} liste|liste noire|lista (?:negra|nera)|czarn\S{1,3} list|zwarte lijst|ч[её]рн\S{1,3} спис|黑名单|黑名單|ブラックリスト|블랙리스트/i,
    sample: 'Votre adresse figure sur une liste noire',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    name: 'report-spam-translated',
    match:
      /unerwunscht\S{0,3} (?:e-?mail|mail|nachricht|werbung)|pourriel|indesirable|correo (?:no deseado|basura)|posta indesiderata|lixo eletr|спам|垃圾|反垃|スパム|迷惑メール|스팸/i,
    sample: 'Письмо отклонено: спам',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-virus-translated',
    match: /viren|вирус|病毒|ウイルス|ウィルス|바이러스|schadsoftware|logiciel malveillant|malicios|вредонос/i,
    sample: '邮件含有病毒',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-too-large-translated',
    match: pair(MESSAGE, LARGE, 24),
    sample: 'Le message est trop volumineux',
    classification: 'Content',
    status: '5.3.4',
  },
  {
    name: 'report-too-fast-translated',
    match:
      /zu viele (?:e-?mails|nachrichten|verbindungen)|trop de (?:messages|connexions|courriels)|demasiad[oa]s (?:mensajes|correos|conexiones)|tropp[ie] (?:messaggi|connessioni)|muitas (?:mensagens|conexoes)|слишком (?:много|часто)|频率|頻率|过于频繁|過於頻繁|送信(?:数|制限).{0,12}超|너무 많은/i,
    sample: '发送频率过高',
    classification: 'Frequency or Volume Too High',
    status: '4.7.0',
  },
  {
    name: 'report-mailbox-full-translated',
    match: pair(MAILBOX, FULL, 60),
    sample: 'Das Postfach des Empfängers ist voll',
    classification: 'Mailbox Unavailable',
    status: '5.2.2',
  },
  {
    name: 'report-mailbox-disabled-translated',
    match: pair(
      'postfach|konto|mailbox|benutzer|empfa?e?nger|compte|boi?te|utilisateur|destinataire|cuenta|buzon|usuario|account|casella|utente|conta\\b|caixa|destinatario|gebruiker|postbus|postvak|konto|bruger|bruker|skrzynk|uzytkownik|fiok|hesap|hesab|ящик|запис|аккаунт|пользовател|получател|邮箱|郵箱|信箱|帐号|账号|帳號|账户|帳戶|用户|收件人|メールボックス|アカウント|계정|메일함|사용자',
      DISABLED,
      40,
    ),
    unless: new RegExp(SENDER, 'i'),
    sample: 'La boîte du destinataire est archivée',
    classification: 'Mailbox Unavailable',
    status: '5.2.1',
  },
  {
    name: 'report-sender-refused-translated',
    match: pair(SENDER, `${REFUSED}|${UNKNOWN}`, 40),
    sample: 'Der Absender wurde abgewiesen',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    name: 'report-content-translated',
    match: pair(
      'inhalt|contenu|contenido|contenuto|conteudo|inhoud|контент|содержим|内容|コンテンツ|anhang|piece jointe|adjunto|allegato|anexo|bijlage|вложени|附件|添付',
      REFUSED,
      40,
    ),
    sample: 'Der Inhalt der Nachricht wurde abgelehnt',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-recipient-unknown-translated',
    match: new RegExp(`${pair(READER, UNKNOWN, 70).source}|${NOBODY}`, 'i'),
    unless: new RegExp(SENDER, 'i'),
    sample: 'La dirección de correo electrónico no existe',
    classification: 'Invalid Address',
    status: '5.1.1',
    type: 'bounce',
  },
  {
    name: 'report-unreachable-translated',
    match: new RegExp(
      [
        'zeit(?:u|ue)berschreitung|zeitlimit|delai.{0,40}(?:depass|expir|ecoul)|tiempo.{0,40}(?:agotad|excedid|expir|super)|tempo.{0,40}(?:scadut|esaurit|esgotad|excedid|limite|superat)',
        'czas.{0,30}(?:przekrocz|uplyn)|(?:врем|ожидани|срок).{0,30}(?:превыш|истек|вышл)|(?:превыш|истек).{0,20}(?:врем|ожидани|срок)|zaman asimi|超[时時]|逾[时時]|タイムアウト|時間切れ|시간.{0,6}초과',
        'verbindung.{0,60}(?:fehl|nicht|abgelehnt|unterbroch|abgebroch)|nicht erreichbar|connexion.{0,60}(?:impossible|refus|echou|perdu|interromp)|impossible de (?:se connecter|contacter|joindre)|injoignable',
        'conexi?[oa]o?n?.{0,60}(?:rechaz|fall|imposible|perdid|recusad|falh)|(?:no se (?:puede|pudo|ha podido)|nao foi possivel) (?:conectar|contactar|contatar|establecer|estabelecer)',
        'connessione.{0,60}(?:rifiutat|fallit|interrott|impossibile)|impossibile (?:connettersi|contattare|raggiungere)|verbinding.{0,60}(?:mislukt|geweigerd|verbroken|niet)|polaczy?[ce]|niet bereikbaar',
        'соединени.{0,60}(?:не|отказ|сброш|прерван|ошибк|разорван)|не удалось (?:соедин|подключ|установить)|недоступ',
        'antwortet nicht|ne repond pas|no responde|non risponde|nao responde|reageert niet|svarar? (?:inte|ikke)|не отвечает|[没沒]有(?:响应|應答|应答)|応答(?:がありません|しません)|응답하지|응답이 없',
        'keine verbindung',
        '(?:连接|連接|連線|链接).{0,20}(?:失败|失敗|拒绝|拒絕|中断|不上|不能|异常)|(?:无法|無法|不能)(?:连接|連接|連線)|接続.{0,20}(?:でき|失敗|拒否|切断)|応答.{0,8}(?:なし|ありません|しない)|연결.{0,20}(?:실패|거부|할 수 없)',
      ].join('|'),
      'i',
    ),
    sample: 'Zeitüberschreitung bei der Verbindung',
    classification: 'Technical Failure',
    status: '4.4.1',
  },
];
