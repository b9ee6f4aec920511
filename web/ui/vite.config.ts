import { defineConfig } from "vite";

// The pages' policy (CSP) allows neither inline scripts nor inline styles, so nothing is inlined, not even small icons.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rollupOptions: {
      input: { chat: "chat.html", desk: "desk.html" },
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { include: ["test/**/*.test.ts"], environment: "node", testTimeout: 10_000 },
} as Parameters<typeof defineConfig>[0]);
