// Makes the chat page's styles fit for a shadow root on somebody else's page.

export type Mode = "auto" | "light" | "dark";

/** The class of the element that stands for the page. */
export const rootClass = "fl-root";

/**
 * The styles of the chat page for a shadow root:
 *   - what is said of the document is said of the root's element,
 *   - rem is replaced, because a page may set it as it likes: 1rem is what the reader's browser has as its own text size,
 *   - widths are those of the widget and not of the window,
 *   - light and dark are as the site wants them.
 */
export function adapt(css: string, rem: number, mode: Mode): string {
  let out = css
    .replace(/(^|[{},]|\*\/)(\s*)(?::root|html|body|#app)(?=[\s,{])/g, `$1$2.${rootClass}`)
    .replace(/(\d*\.?\d+)rem\b/g, (_, n: string) => `${Math.round(Number(n) * rem * 1000) / 1000}px`)
    .replace(/@media\s*\(\s*(max|min)-width/g, "@container ($1-width")
    .replace(/@media\s*\(\s*width\s*([<>]=?)/g, "@container (width$1")
    .replace(/\b100d?vh\b/g, "100%");
  if (mode !== "auto") {
    out = out
      .replace(/@media\s*\(\s*prefers-color-scheme:\s*dark\s*\)/g, mode === "dark" ? "@media all" : "@media not all")
      .replace(/color-scheme:\s*light dark/g, `color-scheme:${mode}`);
  }
  return out;
}
