// The texts of the chat page itself, in the languages that it speaks. Messages, disclosures and notices come from the
// server and are not here. English stands in for any language that is missing.

export interface Words {
  assistant: string;
  ai: string;
  you: string;
  team: string;
  person: string;
  talk: string;
  inLine: string;
  startTitle: (company: string) => string;
  startAi: string;
  startPerson: string;
  language: string;
  market: string;
  start: string;
  starting: string;
  startFailed: string;
  expired: string;
  placeholder: string;
  placeholderHuman: string;
  send: string;
  left: (n: number) => string;
  sending: string;
  notSent: string;
  waits: string;
  retry: string;
  remove: string;
  seen: string;
  reconnecting: string;
  offline: string;
  thinking: string;
  typing: (name: string) => string;
  sources: string;
  source: (n: number, title: string) => string;
  openHelp: string;
  updated: (date: string) => string;
  version: (n: number) => string;
  close: string;
  loading: string;
  articleFailed: string;
  helpful: string;
  yes: string;
  no: string;
  thanks: string;
  thanksNo: string;
  choose: string;
  yesPerson: string;
  lineTitle: string;
  next: string;
  position: (n: number) => string;
  wait: (range: string) => string;
  under: (n: string) => string;
  range: (low: string, high: string) => string;
  about: (n: string) => string;
  waitUnknown: string;
  closedUntil: (when: string) => string;
  closedNow: string;
  later: string;
  leave: string;
  summary: string;
  summaryHint: string;
  edit: string;
  save: string;
  cancel: string;
  saved: string;
  handoffFailed: string;
  more: string;
  newChat: string;
  newTitle: string;
  newText: string;
  transcript: string;
  end: string;
  endTitle: string;
  endText: string;
  failed: string;
  closed: string;
  rateTitle: string;
  rateOf: (n: number) => string;
  rateWords: [string, string, string, string, string];
  rateComment: string;
  rateSend: string;
  rateThanks: string;
  toLatest: string;
  conversation: string;
}

const en: Words = {
  assistant: "AI assistant",
  ai: "AI",
  you: "You",
  team: "Our team",
  person: "Person",
  talk: "Talk to a person",
  inLine: "Waiting for a person",
  startTitle: (c) => (c ? `How can ${c} help?` : "How can we help?"),
  startAi: "You will be chatting with an AI assistant. It answers from our help centre and shows its sources.",
  startPerson: "You can have a person instead at any time.",
  language: "Language",
  market: "Country",
  start: "Start chat",
  starting: "Starting…",
  startFailed: "The chat could not be started. Please try again in a moment.",
  expired: "That conversation is no longer available. You can start a new one.",
  placeholder: "Ask a question",
  placeholderHuman: "Write a message",
  send: "Send",
  left: (n) => (n >= 0 ? `${n} characters left` : `${-n} characters too many`),
  sending: "Sending…",
  notSent: "Not sent",
  waits: "Will be sent when you are connected",
  retry: "Try again",
  remove: "Delete",
  seen: "Seen",
  reconnecting: "Reconnecting…",
  offline: "You are offline. What you write is kept and sent later.",
  thinking: "The assistant is looking this up",
  typing: (n) => `${n} is typing`,
  sources: "Sources",
  source: (n, t) => `Source ${n}: ${t}`,
  openHelp: "Open in help centre",
  updated: (d) => `Updated ${d}`,
  version: (n) => `Version ${n}`,
  close: "Close",
  loading: "Loading…",
  articleFailed: "The article could not be loaded.",
  helpful: "Did this help?",
  yes: "Yes",
  no: "No",
  thanks: "Thank you",
  thanksNo: "Thank you, noted",
  choose: "Choose one, or say it in your own words",
  yesPerson: "Yes, a person please",
  lineTitle: "You are in line for a person",
  next: "You are next",
  position: (n) => `Number ${n} in line`,
  wait: (r) => `Wait: ${r}`,
  under: (n) => `less than ${n}`,
  range: (a, b) => `${a} to ${b}`,
  about: (n) => `about ${n}`,
  waitUnknown: "The wait cannot be estimated right now",
  closedUntil: (w) => `The team is closed and opens ${w}`,
  closedNow: "The team is closed right now",
  later: "A person will answer here later",
  leave: "Your place is kept. You can leave this page; the answer will be here.",
  summary: "What the person will read first",
  summaryHint: "Correct it or add what matters. Nobody will ask you for it again.",
  edit: "Correct or add",
  save: "Save",
  cancel: "Cancel",
  saved: "Saved",
  handoffFailed: "That did not reach us. Please press the button again.",
  more: "More",
  newChat: "New conversation",
  newTitle: "Start a new conversation?",
  newText: "This one disappears from this device. Download the transcript first if you want to keep it.",
  transcript: "Download transcript",
  end: "End conversation",
  endTitle: "End this conversation?",
  endText: "You can write here again whenever you like.",
  failed: "That did not work. Please try again.",
  closed: "This conversation is closed. Write to open it again.",
  rateTitle: "How was this conversation?",
  rateOf: (n) => `${n} of 5`,
  rateWords: ["Very poor", "Poor", "Fair", "Good", "Very good"],
  rateComment: "What should we know? (optional)",
  rateSend: "Send rating",
  rateThanks: "Thank you for your rating.",
  toLatest: "Latest messages",
  conversation: "Conversation",
};

const de: Words = {
  assistant: "KI-Assistent",
  ai: "KI",
  you: "Sie",
  team: "Unser Team",
  person: "Mensch",
  talk: "Mit einem Menschen sprechen",
  inLine: "Wartet auf einen Menschen",
  startTitle: (c) => (c ? `Wie kann ${c} helfen?` : "Wie können wir helfen?"),
  startAi: "Hier antwortet ein KI-Assistent. Er stützt sich auf unsere Hilfeseiten und zeigt seine Quellen.",
  startPerson: "Sie können jederzeit mit einem Menschen sprechen.",
  language: "Sprache",
  market: "Land",
  start: "Chat starten",
  starting: "Wird gestartet…",
  startFailed: "Der Chat konnte nicht gestartet werden. Bitte versuchen Sie es gleich noch einmal.",
  expired: "Dieses Gespräch ist nicht mehr verfügbar. Sie können ein neues beginnen.",
  placeholder: "Stellen Sie eine Frage",
  placeholderHuman: "Nachricht schreiben",
  send: "Senden",
  left: (n) => (n >= 0 ? `Noch ${n} Zeichen` : `${-n} Zeichen zu viel`),
  sending: "Wird gesendet…",
  notSent: "Nicht gesendet",
  waits: "Wird gesendet, sobald Sie verbunden sind",
  retry: "Erneut versuchen",
  remove: "Löschen",
  seen: "Gelesen",
  reconnecting: "Verbindung wird wiederhergestellt…",
  offline: "Sie sind offline. Was Sie schreiben, bleibt erhalten und wird später gesendet.",
  thinking: "Der Assistent sieht nach",
  typing: (n) => `${n} schreibt`,
  sources: "Quellen",
  source: (n, t) => `Quelle ${n}: ${t}`,
  openHelp: "Auf den Hilfeseiten öffnen",
  updated: (d) => `Stand ${d}`,
  version: (n) => `Fassung ${n}`,
  close: "Schließen",
  loading: "Wird geladen…",
  articleFailed: "Der Artikel konnte nicht geladen werden.",
  helpful: "Hat das geholfen?",
  yes: "Ja",
  no: "Nein",
  thanks: "Danke",
  thanksNo: "Danke, ist notiert",
  choose: "Wählen Sie aus, oder sagen Sie es mit eigenen Worten",
  yesPerson: "Ja, bitte einen Menschen",
  lineTitle: "Sie warten auf einen Menschen",
  next: "Sie sind als Nächstes an der Reihe",
  position: (n) => `Platz ${n} in der Reihe`,
  wait: (r) => `Wartezeit: ${r}`,
  under: (n) => `weniger als ${n}`,
  range: (a, b) => `${a} bis ${b}`,
  about: (n) => `etwa ${n}`,
  waitUnknown: "Die Wartezeit lässt sich gerade nicht schätzen",
  closedUntil: (w) => `Das Team ist gerade nicht da und öffnet: ${w}`,
  closedNow: "Das Team ist gerade nicht da",
  later: "Ein Mensch antwortet hier später",
  leave: "Ihr Platz bleibt erhalten. Sie können die Seite verlassen; die Antwort steht dann hier.",
  summary: "Das liest der Mensch zuerst",
  summaryHint: "Berichtigen Sie es oder ergänzen Sie, was wichtig ist. Niemand fragt Sie noch einmal danach.",
  edit: "Berichtigen oder ergänzen",
  save: "Speichern",
  cancel: "Abbrechen",
  saved: "Gespeichert",
  handoffFailed: "Das hat uns nicht erreicht. Bitte drücken Sie noch einmal.",
  more: "Mehr",
  newChat: "Neues Gespräch",
  newTitle: "Ein neues Gespräch beginnen?",
  newText: "Das jetzige verschwindet von diesem Gerät. Laden Sie vorher das Protokoll herunter, wenn Sie es behalten möchten.",
  transcript: "Protokoll herunterladen",
  end: "Gespräch beenden",
  endTitle: "Dieses Gespräch beenden?",
  endText: "Sie können hier jederzeit wieder schreiben.",
  failed: "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",
  closed: "Dieses Gespräch ist abgeschlossen. Schreiben Sie, um es wieder zu öffnen.",
  rateTitle: "Wie war dieses Gespräch?",
  rateOf: (n) => `${n} von 5`,
  rateWords: ["Sehr schlecht", "Schlecht", "Mittel", "Gut", "Sehr gut"],
  rateComment: "Was sollen wir wissen? (freiwillig)",
  rateSend: "Bewertung senden",
  rateThanks: "Danke für Ihre Bewertung.",
  toLatest: "Neueste Nachrichten",
  conversation: "Gespräch",
};

const es: Words = {
  assistant: "Asistente de IA",
  ai: "IA",
  you: "Tú",
  team: "Nuestro equipo",
  person: "Persona",
  talk: "Hablar con una persona",
  inLine: "Esperando a una persona",
  startTitle: (c) => (c ? `¿Cómo puede ayudarte ${c}?` : "¿Cómo podemos ayudarte?"),
  startAi: "Vas a chatear con un asistente de IA. Responde con nuestro centro de ayuda y muestra sus fuentes.",
  startPerson: "Puedes hablar con una persona en cualquier momento.",
  language: "Idioma",
  market: "País",
  start: "Empezar el chat",
  starting: "Empezando…",
  startFailed: "No se ha podido empezar el chat. Inténtalo de nuevo en un momento.",
  expired: "Esa conversación ya no está disponible. Puedes empezar otra.",
  placeholder: "Haz una pregunta",
  placeholderHuman: "Escribe un mensaje",
  send: "Enviar",
  left: (n) => (n >= 0 ? `Quedan ${n} caracteres` : `Sobran ${-n} caracteres`),
  sending: "Enviando…",
  notSent: "No enviado",
  waits: "Se enviará cuando tengas conexión",
  retry: "Reintentar",
  remove: "Eliminar",
  seen: "Visto",
  reconnecting: "Reconectando…",
  offline: "No tienes conexión. Lo que escribas se guarda y se envía después.",
  thinking: "El asistente lo está consultando",
  typing: (n) => `${n} está escribiendo`,
  sources: "Fuentes",
  source: (n, t) => `Fuente ${n}: ${t}`,
  openHelp: "Abrir en el centro de ayuda",
  updated: (d) => `Actualizado: ${d}`,
  version: (n) => `Versión ${n}`,
  close: "Cerrar",
  loading: "Cargando…",
  articleFailed: "No se ha podido cargar el artículo.",
  helpful: "¿Te ha ayudado?",
  yes: "Sí",
  no: "No",
  thanks: "Gracias",
  thanksNo: "Gracias, anotado",
  choose: "Elige una opción o dilo con tus palabras",
  yesPerson: "Sí, una persona, por favor",
  lineTitle: "Estás en la cola para hablar con una persona",
  next: "Eres el siguiente",
  position: (n) => `Número ${n} en la cola`,
  wait: (r) => `Espera: ${r}`,
  under: (n) => `menos de ${n}`,
  range: (a, b) => `de ${a} a ${b}`,
  about: (n) => `alrededor de ${n}`,
  waitUnknown: "Ahora mismo no se puede estimar la espera",
  closedUntil: (w) => `El equipo está cerrado y abre: ${w}`,
  closedNow: "El equipo está cerrado ahora",
  later: "Una persona responderá aquí más tarde",
  leave: "Tu lugar se mantiene. Puedes salir de esta página; la respuesta estará aquí.",
  summary: "Lo primero que leerá la persona",
  summaryHint: "Corrígelo o añade lo importante. Nadie te lo volverá a preguntar.",
  edit: "Corregir o añadir",
  save: "Guardar",
  cancel: "Cancelar",
  saved: "Guardado",
  handoffFailed: "No nos ha llegado. Pulsa el botón otra vez.",
  more: "Más",
  newChat: "Nueva conversación",
  newTitle: "¿Empezar una conversación nueva?",
  newText: "Esta desaparecerá de este dispositivo. Descarga antes la transcripción si quieres conservarla.",
  transcript: "Descargar la transcripción",
  end: "Terminar la conversación",
  endTitle: "¿Terminar esta conversación?",
  endText: "Puedes volver a escribir aquí cuando quieras.",
  failed: "No ha funcionado. Inténtalo de nuevo.",
  closed: "Esta conversación está cerrada. Escribe para abrirla de nuevo.",
  rateTitle: "¿Qué tal ha ido esta conversación?",
  rateOf: (n) => `${n} de 5`,
  rateWords: ["Muy mal", "Mal", "Regular", "Bien", "Muy bien"],
  rateComment: "¿Qué deberíamos saber? (opcional)",
  rateSend: "Enviar valoración",
  rateThanks: "Gracias por tu valoración.",
  toLatest: "Últimos mensajes",
  conversation: "Conversación",
};

const sv: Words = {
  assistant: "AI-assistent",
  ai: "AI",
  you: "Du",
  team: "Vårt team",
  person: "Människa",
  talk: "Prata med en människa",
  inLine: "Väntar på en människa",
  startTitle: (c) => (c ? `Hur kan ${c} hjälpa dig?` : "Hur kan vi hjälpa dig?"),
  startAi: "Du kommer att chatta med en AI-assistent. Den svarar utifrån vårt hjälpcenter och visar sina källor.",
  startPerson: "Du kan när som helst få prata med en människa.",
  language: "Språk",
  market: "Land",
  start: "Starta chatten",
  starting: "Startar…",
  startFailed: "Chatten kunde inte startas. Försök igen om en stund.",
  expired: "Det samtalet finns inte längre. Du kan starta ett nytt.",
  placeholder: "Ställ en fråga",
  placeholderHuman: "Skriv ett meddelande",
  send: "Skicka",
  left: (n) => (n >= 0 ? `${n} tecken kvar` : `${-n} tecken för mycket`),
  sending: "Skickar…",
  notSent: "Inte skickat",
  waits: "Skickas när du har anslutning",
  retry: "Försök igen",
  remove: "Ta bort",
  seen: "Läst",
  reconnecting: "Återansluter…",
  offline: "Du är offline. Det du skriver sparas och skickas senare.",
  thinking: "Assistenten slår upp det",
  typing: (n) => `${n} skriver`,
  sources: "Källor",
  source: (n, t) => `Källa ${n}: ${t}`,
  openHelp: "Öppna i hjälpcentret",
  updated: (d) => `Uppdaterad ${d}`,
  version: (n) => `Version ${n}`,
  close: "Stäng",
  loading: "Laddar…",
  articleFailed: "Artikeln kunde inte laddas.",
  helpful: "Hjälpte det här?",
  yes: "Ja",
  no: "Nej",
  thanks: "Tack",
  thanksNo: "Tack, noterat",
  choose: "Välj ett alternativ eller säg det med egna ord",
  yesPerson: "Ja, en människa tack",
  lineTitle: "Du står i kö till en människa",
  next: "Du är näst på tur",
  position: (n) => `Nummer ${n} i kön`,
  wait: (r) => `Väntetid: ${r}`,
  under: (n) => `mindre än ${n}`,
  range: (a, b) => `${a} till ${b}`,
  about: (n) => `ungefär ${n}`,
  waitUnknown: "Väntetiden går inte att uppskatta just nu",
  closedUntil: (w) => `Teamet har stängt och öppnar ${w}`,
  closedNow: "Teamet har stängt just nu",
  later: "En människa svarar här senare",
  leave: "Din plats är kvar. Du kan lämna sidan; svaret kommer att finnas här.",
  summary: "Det här läser människan först",
  summaryHint: "Rätta det eller lägg till det viktiga. Ingen frågar dig om det igen.",
  edit: "Rätta eller lägg till",
  save: "Spara",
  cancel: "Avbryt",
  saved: "Sparat",
  handoffFailed: "Det nådde oss inte. Tryck på knappen igen.",
  more: "Mer",
  newChat: "Nytt samtal",
  newTitle: "Starta ett nytt samtal?",
  newText: "Det här försvinner från enheten. Ladda ner utskriften först om du vill behålla det.",
  transcript: "Ladda ner utskrift",
  end: "Avsluta samtalet",
  endTitle: "Avsluta det här samtalet?",
  endText: "Du kan skriva här igen när du vill.",
  failed: "Det gick inte. Försök igen.",
  closed: "Samtalet är avslutat. Skriv för att öppna det igen.",
  rateTitle: "Hur var det här samtalet?",
  rateOf: (n) => `${n} av 5`,
  rateWords: ["Mycket dåligt", "Dåligt", "Okej", "Bra", "Mycket bra"],
  rateComment: "Vad bör vi veta? (frivilligt)",
  rateSend: "Skicka betyg",
  rateThanks: "Tack för ditt betyg.",
  toLatest: "Senaste meddelandena",
  conversation: "Samtal",
};

export const dictionary = { en, de, es, sv } satisfies Record<string, Words>;

/** The words for a BCP 47 tag. */
export function wordsFor(locale: string): Words {
  const base = locale.toLowerCase().split("-")[0] ?? "";
  return base in dictionary ? dictionary[base as keyof typeof dictionary] : en;
}

/** Scripts that are written from right to left. */
export function direction(locale: string): "rtl" | "ltr" {
  return ["ar", "he", "fa", "ur", "ps", "yi", "dv"].includes(locale.toLowerCase().split("-")[0] ?? "") ? "rtl" : "ltr";
}

/**
 * Chooses market and locale: what the address asks for, then the browser's languages, then the first that is served. A
 * region in a browser's language ("de-AT") is a hint for the market; the market's own first locale is the last resort.
 */
export function choose(
  markets: { code: string; locales: string[] }[],
  locales: string[],
  asked: { locale?: string | null; market?: string | null },
  languages: readonly string[],
): { market: string; locale: string } {
  const base = (l: string) => l.toLowerCase().split("-")[0] ?? "";
  const byLocale = (l: string) => locales.find((x) => x.toLowerCase() === l.toLowerCase()) ?? locales.find((x) => base(x) === base(l));
  let locale = asked.locale ? byLocale(asked.locale) : undefined;
  let market = markets.find((m) => m.code.toLowerCase() === asked.market?.toLowerCase());
  for (const l of languages) {
    if (!market) {
      const region = l.split("-").slice(1).find((p) => /^[A-Za-z]{2}$/.test(p))?.toLowerCase();
      market = markets.find((m) => m.code.toLowerCase() === region);
    }
    locale ??= byLocale(l);
  }
  market ??= markets.find((m) => locale !== undefined && base(m.locales[0] ?? "") === base(locale)) ?? markets[0];
  locale ??= market?.locales[0] ?? locales[0] ?? "en";
  return { market: market?.code ?? "", locale };
}
