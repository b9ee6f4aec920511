// Keys as they are written down: "j", "?", "shift+j", "alt+2", "mod+k", where mod is Ctrl, or ⌘ on a Mac.

export interface KeyPress {
  key: string;
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  getModifierState?: (name: string) => boolean;
}

/** What was pressed, or "" for a modifier alone. Shift is a part of the character where the keyboard makes another one with it. */
export function chordOf(e: KeyPress): string {
  if (["Control", "Meta", "Alt", "AltGraph", "Shift", "Dead", "Process", "Unidentified", "CapsLock"].includes(e.key)) return "";
  // AltGr writes characters, and some systems report it as Ctrl and Alt at once.
  const writes = e.getModifierState?.("AltGraph") ?? false;
  const alt = e.altKey && !writes;
  const mod = (e.ctrlKey || e.metaKey) && !writes;
  // With Alt a Mac writes other characters, so there the place on the keyboard counts.
  const place = alt ? /^(?:Key|Digit)(.)$/.exec(e.code ?? "")?.[1] : undefined;
  const key = (place ?? e.key).toLowerCase();
  const letter = key.length > 1 || key.toUpperCase() !== key || (mod && place !== undefined);
  return [mod && "mod", alt && "alt", e.shiftKey && letter && "shift", key === " " ? "space" : key].filter(Boolean).join("+");
}

/** A key that writes a character when a text field has the focus. Only these can be switched off: they are what speech input hits by mistake. */
export const isCharacter = (chord: string): boolean => !/^(mod|alt)\+/.test(chord) && !/^(shift\+)?f\d+$/.test(chord);

const taken = /^(mod\+(shift\+)?[acvxzynrtwqlp]|mod\+(enter|tab))$/;

/** Says why a key cannot be a shortcut, or "" when it can. */
export function refused(chord: string): string {
  const key = chord.replace(/^(mod\+)?(alt\+)?(shift\+)?/, "");
  if (taken.test(chord)) return "The browser or the text field needs this key.";
  if (isCharacter(chord) && [...key].length !== 1) return "Choose a letter, a digit, a sign, or a key together with Ctrl, ⌘ or Alt.";
  return "";
}

const names: Record<string, string> = { mod: "Ctrl or ⌘", alt: "Alt", shift: "Shift", arrowup: "↑", arrowdown: "↓", arrowleft: "←", arrowright: "→", enter: "Enter", escape: "Esc" };

const parts = (chord: string): string[] => (chord.endsWith("+") ? [...chord.slice(0, -1).split("+").filter(Boolean), "+"] : chord.split("+"));

/** As people read it: "Ctrl or ⌘ + k". */
export const readKeys = (chord: string): string =>
  parts(chord)
    .map((p) => names[p] ?? p)
    .join(" + ");

/** As aria-keyshortcuts wants it: "Control+k". */
export const ariaKeys = (chord: string): string | undefined =>
  chord === ""
    ? undefined
    : parts(chord)
        .map((p) => (p === "mod" ? "Control" : p === "+" ? "Plus" : p.charAt(0).toUpperCase() + p.slice(1)))
        .join("+");
