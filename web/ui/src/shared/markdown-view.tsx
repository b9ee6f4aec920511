// Draws the tree of a Markdown text. Every piece of text becomes a text node: nothing here makes markup from strings.

import { at } from "./host.ts";
import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import { parseMarkdown, type Block, type Inline } from "./markdown.ts";

export interface MarkdownProps {
  text: string;
  /** Draws the number of a citation; without it the numbers stay text. */
  cite?: (n: number) => ComponentChildren;
  /** Takes a link to an article of the help centre; returns true when it was dealt with. */
  onHelpLink?: (href: string) => boolean;
}

export function Markdown(p: MarkdownProps) {
  const tree = useMemo(() => parseMarkdown(p.text), [p.text]);
  return <div class="md">{tree.map((b, i) => block(b, i, p))}</div>;
}

function block(b: Block, key: number, p: MarkdownProps): JSX.Element {
  switch (b.kind) {
    case "paragraph":
      return <p key={key}>{spans(b.children, p)}</p>;
    case "heading":
      // A message is no document: its headings are strong lines, so that the page's own outline stays whole.
      return (
        <p key={key} class="md-heading">
          <strong>{spans(b.children, p)}</strong>
        </p>
      );
    case "list": {
      const items = b.items.map((item, i) => <li key={i}>{item.length === 1 && item[0]?.kind === "paragraph" ? spans(item[0].children, p) : item.map((x, j) => block(x, j, p))}</li>);
      return b.ordered ? (
        <ol key={key} start={b.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case "quote":
      return <blockquote key={key}>{b.children.map((x, i) => block(x, i, p))}</blockquote>;
    case "code":
      return (
        <pre key={key} tabIndex={0}>
          <code>{b.text}</code>
        </pre>
      );
    case "table":
      return (
        <div key={key} class="md-table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {b.head.map((c, i) => (
                  <th key={i} scope="col" data-align={b.align[i]}>
                    {spans(c, p)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {b.rows.map((r, i) => (
                <tr key={i}>
                  {r.map((c, j) => (
                    <td key={j} data-align={b.align[j]}>
                      {spans(c, p)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr key={key} />;
  }
}

function spans(ns: Inline[], p: MarkdownProps): ComponentChildren[] {
  return ns.map((n, i) => {
    switch (n.kind) {
      case "text":
        return n.text;
      case "strong":
        return <strong key={i}>{spans(n.children, p)}</strong>;
      case "em":
        return <em key={i}>{spans(n.children, p)}</em>;
      case "code":
        return <code key={i}>{n.text}</code>;
      case "break":
        return <br key={i} />;
      case "cite":
        return p.cite ? p.cite(n.n) : `[${n.n}]`;
      case "link": {
        const help = n.href.startsWith("/help/");
        const away = /^https?:/i.test(n.href);
        return (
          <a
            key={i}
            href={at(n.href)}
            target={away || help ? "_blank" : undefined}
            rel={away ? "noopener noreferrer" : help ? "noopener" : undefined}
            onClick={(e) => {
              if (help && !e.ctrlKey && !e.metaKey && !e.shiftKey && p.onHelpLink?.(n.href)) e.preventDefault();
            }}
          >
            {spans(n.children, p)}
          </a>
        );
      }
    }
  });
}
