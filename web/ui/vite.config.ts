import { defineConfig } from "vite";

// The pages' policy (CSP) allows neither inline scripts nor inline styles, so nothing is inlined, not even small icons.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    // The widget stands on pages of other origins, where paths of ours lead elsewhere: scripts preload nothing but styles of ours.
    modulePreload: { polyfill: false, resolveDependencies: (_, deps, { hostType }) => (hostType === "html" ? deps : deps.filter((d) => d.endsWith(".css"))) },
    reportCompressedSize: true,
    rollupOptions: {
      input: { chat: "chat.html", desk: "desk.html", helpcentre: "src/help/main.ts", embed: "src/widget/embed.tsx" },
      preserveEntrySignatures: "exports-only",
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { include: ["test/**/*.test.ts"], environment: "node", testTimeout: 10_000 },
} as Parameters<typeof defineConfig>[0]);
