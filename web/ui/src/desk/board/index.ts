// Search, mentions and the supervisors' board.

import "./search.tsx";
import "./mentions.tsx";
import "./supervision.tsx";
