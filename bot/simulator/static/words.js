// What the phone says in the customer's language. Sentences of the shop come from the shop.

export const LANGUAGES = { fr: 'Français', ar: 'العربية', en: 'English' };

const WORDS = {
  fr: {
    title: 'Téléphone du client',
    intro: 'Choisissez qui tient le téléphone, puis écrivez à la boutique.',
    who: 'Qui écrit ?',
    language: 'Langue du téléphone',
    network: 'Réseau',
    online: 'En ligne',
    offline: 'Hors ligne',
    goOffline: 'Passer hors ligne',
    goOnline: 'Rétablir le réseau',
    offlineBanner: 'Pas de réseau : vos messages attendent.',
    noPhone: 'Sans numéro visible',
    chats: 'Discussions',
    changePerson: 'Changer de personne',
    close: 'Fermer',
    back: 'Retour aux discussions',
    startChat: 'Touchez pour écrire',
    businessAccount: 'Compte professionnel',
    typing: 'écrit…',
    emptyThread: 'Aucun message. Écrivez, ou touchez une phrase ci-dessous.',
    write: 'Message',
    send: 'Envoyer',
    attach: 'Joindre une photo ou un fichier',
    reply: 'Répondre',
    replyTo: 'Réponse à',
    cancelReply: 'Ne plus répondre à ce message',
    react: 'Réagir',
    actions: 'Réagir ou répondre',
    you: 'Vous',
    today: 'Aujourd’hui',
    yesterday: 'Hier',
    image: 'Photo',
    video: 'Vidéo',
    audio: 'Message vocal',
    document: 'Document',
    sticker: 'Autocollant',
    location: 'Position',
    contacts: 'Contact',
    interactive: 'Message',
    template: 'Message',
    order: 'Panier',
    reaction: 'Réaction',
    text: 'Message',
    button: 'Réponse',
    unknown: 'Message',
    sendLocation: 'Envoyer ma position',
    shareContact: 'Partager mon numéro',
    catalog: 'Voir le catalogue',
    choose: 'Choisir',
    down: 'Derniers messages',
    waiting: 'En attente du réseau',
    sent: 'Envoyé',
    delivered: 'Reçu par la boutique',
    read: 'Lu par la boutique',
    broken: 'Le simulateur ne répond pas. Nouvel essai…',
    refused: 'Ce n’est pas parti :',
    suggestions: 'Phrases toutes prêtes',
    openImage: 'Agrandir la photo',
    reviews: 'Modèles chez Meta',
    approve: 'Approuver',
    refuseOffer: 'Refuser : publicité',
    refuseFormat: 'Refuser : format',
    pause: 'Suspendre',
    announce: 'Annoncer marketing',
    recategorise: 'Passer en marketing',
  },
  ar: {
    title: 'هاتف الزبون',
    intro: 'اختر من يمسك الهاتف، ثم اكتب إلى المتجر.',
    who: 'من يكتب؟',
    language: 'لغة الهاتف',
    network: 'الشبكة',
    online: 'متصل',
    offline: 'غير متصل',
    goOffline: 'قطع الاتصال',
    goOnline: 'إعادة الاتصال',
    offlineBanner: 'لا توجد شبكة: رسائلك تنتظر.',
    noPhone: 'بدون رقم ظاهر',
    chats: 'المحادثات',
    changePerson: 'تغيير الشخص',
    close: 'إغلاق',
    back: 'العودة إلى المحادثات',
    startChat: 'اضغط للكتابة',
    businessAccount: 'حساب أعمال',
    typing: 'يكتب…',
    emptyThread: 'لا توجد رسائل. اكتب، أو اضغط على جملة أدناه.',
    write: 'رسالة',
    send: 'إرسال',
    attach: 'إرفاق صورة أو ملف',
    reply: 'رد',
    replyTo: 'رد على',
    cancelReply: 'إلغاء الرد على هذه الرسالة',
    react: 'تفاعل',
    actions: 'تفاعل أو رد',
    you: 'أنت',
    today: 'اليوم',
    yesterday: 'أمس',
    image: 'صورة',
    video: 'فيديو',
    audio: 'رسالة صوتية',
    document: 'مستند',
    sticker: 'ملصق',
    location: 'موقع',
    contacts: 'جهة اتصال',
    interactive: 'رسالة',
    template: 'رسالة',
    order: 'سلة',
    reaction: 'تفاعل',
    text: 'رسالة',
    button: 'جواب',
    unknown: 'رسالة',
    sendLocation: 'إرسال موقعي',
    shareContact: 'مشاركة رقمي',
    catalog: 'عرض الكتالوج',
    choose: 'اختيار',
    down: 'آخر الرسائل',
    waiting: 'في انتظار الشبكة',
    sent: 'أرسلت',
    delivered: 'وصلت إلى المتجر',
    read: 'قرأها المتجر',
    broken: 'المحاكي لا يجيب. محاولة أخرى…',
    refused: 'لم ترسل:',
    suggestions: 'جمل جاهزة',
    openImage: 'تكبير الصورة',
    reviews: 'القوالب لدى ميتا',
    approve: 'موافقة',
    refuseOffer: 'رفض: إعلان',
    refuseFormat: 'رفض: صيغة',
    pause: 'إيقاف مؤقت',
    announce: 'إعلان التسويق',
    recategorise: 'تحويل إلى تسويق',
  },
  en: {
    title: 'The customer’s phone',
    intro: 'Choose who holds the phone, then write to the shop.',
    who: 'Who is writing?',
    language: 'Phone language',
    network: 'Network',
    online: 'Online',
    offline: 'Offline',
    goOffline: 'Go offline',
    goOnline: 'Back online',
    offlineBanner: 'No network: your messages wait.',
    noPhone: 'No visible number',
    chats: 'Chats',
    changePerson: 'Change person',
    close: 'Close',
    back: 'Back to chats',
    startChat: 'Tap to write',
    businessAccount: 'Business account',
    typing: 'typing…',
    emptyThread: 'No messages yet. Write, or tap a sentence below.',
    write: 'Message',
    send: 'Send',
    attach: 'Attach a photo or a file',
    reply: 'Reply',
    replyTo: 'Reply to',
    cancelReply: 'Stop replying to this message',
    react: 'React',
    actions: 'React or reply',
    you: 'You',
    today: 'Today',
    yesterday: 'Yesterday',
    image: 'Photo',
    video: 'Video',
    audio: 'Voice message',
    document: 'Document',
    sticker: 'Sticker',
    location: 'Location',
    contacts: 'Contact',
    interactive: 'Message',
    template: 'Message',
    order: 'Cart',
    reaction: 'Reaction',
    text: 'Message',
    button: 'Answer',
    unknown: 'Message',
    sendLocation: 'Send my location',
    shareContact: 'Share my number',
    catalog: 'See the catalogue',
    choose: 'Choose',
    down: 'Latest messages',
    waiting: 'Waiting for the network',
    sent: 'Sent',
    delivered: 'Reached the shop',
    read: 'Read by the shop',
    broken: 'The simulator does not answer. Trying again…',
    refused: 'That was not sent:',
    suggestions: 'Ready-made sentences',
    openImage: 'Enlarge the photo',
    reviews: 'Templates at Meta',
    approve: 'Approve',
    refuseOffer: 'Refuse: an offer',
    refuseFormat: 'Refuse: format',
    pause: 'Pause',
    announce: 'Announce marketing',
    recategorise: 'Make it marketing',
  },
};

// ar-MA and its neighbours write 0–9.
const LOCALES = { fr: 'fr-FR', ar: 'ar-MA', en: 'en-GB' };
let language = 'fr';

export function speak(wanted) {
  language = WORDS[wanted] ? wanted : 'fr';
  document.documentElement.lang = language;
  document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr';
}

export const spoken = () => language;

export const word = (key) => WORDS[language][key] ?? WORDS[language].unknown;

export function clock(seconds) {
  return new Intl.DateTimeFormat(LOCALES[language], { hour: '2-digit', minute: '2-digit' }).format(
    seconds * 1000,
  );
}

export function day(seconds, now) {
  const days = daysBetween(seconds, now);
  if (days === 0) return word('today');
  if (days === 1) return word('yesterday');
  const shape = days < 7 ? { weekday: 'long' } : { day: 'numeric', month: 'long', year: 'numeric' };
  return new Intl.DateTimeFormat(LOCALES[language], shape).format(seconds * 1000);
}

export function shortDay(seconds, now) {
  const days = daysBetween(seconds, now);
  if (days === 0) return clock(seconds);
  if (days === 1) return word('yesterday');
  const shape = { day: '2-digit', month: '2-digit', year: '2-digit' };
  return new Intl.DateTimeFormat(LOCALES[language], shape).format(seconds * 1000);
}

function daysBetween(seconds, now) {
  const midnight = (at) => new Date(at * 1000).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(seconds)) / 86_400_000);
}
