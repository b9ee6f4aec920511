import { describe, expect, it } from "vitest";
import type { VNode } from "preact";
import { inline, joinNumbers, parseMarkdown, plainText, safeHref, type Block, type Inline } from "../src/shared/markdown.ts";
import { Markdown } from "../src/shared/markdown-view.tsx";
import { helpTarget } from "../src/shared/article.ts";

const text = (s: string): Inline => ({ kind: "text", text: s });

function all(blocks: Block[]): (Block | Inline)[] {
  const out: (Block | Inline)[] = [];
  const visit = (x: unknown): void => {
    if (Array.isArray(x)) x.forEach(visit);
    else if (x && typeof x === "object") {
      if ("kind" in x) out.push(x as Block | Inline);
      Object.values(x).forEach(visit);
    }
  };
  visit(blocks);
  return out;
}

describe("parseMarkdown", () => {
  const cases: [string, string, unknown][] = [
    ["paragraphs", "one\ntwo\n\nthree", [{ kind: "paragraph", children: [text("one\ntwo")] }, { kind: "paragraph", children: [text("three")] }]],
    [
      "an ordered list that starts at 3",
      "3. a\n4. b",
      [
        {
          kind: "list",
          ordered: true,
          start: 3,
          items: [[{ kind: "paragraph", children: [text("a")] }], [{ kind: "paragraph", children: [text("b")] }]],
        },
      ],
    ],
    [
      "a list inside a list",
      "- a\n  - b\n- c",
      [
        {
          kind: "list",
          ordered: false,
          start: 1,
          items: [
            [
              { kind: "paragraph", children: [text("a")] },
              { kind: "list", ordered: false, start: 1, items: [[{ kind: "paragraph", children: [text("b")] }]] },
            ],
            [{ kind: "paragraph", children: [text("c")] }],
          ],
        },
      ],
    ],
    [
      "a table",
      "| Fee | Amount |\n|---|---:|\n| Late \\| first | **5** |\n| x |",
      [
        {
          kind: "table",
          head: [[text("Fee")], [text("Amount")]],
          align: [undefined, "end"],
          rows: [
            [[text("Late | first")], [{ kind: "strong", children: [text("5")] }]],
            [[text("x")], []],
          ],
        },
      ],
    ],
    ["code keeps its marks", "```js\n**a** <b>\n```", [{ kind: "code", text: "**a** <b>" }]],
    ["an open fence takes the rest", "~~~\na\n\nb", [{ kind: "code", text: "a\n\nb" }]],
    ["a quote", "> a\n> b", [{ kind: "quote", children: [{ kind: "paragraph", children: [text("a\nb")] }] }]],
    ["a heading", "## Fees ##", [{ kind: "heading", level: 2, children: [text("Fees")] }]],
    ["a rule is no list", "* * *", [{ kind: "rule" }]],
    ["a list ends a paragraph", "Do this:\n- a", [{ kind: "paragraph", children: [text("Do this:")] }, { kind: "list", ordered: false, start: 1, items: [[{ kind: "paragraph", children: [text("a")] }]] }]],
  ];
  it.each(cases)("reads %s", (_name, md, want) => expect(parseMarkdown(md)).toEqual(want));

  const inlines: [string, Inline[]][] = [
    ["pay **now** or *later*", [text("pay "), { kind: "strong", children: [text("now")] }, text(" or "), { kind: "em", children: [text("later")] }]],
    ["snake_case_name and 2 * 3 * 4", [text("snake_case_name and 2 * 3 * 4")]],
    ["`a*b*` \\*no\\*", [{ kind: "code", text: "a*b*" }, text(" *no*")]],
    ["Yes [1], also [12].", [text("Yes "), { kind: "cite", n: 1 }, text(", also "), { kind: "cite", n: 12 }, text(".")]],
    ["[1](https://a.example/)", [{ kind: "link", href: "https://a.example/", children: [text("1")] }]],
    ["see https://a.example/x(y). ok", [text("see "), { kind: "link", href: "https://a.example/x(y", children: [text("https://a.example/x(y")] }, text("). ok")]],
    ["<https://a.example>", [{ kind: "link", href: "https://a.example", children: [text("https://a.example")] }]],
    ["[w](/help/a_(b)#c 'title')", [{ kind: "link", href: "/help/a_(b)#c", children: [text("w")] }]],
    ["a  \nb<br>c", [text("a"), { kind: "break" }, text("b"), { kind: "break" }, text("c")]],
    ["**open", [text("**open")]],
    ["an **unfinished [link](htt", [text("an **unfinished [link](htt")]],
  ];
  it.each(inlines)("reads %j", (md, want) => expect(inline(md)).toEqual(want));

  it("gives the words alone to a screen reader", () => {
    expect(plainText(parseMarkdown("**Fees** [1]\n\n- a `b`\n- [c](/help/x)\n\n|x|y|\n|-|-|\n|1|2|"))).toBe("Fees \na b\nc\nx, y\n1, 2");
  });
});

const attacks = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](<javascript:alert(1)>)",
  "[x](\\javascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](//evil.example)",
  "[x](/\\evil.example)",
  "[x](https:\\\\evil.example)",
  "![x](https://evil.example/pixel.png)",
  "![x](javascript:alert(1))",
  "<javascript:alert(1)>",
  "<https://a.example\" onclick=\"alert(1)>",
  "[x](https://a.example\" onclick=\"alert(1))",
  "[<img src=x onerror=alert(1)>](https://a.example)",
  "| <script>alert(1)</script> | [x](javascript:1) |\n|---|---|\n| <b> | </td><script> |",
  "`<script>`\n\n```html\n<script>alert(1)</script>\n```",
  "[a](javascript:1)[b](JAVASCRIPT:1)\n- [c](file:///etc/passwd)\n> [d](blob:x)",
];

/** Walks what would be drawn. */
function drawn(v: unknown, visit: (v: VNode<Record<string, unknown>>) => void): void {
  if (Array.isArray(v)) v.forEach((x) => drawn(x, visit));
  else if (v && typeof v === "object" && "type" in v && "props" in v) {
    const n = v as VNode<Record<string, unknown>>;
    visit(n);
    drawn(n.props.children, visit);
  }
}

describe("safety", () => {
  it.each(attacks)("lets nothing through that could run or load: %s", (md) => {
    for (const n of all(parseMarkdown(md))) {
      if (n.kind === "link") expect(n.href).toMatch(/^(https?:\/\/[^\\"<>]+|mailto:|tel:|\/(?!\/)|#)/);
    }
  });

  it("draws only harmless elements and properties, and never sets markup", async () => {
    const { h } = await import("preact");
    const { render } = await import("./render-tree.ts");
    const seen = new Set<string>();
    for (const md of attacks) {
      const tree = render(h(Markdown, { text: md }));
      drawn(tree, (v) => {
        seen.add(String(v.type));
        for (const key of Object.keys(v.props)) {
          expect(["children", "class", "href", "target", "rel", "onClick", "tabIndex", "start", "scope", "data-align", "key"]).toContain(key);
        }
      });
    }
    for (const type of seen) expect(["div", "p", "strong", "em", "code", "pre", "a", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "br", "hr"]).toContain(type);
  });

  it("keeps the words of a link that must not be followed", () => {
    expect(plainText(parseMarkdown("[press here](javascript:alert(1)) now"))).toBe("press here now");
  });

  const hrefs: [string, boolean][] = [
    ["https://a.example", true],
    ["HTTP://a.example", true],
    ["mailto:a@b.example", true],
    ["tel:+491234", true],
    ["/help/x?y=1#z", true],
    ["#z", true],
    ["help/x:y", false],
    ["https:a.example", false],
    ["x:y", false],
    ["", false],
    ["\u0001javascript:1", false],
    ["javas\ncript:1", false],
    ["ftp://a.example", false],
    [" javascript:1", false],
  ];
  it.each(hrefs)("safeHref(%j) is %s", (href, ok) => expect(safeHref(href) !== undefined).toBe(ok));

  it("takes hostile sizes in a moment", () => {
    for (const s of ["*".repeat(20_000), "[".repeat(20_000), "_a".repeat(10_000), "> ".repeat(5_000), "`".repeat(20_001), "**a ".repeat(5_000), "- ".repeat(4_000), "[a](".repeat(5_000), "|".repeat(5_000) + "\n" + "-|".repeat(2_500)]) {
      expect(plainText(parseMarkdown(s)).length).toBeLessThan(60_000);
    }
  });
});

describe("joinNumbers", () => {
  it.each([
    ["a.\n\n[1]", "a. [1]"],
    ["a.\n\n[1] [2]\n", "a. [1] [2]"],
    ["| a |\n|---|\n| b |\n\n[1]", "| a |\n|---|\n| b |\n\n[1]"],
    ["- a\n\n[1]", "- a\n\n[1]"],
    ["a [1]", "a [1]"],
    ["[1]", "[1]"],
  ])("%j", (text, want) => expect(joinNumbers(text)).toBe(want));
});

describe("helpTarget", () => {
  it.each([
    ["/help/late-fees?locale=de&market=at#wann", { slug: "late-fees", locale: "de", anchor: "wann" }],
    ["/help/gr%C3%B6%C3%9Fe", { slug: "größe", locale: undefined, anchor: "" }],
    ["/help/%E0%A4%A", { slug: "%E0%A4%A", locale: undefined, anchor: "" }],
    ["/help/search/x", undefined],
    ["https://a.example/help/x", undefined],
  ])("%s", (href, want) => expect(helpTarget(href)).toEqual(want));
});
