package main

import (
	"os"
	"runtime/debug"
)

// garbage is how much garbage may gather before it is collected, in percent of what is in use; Go's own default is 100. Most of
// what is in use is the index, which is walked through by every collection and hardly ever changes, so that collecting half as
// often is worth its memory: docs/speed.md has what it costs.
const garbage = 200

// spareCollector collects more seldom, unless GOGC says how often.
func spareCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}
