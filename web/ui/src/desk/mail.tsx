// What was cut from an e-mail before it became a message: the quote of an earlier one, a signature.

import { useState } from "preact/hooks";
import type { Message } from "../shared/types.ts";
import { messageParts } from "./slots.tsx";
import * as s from "./store/index.ts";

/** An e-mail as it came, and the message that it became. */
interface Original {
  message?: string;
  at: string;
  text: string;
}

/** Tells the first message of an e-mail by what the server calls it. */
export const wasMail = (m: Message) => m.author !== "assistant" && m.author !== "agent" && /^mail-[0-9a-f]{32}$/.test(m.client_id ?? "");

messageParts.add({ id: "mail", order: 50, component: ({ message }) => (wasMail(message) ? <Mail m={message} /> : null) });

function Mail({ m }: { m: Message }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState<string | null>(null);
  const [wrong, setWrong] = useState("");
  const show = async () => {
    setOpen(!open);
    if (open || text) return;
    setText(null);
    setWrong("");
    try {
      const { mails } = await s.agentCall<{ mails: Original[] }>(`/conversations/${encodeURIComponent(s.openId.value ?? "")}/mail`);
      setText(mails.find((o) => o.message === m.id)?.text ?? "");
    } catch (err) {
      setWrong(s.words(err));
    }
  };
  return (
    <div class="mail-whole">
      <button type="button" class="text-button" aria-expanded={open} onClick={() => void show()}>
        {open ? "Hide the whole e-mail" : "Show what was cut"}
      </button>
      <div role="status">
        {open && text === "" && <p class="quiet-text">Nothing was cut from this e-mail.</p>}
        {open && wrong && <p class="wrong">{wrong}</p>}
      </div>
      {open && text && (
        <div class="verbatim" role="group" aria-label="The whole e-mail" dir="auto">
          {text}
        </div>
      )}
    </div>
  );
}
