//go:build failpoint

package notify

import (
	"fmt"
	"os"
	"time"
)

// failpoint stops the sending of a notice at the stage that FIRSTLINE_FAILPOINT names, after saying so on standard error,
// until the test kills the process. It exists only in programs built for tests.
func failpoint(stage string) {
	if os.Getenv("FIRSTLINE_FAILPOINT") != stage {
		return
	}
	fmt.Fprintln(os.Stderr, "failpoint:"+stage)
	time.Sleep(10 * time.Minute)
}
