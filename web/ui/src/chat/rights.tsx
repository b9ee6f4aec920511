// The dialog in which customers read what is kept of them, take a copy of it, and have it deleted.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call, download, Problem } from "../shared/api.ts";
import { host } from "../shared/host.ts";
import { Dialog } from "../shared/parts.tsx";
import { forgotten, type Privacy, rights, rightsLabel } from "./rights.ts";
import { auth, locale, notice, path, words } from "./session.ts";
import { languageOf } from "./words.ts";

interface Texts {
  none: string;
  copy: string;
  copied: string;
  erase: string;
  sure: string;
  goes: string;
  goesAll: string;
  stays: string;
  keep: string;
  yes: string;
  open: string;
  even: string;
  session: string;
  wait: string;
  gone: string;
  done: string;
  receipt: string;
  save: string;
  check: string;
}

const texts: Record<string, Texts> = {
  en: { none: "There is no conversation in this browser yet, so there is nothing to download or delete.", copy: "Download a copy", copied: "The copy (a ZIP file) has been saved.", erase: "Delete", sure: "Delete for good?", goes: "These go: this conversation with its messages, files, ratings and summaries, and the addresses for notices. It cannot be brought back.", goesAll: "These go: all conversations of your account with their messages, files, ratings and summaries, and the addresses for notices. They cannot be brought back.", stays: "These stay: technical records without your words, e-mails that were already sent, articles that were published, what other systems already received, and backups until they expire.", keep: "Keep it", yes: "Delete for good", open: "A person is taking care of it right now. You can wait for the answer and delete then, or delete all the same; then nobody can answer you.", even: "Delete all the same", session: "This conversation belongs to your account. To delete it, sign in again where you opened this chat, open the chat from there, and delete within 10 minutes.", wait: "That was asked too often. Please wait a minute and try again.", gone: "It was deleted before. This browser has forgotten it, too.", done: "Your data has been deleted, here and in this browser.", receipt: "This is your signed receipt. Save it now: it is not shown again.", save: "Save receipt", check: "With the saved receipt anybody can check it:" },
  de: { none: "In diesem Browser gibt es noch kein Gespräch, also nichts zum Herunterladen oder Löschen.", copy: "Kopie herunterladen", copied: "Die Kopie (eine ZIP-Datei) ist gespeichert.", erase: "Löschen", sure: "Endgültig löschen?", goes: "Gelöscht werden: dieses Gespräch mit Nachrichten, Dateien, Bewertungen und Zusammenfassungen sowie die Adressen für Benachrichtigungen. Es lässt sich nicht wiederherstellen.", goesAll: "Gelöscht werden: alle Gespräche Ihres Kontos mit Nachrichten, Dateien, Bewertungen und Zusammenfassungen sowie die Adressen für Benachrichtigungen. Sie lassen sich nicht wiederherstellen.", stays: "Es bleiben: technische Aufzeichnungen ohne Ihre Worte, bereits gesendete E-Mails, veröffentlichte Artikel, was andere Systeme schon erhalten haben, und Sicherungen bis zu ihrem Ablauf.", keep: "Behalten", yes: "Endgültig löschen", open: "Gerade kümmert sich ein Mensch darum. Sie können die Antwort abwarten und dann löschen, oder trotzdem löschen; dann kann Ihnen niemand mehr antworten.", even: "Trotzdem löschen", session: "Dieses Gespräch gehört zu Ihrem Konto. Melden Sie sich zum Löschen dort neu an, wo Sie den Chat geöffnet haben, öffnen Sie ihn von dort und löschen Sie innerhalb von 10 Minuten.", wait: "Das wurde zu oft verlangt. Warten Sie bitte eine Minute und versuchen Sie es noch einmal.", gone: "Es war schon gelöscht. Auch dieser Browser hat es vergessen.", done: "Ihre Daten sind gelöscht, hier und in diesem Browser.", receipt: "Das ist Ihre signierte Bestätigung. Speichern Sie sie jetzt: Sie wird nicht noch einmal gezeigt.", save: "Bestätigung speichern", check: "Mit der gespeicherten Bestätigung kann das jeder prüfen:" },
  es: { none: "En este navegador aún no hay ninguna conversación: no hay nada que descargar ni eliminar.", copy: "Descargar una copia", copied: "La copia (un archivo ZIP) se ha guardado.", erase: "Eliminar", sure: "¿Eliminar para siempre?", goes: "Se elimina: esta conversación con sus mensajes, archivos, valoraciones y resúmenes, y las direcciones para avisos. No se puede recuperar.", goesAll: "Se eliminan: todas las conversaciones de tu cuenta con sus mensajes, archivos, valoraciones y resúmenes, y las direcciones para avisos. No se pueden recuperar.", stays: "Se queda: registros técnicos sin tus palabras, correos ya enviados, artículos publicados, lo que otros sistemas ya recibieron y las copias de seguridad hasta que caduquen.", keep: "Conservar", yes: "Eliminar para siempre", open: "Ahora mismo lo atiende una persona. Puedes esperar la respuesta y eliminar después, o eliminar de todos modos; entonces nadie podrá responderte.", even: "Eliminar de todos modos", session: "Esta conversación pertenece a tu cuenta. Para eliminarla, inicia sesión otra vez donde abriste el chat, ábrelo desde allí y elimina antes de 10 minutos.", wait: "Se ha pedido demasiadas veces. Espera un minuto e inténtalo de nuevo.", gone: "Ya se había eliminado. Este navegador también la ha olvidado.", done: "Tus datos se han eliminado, aquí y en este navegador.", receipt: "Este es tu justificante firmado. Guárdalo ahora: no se vuelve a mostrar.", save: "Guardar justificante", check: "Con el justificante guardado cualquiera puede comprobarlo:" },
  sv: { none: "Det finns ännu inget samtal i den här webbläsaren, alltså inget att ladda ner eller radera.", copy: "Ladda ner en kopia", copied: "Kopian (en ZIP-fil) har sparats.", erase: "Radera", sure: "Radera för gott?", goes: "Det här försvinner: samtalet med meddelanden, filer, betyg och sammanfattningar, och adresserna för aviseringar. Det går inte att återställa.", goesAll: "Det här försvinner: alla samtal på ditt konto med meddelanden, filer, betyg och sammanfattningar, och adresserna för aviseringar. Det går inte att återställa.", stays: "Det här finns kvar: tekniska noteringar utan dina ord, redan skickade mejl, publicerade artiklar, det som andra system redan fått, och säkerhetskopior tills de löper ut.", keep: "Behåll", yes: "Radera för gott", open: "En människa tar hand om det just nu. Du kan vänta på svaret och radera sedan, eller radera ändå; då kan ingen svara dig.", even: "Radera ändå", session: "Samtalet hör till ditt konto. För att radera det loggar du in på nytt där du öppnade chatten, öppnar den därifrån och raderar inom 10 minuter.", wait: "Det har begärts för ofta. Vänta en minut och försök igen.", gone: "Det var redan raderat. Webbläsaren har också glömt det.", done: "Dina uppgifter är raderade, här och i webbläsaren.", receipt: "Det här är ditt signerade kvitto. Spara det nu: det visas inte igen.", save: "Spara kvittot", check: "Med det sparade kvittot kan vem som helst kontrollera det:" },
  fr: { none: "Il n'y a pas encore de conversation dans ce navigateur : rien à télécharger ni à supprimer.", copy: "Télécharger une copie", copied: "La copie (un fichier ZIP) est enregistrée.", erase: "Supprimer", sure: "Supprimer définitivement ?", goes: "Seront supprimés : cette conversation avec ses messages, fichiers, évaluations et résumés, et les adresses de notification. Rien ne pourra être rétabli.", goesAll: "Seront supprimés : toutes les conversations de votre compte avec leurs messages, fichiers, évaluations et résumés, et les adresses de notification. Rien ne pourra être rétabli.", stays: "Restent : des traces techniques sans vos mots, les e-mails déjà envoyés, les articles publiés, ce que d'autres systèmes ont déjà reçu, et les sauvegardes jusqu'à leur expiration.", keep: "Conserver", yes: "Supprimer définitivement", open: "Une personne s'en occupe en ce moment. Vous pouvez attendre la réponse puis supprimer, ou supprimer quand même ; plus personne ne pourra alors vous répondre.", even: "Supprimer quand même", session: "Cette conversation appartient à votre compte. Pour la supprimer, reconnectez-vous là où vous avez ouvert ce chat, ouvrez-le depuis cet endroit et supprimez dans les 10 minutes.", wait: "Cela a été demandé trop souvent. Attendez une minute et réessayez.", gone: "Elle était déjà supprimée. Ce navigateur l'a oubliée aussi.", done: "Vos données sont supprimées, ici et dans ce navigateur.", receipt: "Voici votre reçu signé. Enregistrez-le maintenant : il ne sera plus affiché.", save: "Enregistrer le reçu", check: "Avec le reçu enregistré, chacun peut le vérifier :" },
  ar: { none: "لا توجد محادثة في هذا المتصفح بعد، فلا شيء للتنزيل أو الحذف.", copy: "تنزيل نسخة", copied: "حُفظت النسخة (ملف ZIP).", erase: "حذف", sure: "هل تريد الحذف نهائيًا؟", goes: "سيُحذف: هذه المحادثة برسائلها وملفاتها وتقييماتها وملخصاتها، وعناوين الإشعارات. لا يمكن استعادتها.", goesAll: "سيُحذف: كل محادثات حسابك برسائلها وملفاتها وتقييماتها وملخصاتها، وعناوين الإشعارات. لا يمكن استعادتها.", stays: "سيبقى: سجلات تقنية خالية من كلامك، والرسائل الإلكترونية المرسلة، والمقالات المنشورة، وما وصل إلى أنظمة أخرى، والنسخ الاحتياطية إلى أن تنتهي مدتها.", keep: "إبقاء", yes: "حذف نهائي", open: "يتولى شخص الأمر الآن. يمكنك انتظار الرد ثم الحذف، أو الحذف رغم ذلك؛ وعندها لن يستطيع أحد الرد عليك.", even: "الحذف رغم ذلك", session: "هذه المحادثة تخص حسابك. لحذفها سجّل الدخول من جديد حيث فتحت المحادثة، وافتحها من هناك، واحذف خلال 10 دقائق.", wait: "طُلب ذلك مرات كثيرة. انتظر دقيقة ثم حاول مرة أخرى.", gone: "كانت محذوفة من قبل. ونسيها هذا المتصفح أيضًا.", done: "حُذفت بياناتك، هنا وفي هذا المتصفح.", receipt: "هذا إيصالك الموقّع. احفظه الآن: لن يُعرض مرة أخرى.", save: "حفظ الإيصال", check: "بالإيصال المحفوظ يمكن لأي شخص التحقق منه:" },
};

/** Hands a file to the browser to be saved. */
function save(blob: Blob, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

/** The name by which the company knows the customer, as its own token says it. */
function subjectOf(token: string): string {
  try {
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)))) as { sub?: string };
    return claims.sub ?? "";
  } catch {
    return "";
  }
}

type Stage = "read" | "sure" | "open" | "done";

export function Rights() {
  const w = words.value;
  const t = texts[languageOf(locale.value)] ?? texts.en;
  const [s] = useState(rights.value?.of ?? null); // it outlives the conversation
  const [privacy, setPrivacy] = useState<Privacy | null>(null);
  const [stage, setStage] = useState<Stage>("read");
  const [all, setAll] = useState(false);
  const [busy, setBusy] = useState(false);
  const [receipt, setReceipt] = useState("");
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    const cancel = new AbortController();
    call<Privacy>(`/v1/privacy?locale=${encodeURIComponent(locale.value)}`, { signal: cancel.signal }).then(setPrivacy, () => {
      if (!cancel.signal.aborted) setWrong(words.value.failed);
    });
    return () => cancel.abort();
  }, []);
  const first = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => first.current?.focus(), [stage, all]); // the safe way first
  if (!t) return null;

  const run = async (f: () => Promise<void>) => {
    setBusy(true);
    setSaid("");
    setWrong("");
    try {
      await f();
    } catch (err) {
      setWrong(err instanceof Problem && err.status === 429 ? t.wait : w.failed);
    }
    setBusy(false);
  };
  const copy = () =>
    s &&
    run(async () => {
      save(await download(path(s, "/export"), "application/zip", auth(s), { method: "POST", timeoutMs: 600_000 }), "my-data.zip");
      setSaid(t.copied);
    });
  const done = (text: string, whole: boolean) => {
    forgotten(host.prefix, whole || !s ? undefined : s);
    notice.value = "";
    setReceipt(text);
    setStage("done");
  };
  const erase = (evenOpen: boolean) =>
    s &&
    run(async () => {
      const body = { confirm: true, even_open: evenOpen };
      try {
        if (all) {
          const { session } = await call<{ session: string }>("/v1/customer/session", { body: { customer_token: host.customerToken } });
          done((await call<{ receipt: string }>("/v1/customer/erase", { body, headers: { Authorization: `Bearer ${session}` } })).receipt, true);
        } else done((await call<{ receipt: string }>(path(s, "/erase"), { body, headers: auth(s) })).receipt, false);
      } catch (err) {
        if (!(err instanceof Problem)) throw err;
        if (err.code === "with_an_agent") setStage("open");
        else if (err.code === "needs_session" && host.customerToken) {
          setAll(true); // asked anew: more goes than was agreed to
          setStage("sure");
        } else if (err.status === 403 || (all && (err.status === 422 || err.status === 401))) {
          setStage("read");
          setWrong(t.session);
        } else if (err.status === 401 || err.status === 404) {
          done("", false);
        } else throw err;
      }
    });
  const subject = all ? subjectOf(host.customerToken) || "ID" : (s?.id ?? "");

  return (
    <Dialog class="rights" title={stage === "sure" || stage === "open" ? t.sure : rightsLabel(locale.value)} closeLabel={w.close} onClose={() => (rights.value = undefined)}>
      {stage === "read" && (
        <>
          {!privacy && !wrong && <p class="quiet-text">{w.loading}</p>}
          {privacy?.sections.map((one) => (
            <section key={one.key}>
              <h3>{one.title}</h3>
              <p>{one.text}</p>
            </section>
          ))}
          {s ? (
            <div class="dialog-actions">
              <button type="button" class="button quiet" disabled={busy} onClick={() => void copy()}>
                {t.copy}
              </button>
              <button
                type="button"
                class="button"
                disabled={busy}
                onClick={() => {
                  setSaid("");
                  setWrong("");
                  setStage("sure");
                }}
              >
                {t.erase}
              </button>
            </div>
          ) : (
            <p class="quiet-text">{t.none}</p>
          )}
        </>
      )}
      {(stage === "sure" || stage === "open") && (
        <>
          <p>{stage === "open" ? t.open : all ? t.goesAll : t.goes}</p>
          <p>{t.stays}</p>
          <div class="dialog-actions">
            <button ref={first} type="button" class="button quiet" onClick={() => setStage("read")}>
              {t.keep}
            </button>
            <button type="button" class="button" disabled={busy} aria-busy={busy} onClick={() => void erase(stage === "open")}>
              {stage === "open" ? t.even : t.yes}
            </button>
          </div>
        </>
      )}
      {stage === "done" && (
        <>
          <p role="status">{receipt ? t.done : t.gone}</p>
          {receipt && (
            <>
              <p>{t.receipt}</p>
              <pre class="rights-receipt" dir="ltr" tabIndex={0}>
                {receipt}
              </pre>
              <p>{t.check}</p>
              <pre class="rights-receipt" dir="ltr" tabIndex={0}>
                firstline verify-receipt receipt.txt --key {privacy?.receipt_key ?? "KEY"} --subject {subject}
              </pre>
              <div class="dialog-actions">
                <button type="button" class="button primary" ref={first} onClick={() => save(new Blob([receipt], { type: "text/plain" }), "receipt.txt")}>
                  {t.save}
                </button>
              </div>
            </>
          )}
        </>
      )}
      <p role="status">{said}</p>
      <p role="alert" class={wrong ? "wrong" : ""}>
        {wrong}
      </p>
    </Dialog>
  );
}
