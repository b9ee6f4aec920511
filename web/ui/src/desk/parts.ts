// The parts of the desk that fill its slots. Each adds its pages, sections, tools and commands when it is loaded: one line here.

import "./basics.ts";
import "./passing.tsx";
import "./notify.ts";
import "./package.tsx";
import "./files.tsx";
import "./mail.tsx";
import "./history.tsx";
import "./verdict.tsx";
import "./copilot.tsx";
import "./macros.tsx";
import "./views.tsx";
import "./lead/index.ts";
import "./settings.tsx";
import "./preferences.ts";
import "./people.ts";
import "./board/index.ts";
