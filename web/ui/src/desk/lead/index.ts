// What leads have beside the inbox: alerts, hours and figures.

import "./alerts.tsx";
import "./hours.tsx";
import "./analytics.tsx";
