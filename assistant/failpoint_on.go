//go:build failpoint

package assistant

import (
	"fmt"
	"os"
	"time"
)

// failpoint stops the process's turn at the stage that FIRSTLINE_FAILPOINT names, after saying so on standard error, until
// the test kills the process. It exists only in programs built with the tag failpoint.
func failpoint(stage string) {
	if os.Getenv("FIRSTLINE_FAILPOINT") == stage {
		fmt.Fprintln(os.Stderr, "failpoint:"+stage)
		time.Sleep(10 * time.Minute)
	}
}
