/**
 * That mail was not delivered, in languages other than English: for subjects and texts of reports alike. Read without accents
 * (`unaccented`). No sign alone makes a bounce (`signs.ts`), so these need not be narrow.
 */
export const FAILED_TRANSLATED = new RegExp(
  [
    // German, Dutch, Danish, Norwegian, Swedish
    'unzustell|nicht (?:erfolgreich )?(?:zu(?:gestellt|stellbar)|ausgeliefert|ubermittelt|gesendet|versandt)|zustell.{0,40}(?:fehl|nicht)|fehl.{0,40}zustell|konnten? nicht|fehlgeschlagen|zuruckgewiesen',
    'onbestelbaar|niet (?:worden )?(?:be(?:zorgd|steld)|afgeleverd|verzonden)|(?:bezorging|aflevering).{0,40}mislukt|kon niet worden',
    '(?:kunde|kan|kunne) (?:inte|ikke|ej) .{0,30}lever|(?:inte|ikke|ej) lever|leverings?fe[ij]?l|olevererbar|uleverbar|leverans.{0,30}misslyck',
    // French, Spanish, Italian, Portuguese
    'non (?:remis|distribu|livr|delivr)|n.a(?: pas)? pu .{0,30}(?:remis|livr|distribu|envoy|delivr|etre)|echec.{0,40}(?:remise|distribution|envoi|livraison)|impossible de (?:remettre|livrer|distribuer|delivrer|envoyer)|pas (?:ete )?(?:remis|livre|distribue|delivre)',
    'no (?:se )?(?:ha |pudo |puede |podido |pudieron |fue |ser |sido ){0,4}(?:entreg|envia)|(?:error|fallo|falla|problema)s? (?:de|en la|en el) (?:entrega|envio)|mensaje devuelto|correo devuelto|imposible (?:entregar|enviar)',
    "non (?:e'? |puo'? |e stato |essere |stato |possibile ){0,4}(?:recapit|consegn|inviat|inoltr)|mancat[ao] (?:recapito|consegna)|impossibile (?:recapitare|consegnare|inviare)|errore .{0,20}(?:consegna|recapito|invio)",
    'nao (?:foi |pode |possivel |ser ){0,4}(?:entreg|envia)|falha (?:na|no|de|ao) (?:entreg|envi)|erro (?:na|de|no|ao) (?:entreg|envi)|mensagem devolvida|impossivel entregar',
    // Polish, Czech, Finnish, Hungarian, Turkish
    'niedostarcz|nie (?:mozna|udalo sie|zostal\\S{0,3}|moze byc|mogla byc) .{0,20}dostarcz|blad .{0,20}dostarcz|nedoruc|(?:nepodarilo se|nelze|nemohla byt) .{0,20}doruc',
    'ei voitu toimittaa|toimit.{0,30}epaonnist|kezbesithetetlen|nem (?:lehetett|sikerult) .{0,20}kezbesit|kezbesites.{0,20}sikertelen|teslim edilem|iletilemedi|gonderilemedi|teslim.{0,30}basarisiz',
    // Russian, Ukrainian
    'недостав|не (?:может быть |был[оа]? |удалось |уда[её]тся )?(?:достав|отправ)|(?:сбой|ошибка|проблем\\S{1,2}) (?:при )?(?:доставк|отправк)|невозможно доставить|возвращено отправителю',
    // Chinese, Japanese, Korean
    '退信|退[回件]|[无無]法(?:投[递遞]|送[达達]|[发發]送|[传傳][递遞送]|寄送)|(?:投[递遞]|[发發]送|[传傳][递送]|寄送)失[败敗]|未能?送[达達]',
    '(?:送信|配信|配送|配達|送達)(?:に失敗|でき|不能|エラー|不可)|届け.{0,20}(?:でき|られ)|不達|返送|エラーメール|(?:전송|발송|배달|전달|배송).{0,12}(?:실패|불가|되지 ?않|할 수 없|못)|반송',
  ].join('|'),
  'i',
);
