// The widget's colours, all of them made from the one that the company chose, so that text on them and in them can be read:
// at least 4.5 to 1 (WCAG 2.2, 1.4.3), whatever was chosen.

type Rgb = [number, number, number];

const white: Rgb = [255, 255, 255];
const ink: Rgb = [10, 18, 16];

/** Reads #rrggbb; undefined for anything else. */
export function parse(hex: string | undefined): Rgb | undefined {
  const m = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex ?? "");
  return m ? [parseInt(m[1] ?? "", 16), parseInt(m[2] ?? "", 16), parseInt(m[3] ?? "", 16)] : undefined;
}

const hex = (c: Rgb) => `#${c.map((v) => Math.round(v).toString(16).padStart(2, "0")).join("")}`;
const mix = (a: Rgb, b: Rgb, part: number): Rgb => [0, 1, 2].map((i) => Math.round((a[i] ?? 0) * (1 - part) + (b[i] ?? 0) * part)) as Rgb;

function luminance(c: Rgb): number {
  const [r = 0, g = 0, b = 0] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** How well two colours stand apart, from 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** Moves a colour towards another until it stands apart from the grounds. */
function readable(c: Rgb, towards: Rgb, ...grounds: Rgb[]): Rgb {
  for (let n = 0; n <= 40; n++) {
    const moved = mix(c, towards, n / 40);
    if (grounds.every((g) => contrast(moved, g) >= 4.5)) return moved;
  }
  return towards;
}

/** The names and values for one scheme; surfaces are those of base.css. */
export function palette(colour: Rgb, dark: boolean): Record<string, string> {
  const surface: Rgb = dark ? [26, 30, 29] : white;
  const ground: Rgb = dark ? [18, 21, 20] : [246, 245, 241];
  const raised: Rgb = dark ? [36, 41, 40] : [239, 237, 231];
  const end = dark ? white : ink;
  // Focus rings and buttons stand on the surfaces themselves: those need 3 to 1, which 4.5 includes.
  const brand = readable(colour, end, surface, ground);
  const on = contrast(brand, white) >= contrast(brand, ink) ? white : ink;
  const soft = mix(surface, brand, dark ? 0.22 : 0.12);
  return {
    "--brand": hex(brand),
    "--brand-hover": hex(mix(brand, on === white ? ink : white, 0.14)),
    "--on-brand": hex(on),
    "--brand-soft": hex(soft),
    "--brand-text": hex(readable(brand, end, surface, ground, raised, soft)),
  };
}
