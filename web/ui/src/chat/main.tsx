import { render } from "preact";
import { App } from "./app.tsx";
import { followLinks } from "./notices.ts";
import { boot, takeToken } from "./session.ts";
import { host } from "../shared/host.ts";

const root = document.getElementById("app");
if (root) render(<App />, root);
host.customerToken = takeToken();
void boot();
followLinks();
