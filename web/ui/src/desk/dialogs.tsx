// The questions before a conversation leaves the agent's hands.

import { useState } from "preact/hooks";
import { Dialog, Growing } from "../shared/parts.tsx";
import { dialogs } from "./slots.tsx";
import * as s from "./store/index.ts";

/** The longest note or instruction that the server takes. */
export const limit = 1000;

dialogs.add({ id: "resolve", component: Resolve });
dialogs.add({ id: "return", component: Return });
dialogs.add({ id: "escalate", component: Escalate });

/** The dialog that was asked for, if it is one of the slot's. */
export function Dialogs() {
  const asked = dialogs.shown.find((d) => d.id === s.dialog.value);
  return asked ? <asked.component key={asked.id} /> : null;
}

export const close = () => (s.dialog.value = null);

/** What went wrong, and the two ways out of a dialog. */
export function Actions({ label, disabled }: { label: string; disabled?: boolean }) {
  return (
    <>
      {s.notice.value?.bad && (
        <p class="wrong" role="alert">
          {s.notice.value.text}
        </p>
      )}
      <div class="dialog-actions">
        <button type="button" class="button quiet" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="button" disabled={disabled || s.busy.value !== ""}>
          {label}
        </button>
      </div>
    </>
  );
}

function Resolve() {
  return (
    <Dialog title="Resolve without a reply?" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          void s.resolve();
        }}
      >
        <p>No reply was sent to this customer. They will only see that the conversation was closed.</p>
        <Actions label="Resolve anyway" />
      </form>
    </Dialog>
  );
}

function Return() {
  const [text, setText] = useState("");
  return (
    <Dialog title="Return to the assistant" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          void s.giveBack(text.trim());
        }}
      >
        <p>The assistant answers again from the customer's next message on. The customer is told.</p>
        <label class="field">
          <span>Instruction for the assistant (optional)</span>
          <Growing class="textarea" rows={3} value={text} onValue={setText} label="Instruction for the assistant" placeholder="The refund is on its way; explain how long it takes." maxLength={limit} autoFocus />
        </label>
        <Actions label="Return" />
      </form>
    </Dialog>
  );
}

function Escalate() {
  const [note, setNote] = useState("");
  return (
    <Dialog title="Escalate" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          void s.escalate(note.trim());
        }}
      >
        <p>The conversation becomes more urgent by one step and goes to the team that helps yours out. You give it away.</p>
        <label class="field">
          <span>Note for the team (optional, the customer does not see it)</span>
          <Growing class="textarea" rows={3} value={note} onValue={setNote} label="Note for the team" maxLength={limit} autoFocus />
        </label>
        <Actions label="Escalate" />
      </form>
    </Dialog>
  );
}
