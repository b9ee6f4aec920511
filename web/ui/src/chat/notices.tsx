// The dialog in which a customer asks to be told of answers: by e-mail, or by this browser.

import { useEffect, useState } from "preact/hooks";
import { call, Problem } from "../shared/api.ts";
import { host } from "../shared/host.ts";
import { Dialog } from "../shared/parts.tsx";
import { telling, tellLabel } from "./notices.ts";
import { locale, session, setTold, words } from "./session.ts";
import { languageOf } from "./words.ts";

interface Texts {
  lead: string;
  email: string;
  send: string;
  asked: (a: string) => string;
  told: (a: string) => string;
  waiting: (a: string) => string;
  end: string;
  push: string;
  pushed: string;
  denied: string;
  text: string;
  ios: string;
  none: string;
}

const texts: Record<string, Texts> = {
  en: { lead: "If you do not read an answer here, we send it to you. You can end that at any time.", email: "Your e-mail address", send: "Tell me by e-mail", asked: (a) => `We have written to ${a}. Open that e-mail and agree; until then nothing else is sent.`, told: (a) => `Answers are sent to ${a}.`, waiting: (a) => `${a} has not agreed yet.`, end: "End", push: "Show a notification on this device", pushed: "This device shows a notification.", denied: "This browser does not allow notifications here. Its settings for this page can change that.", text: "Show the text of the answer in the notification, also while the device is locked", ios: "On iPhone and iPad notifications need this page on the home screen; e-mail works everywhere.", none: "Neither e-mail nor notifications are available here. The answer will be in this chat." },
  de: { lead: "Wenn Sie eine Antwort hier nicht lesen, senden wir sie Ihnen. Sie können das jederzeit beenden.", email: "Ihre E-Mail-Adresse", send: "Per E-Mail benachrichtigen", asked: (a) => `Wir haben an ${a} geschrieben. Öffnen Sie diese E-Mail und stimmen Sie zu; vorher wird nichts weiter gesendet.`, told: (a) => `Antworten werden an ${a} gesendet.`, waiting: (a) => `${a} hat noch nicht zugestimmt.`, end: "Beenden", push: "Auf diesem Gerät eine Benachrichtigung zeigen", pushed: "Dieses Gerät zeigt eine Benachrichtigung.", denied: "Dieser Browser erlaubt hier keine Benachrichtigungen. In seinen Einstellungen für diese Seite lässt sich das ändern.", text: "Den Text der Antwort in der Benachrichtigung zeigen, auch auf dem gesperrten Gerät", ios: "Auf iPhone und iPad brauchen Benachrichtigungen diese Seite auf dem Home-Bildschirm; E-Mail geht überall.", none: "Hier sind weder E-Mail noch Benachrichtigungen möglich. Die Antwort steht dann in diesem Chat." },
  es: { lead: "Si no lees una respuesta aquí, te la enviamos. Puedes terminarlo cuando quieras.", email: "Tu correo electrónico", send: "Avisarme por correo", asked: (a) => `Hemos escrito a ${a}. Abre ese correo y acepta; hasta entonces no se envía nada más.`, told: (a) => `Las respuestas se envían a ${a}.`, waiting: (a) => `${a} aún no ha aceptado.`, end: "Terminar", push: "Mostrar una notificación en este dispositivo", pushed: "Este dispositivo muestra una notificación.", denied: "Este navegador no permite notificaciones aquí. Puedes cambiarlo en sus ajustes para esta página.", text: "Mostrar el texto de la respuesta en la notificación, también con el dispositivo bloqueado", ios: "En iPhone y iPad las notificaciones necesitan esta página en la pantalla de inicio; el correo funciona siempre.", none: "Aquí no hay correo ni notificaciones. La respuesta estará en este chat." },
  sv: { lead: "Om du inte läser ett svar här skickar vi det till dig. Du kan avsluta det när du vill.", email: "Din e-postadress", send: "Meddela mig via e-post", asked: (a) => `Vi har skrivit till ${a}. Öppna mejlet och godkänn; innan dess skickas inget mer.`, told: (a) => `Svar skickas till ${a}.`, waiting: (a) => `${a} har inte godkänt ännu.`, end: "Avsluta", push: "Visa en avisering på den här enheten", pushed: "Den här enheten visar en avisering.", denied: "Webbläsaren tillåter inte aviseringar här. Det går att ändra i dess inställningar för sidan.", text: "Visa svarets text i aviseringen, även när enheten är låst", ios: "På iPhone och iPad behöver aviseringar den här sidan på hemskärmen; e-post fungerar överallt.", none: "Varken e-post eller aviseringar finns här. Svaret kommer att stå i chatten." },
  fr: { lead: "Si vous ne lisez pas une réponse ici, nous vous l'envoyons. Vous pouvez y mettre fin à tout moment.", email: "Votre adresse e-mail", send: "M'avertir par e-mail", asked: (a) => `Nous avons écrit à ${a}. Ouvrez cet e-mail et acceptez ; d'ici là, rien d'autre n'est envoyé.`, told: (a) => `Les réponses sont envoyées à ${a}.`, waiting: (a) => `${a} n'a pas encore accepté.`, end: "Arrêter", push: "Afficher une notification sur cet appareil", pushed: "Cet appareil affiche une notification.", denied: "Ce navigateur n'autorise pas les notifications ici. Ses réglages pour cette page permettent de le changer.", text: "Afficher le texte de la réponse dans la notification, même quand l'appareil est verrouillé", ios: "Sur iPhone et iPad, les notifications exigent cette page sur l'écran d'accueil ; l'e-mail fonctionne partout.", none: "Ni e-mail ni notifications ne sont disponibles ici. La réponse sera dans cette discussion." },
  ar: { lead: "إذا لم تقرأ الرد هنا فسنرسله إليك. يمكنك إيقاف ذلك في أي وقت.", email: "عنوان بريدك الإلكتروني", send: "أبلغني بالبريد الإلكتروني", asked: (a) => `كتبنا إلى \u2068${a}\u2069. افتح تلك الرسالة ووافق؛ لن نرسل شيئًا آخر قبل ذلك.`, told: (a) => `تُرسل الردود إلى \u2068${a}\u2069.`, waiting: (a) => `لم يوافق \u2068${a}\u2069 بعد.`, end: "إيقاف", push: "عرض إشعار على هذا الجهاز", pushed: "يعرض هذا الجهاز إشعارًا.", denied: "لا يسمح هذا المتصفح بالإشعارات هنا. يمكن تغيير ذلك في إعداداته لهذه الصفحة.", text: "عرض نص الرد في الإشعار، حتى عندما يكون الجهاز مقفلاً", ios: "على iPhone وiPad تحتاج الإشعارات إلى إضافة هذه الصفحة إلى الشاشة الرئيسية؛ البريد الإلكتروني يعمل دائمًا.", none: "لا يتوفر البريد الإلكتروني ولا الإشعارات هنا. سيكون الرد في هذه الدردشة." },
};

interface Ways {
  email: boolean;
  push_key: string;
  subscriptions: { id: string; kind: "email" | "push"; address: string; confirmed: boolean }[];
}

/** Push needs a service worker of this server's own origin, which a page of another one cannot have. */
const canPush = () => host.base === "" && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

export function Notices() {
  const w = words.value;
  const t = texts[languageOf(locale.value)] ?? texts.en;
  const s = session.value;
  const [ways, setWays] = useState<Ways | null>(null);
  const [address, setAddress] = useState("");
  const [text, setText] = useState(false);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const url = (rest = "") => `/v1/conversations/${encodeURIComponent(s?.id ?? "")}/subscription${rest}`;
  const headers = { Authorization: `Bearer ${s?.token ?? ""}` };
  const load = async () => {
    const all = await call<Ways>(url(), { headers });
    setWays(all);
    setTold(all.subscriptions.length > 0);
  };
  const run = async (f: () => Promise<void>) => {
    setBusy(true);
    setSaid("");
    setWrong("");
    try {
      await f();
    } catch (err) {
      setWrong(err instanceof Problem && err.status === 422 ? err.message : err instanceof DOMException && err.name === "NotAllowedError" ? (t?.denied ?? "") : w.failed);
    }
    setBusy(false);
  };
  useEffect(() => void run(load), [s?.id]);
  if (!s || !t) return null;

  const byMail = () =>
    run(async () => {
      const a = address.trim();
      const res = await call<{ confirmed: boolean } | undefined>(url(), { body: { kind: "email", address: a }, headers });
      setAddress("");
      setSaid(res ? t.asked(a) : t.told(a));
      await load();
    });
  const byPush = () =>
    run(async () => {
      if ((await Notification.requestPermission()) !== "granted") return setWrong(t.denied);
      const worker = await navigator.serviceWorker.register("/sw.js", { scope: "/chat" });
      const mine = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: ways?.push_key ?? "" });
      const { endpoint, keys } = mine.toJSON();
      await call(url(), { body: { kind: "push", address: endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth }, text }, headers });
      setSaid(t.pushed);
      await load();
    });
  const end = (id: string) =>
    run(async () => {
      await call(url(`/${encodeURIComponent(id)}`), { method: "DELETE", headers });
      await load();
    });
  const push = canPush();

  return (
    <Dialog title={tellLabel(locale.value)} closeLabel={w.close} onClose={() => (telling.value = false)}>
      <p>{ways && !ways.email && !push ? t.none : t.lead}</p>
      {ways && ways.subscriptions.length > 0 && (
        <ul class="notices">
          {ways.subscriptions.map((one) => (
            <li key={one.id}>
              <span>{one.kind === "push" ? t.pushed : one.confirmed ? t.told(one.address) : t.waiting(one.address)}</span>
              <button type="button" class="text-button" disabled={busy} onClick={() => void end(one.id)}>
                {t.end}
              </button>
            </li>
          ))}
        </ul>
      )}
      {ways?.email && (
        <form
          class="notices-form"
          onSubmit={(e) => {
            e.preventDefault();
            void byMail();
          }}
        >
          <label for="notice-address">{t.email}</label>
          <input id="notice-address" class="input" type="email" autocomplete="email" required maxLength={254} dir="ltr" value={address} onInput={(e) => setAddress(e.currentTarget.value)} />
          <button type="submit" class="button primary" disabled={busy || address.trim() === ""}>
            {t.send}
          </button>
        </form>
      )}
      {ways && push && !ways.subscriptions.some((one) => one.kind === "push") && (
        <div class="notices-form">
          <label class="notices-check">
            <input type="checkbox" checked={text} onChange={(e) => setText(e.currentTarget.checked)} /> {t.text}
          </label>
          <button type="button" class="button" disabled={busy} onClick={() => void byPush()}>
            {t.push}
          </button>
        </div>
      )}
      {ways && !push && ways.email && host.base === "" && <p class="quiet-text">{t.ios}</p>}
      <p role="status">{said}</p>
      <p role="alert" class={wrong ? "wrong" : ""}>
        {wrong}
      </p>
    </Dialog>
  );
}
