import { options, type VNode } from "preact";
import { Markdown, type MarkdownProps } from "../src/shared/markdown-view.tsx";

/**
 * Calls the component that draws Markdown outside of a page: its only hook, useMemo, finds a component that never renders
 * again. Returns the tree of elements that Preact would make nodes of.
 */
export function render(v: VNode<MarkdownProps>): unknown {
  const hook = options as unknown as { __r?: (v: unknown) => void };
  hook.__r?.({ __c: { __H: { __: [], __h: [] }, props: v.props } });
  return Markdown(v.props);
}
