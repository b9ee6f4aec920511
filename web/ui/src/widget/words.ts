// What the button says before the chat is loaded, in the languages of the chat.

export interface LauncherWords {
  open: string;
  close: string;
  unread: (n: number) => string;
  loading: string;
  failed: string;
  retry: string;
}

const one = (open: string, close: string, unread: string, loading: string, failed: string, retry: string): LauncherWords => ({
  open,
  close,
  unread: (n) => unread.replace("#", String(n)),
  loading,
  failed,
  retry,
});

export const launcher: Record<string, LauncherWords> = {
  en: one("Open chat", "Close chat", "unread messages: #", "Loading…", "The chat could not be loaded.", "Try again"),
  de: one("Chat öffnen", "Chat schließen", "ungelesene Nachrichten: #", "Wird geladen …", "Der Chat konnte nicht geladen werden.", "Erneut versuchen"),
  es: one("Abrir el chat", "Cerrar el chat", "mensajes sin leer: #", "Cargando…", "No se ha podido cargar el chat.", "Volver a intentarlo"),
  sv: one("Öppna chatten", "Stäng chatten", "olästa meddelanden: #", "Laddar …", "Chatten kunde inte laddas.", "Försök igen"),
  fr: one("Ouvrir le chat", "Fermer le chat", "messages non lus : #", "Chargement…", "Le chat n’a pas pu être chargé.", "Réessayer"),
  ar: one("فتح المحادثة", "إغلاق المحادثة", "رسائل غير مقروءة: #", "جارٍ التحميل…", "تعذّر تحميل المحادثة.", "أعد المحاولة"),
};
