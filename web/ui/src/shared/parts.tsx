// Parts that both pages use: dialogs, menus, avatars, and clocks that tick.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { focusedElement } from "./host.ts";
import { Icon, type IconName } from "./icons.tsx";

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  closeLabel: string;
  class?: string;
}

/** A modal dialog of the browser: it keeps the focus inside, and Escape closes it. */
export function Dialog(p: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = focusedElement();
    const dialog = ref.current;
    dialog?.showModal();
    // What has to be decided comes before the way out: the first field of its form, or the button that sends it.
    if (dialog && focusedElement()?.closest(".dialog-head")) {
      const first = dialog.querySelector<HTMLElement>("form :is(input:checked, input:not([type=radio]), select, textarea):not([disabled])") ?? dialog.querySelector<HTMLElement>("form [type=submit]:not([disabled])");
      first?.focus();
    }
    return () => {
      // As long as the dialog is open nothing outside it takes the focus.
      dialog?.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${p.class ?? ""}`}
      aria-label={p.title}
      onCancel={(e) => {
        e.preventDefault();
        p.onClose();
      }}
      onClick={(e) => {
        if (e.target === ref.current) p.onClose();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2>{p.title}</h2>
          <button type="button" class="icon-button" aria-label={p.closeLabel} onClick={p.onClose}>
            <Icon name="close" />
          </button>
        </div>
        {p.children}
      </div>
    </dialog>
  );
}

export interface MenuItem {
  label: string;
  onSelect: () => void;
  checked?: boolean;
}

/** A button that opens a short list of actions. Arrow keys move, Escape closes and gives the focus back. */
export function Menu(p: { label: string; icon: IconName; items: MenuItem[] }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
    const outside = (e: Event) => {
      if (box.current && !e.composedPath().includes(box.current)) setOpen(false); // the path goes into shadow roots, the target does not
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const onKey = (e: KeyboardEvent) => {
    if (!open) return;
    if (e.key === "Escape") {
      setOpen(false);
      button.current?.focus();
      return e.stopPropagation();
    }
    if (e.key === "Tab") return setOpen(false);
    const all = [...(box.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
    const at = all.indexOf(focusedElement() as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  return (
    <div class="menu" ref={box} onKeyDown={onKey}>
      <button ref={button} type="button" class="icon-button" aria-label={p.label} title={p.label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={p.icon} />
      </button>
      {open && (
        <div class="menu-list" role="menu" aria-label={p.label}>
          {p.items.map((i) => (
            <button
              key={i.label}
              type="button"
              role={i.checked === undefined ? "menuitem" : "menuitemcheckbox"}
              aria-checked={i.checked}
              onClick={() => {
                setOpen(false);
                button.current?.focus();
                i.onSelect();
              }}
            >
              {i.label}
              {i.checked && <Icon name="check" size={18} />}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** The time, renewed every so many milliseconds while the component is shown. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const t = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(t);
  }, [everyMs]);
  return now;
}

export function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  return [parts[0], parts.length > 1 ? parts[parts.length - 1] : ""].map((p) => [...(p ?? "")][0] ?? "").join("").toUpperCase();
}

export function Avatar({ name, ai }: { name?: string; ai?: boolean }) {
  return (
    <span class={`avatar ${ai ? "avatar-ai" : "avatar-person"}`} aria-hidden="true">
      {ai ? <Icon name="spark" size={18} /> : name ? initials(name) : <Icon name="person" size={18} />}
    </span>
  );
}

export interface GrowingProps {
  value: string;
  onValue: (v: string) => void;
  label: string;
  placeholder?: string;
  rows?: number;
  maxLength?: number;
  id?: string;
  class?: string;
  describedBy?: string;
  autoFocus?: boolean;
  keyShortcuts?: string;
  onKeyDown?: (e: KeyboardEvent) => void;
}

/** A text field that grows with what is written, up to the height that its style allows. */
export function Growing(p: GrowingProps) {
  const ref = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const t = ref.current;
    if (!t) return;
    t.style.height = "auto";
    t.style.height = `${t.scrollHeight + t.offsetHeight - t.clientHeight}px`;
  }, [p.value]);
  useEffect(() => {
    if (p.autoFocus) ref.current?.focus();
  }, []);
  return (
    <textarea
      ref={ref}
      id={p.id}
      class={p.class}
      rows={p.rows ?? 1}
      value={p.value}
      aria-label={p.label}
      aria-describedby={p.describedBy}
      aria-keyshortcuts={p.keyShortcuts}
      placeholder={p.placeholder}
      maxLength={p.maxLength}
      dir="auto"
      onInput={(e) => p.onValue(e.currentTarget.value)}
      onKeyDown={p.onKeyDown}
    />
  );
}

/** Says whether a key belongs to an input method that is still composing a character. */
export function composing(e: KeyboardEvent): boolean {
  return e.isComposing || e.keyCode === 229;
}
