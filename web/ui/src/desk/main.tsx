import { render } from "preact";
import { App } from "./app.tsx";
import "./parts.ts";
import { boot } from "./store/index.ts";

const root = document.getElementById("app");
if (root) render(<App />, root);
void boot();
