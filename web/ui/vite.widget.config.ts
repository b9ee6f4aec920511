import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

// The widget's first part, built after the pages: one classic script of a fixed name, which knows under which name the
// pages' build has put the chat.
const embed = readdirSync("dist/assets").find((f) => /^embed-.*\.js$/.test(f));
if (!embed) throw new Error("dist/assets has no embed-*.js; build the pages first");
// What it is made of is named, so that everything comes in one round trip.
const parts = [...readFileSync(`dist/assets/${embed}`, "utf8").matchAll(/from"\.\/([\w-]+\.js)"/g)].map((m) => `/assets/${m[1]}`);

// A script of the page's own names would be lost to it: everything stays in one function.
export default defineConfig({
  define: { __EMBED__: JSON.stringify(`/assets/${embed}`), __PARTS__: JSON.stringify([...new Set(parts)]) },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    copyPublicDir: false,
    lib: { entry: "src/widget/loader.ts", formats: ["iife"], name: "FirstlineLoader", fileName: () => "widget.js" },
  },
  plugins: [] as Plugin[],
} as Parameters<typeof defineConfig>[0]);
