// Commands that lead to the pages about people, which the server renders.

import { register } from "./commands.ts";
import * as s from "./store/index.ts";

const isAdmin = () => s.me.value?.role === "admin";

register(
  { id: "account", title: "Your account: password and sessions", group: "Desk", run: () => location.assign("/account") },
  { id: "people", title: "People: who works here", group: "Admin", when: isAdmin, run: () => location.assign("/admin/people") },
  { id: "audit", title: "Audit log", group: "Admin", when: isAdmin, run: () => location.assign("/admin/audit") },
);
