//go:build failpoint

package mailin

import (
	"fmt"
	"os"
	"time"
)

// failpoint stops the storing of a mail at the stage that FIRSTLINE_FAILPOINT names, after saying so on standard error, until
// the test kills the process. It exists only in programs built for tests.
func failpoint(stage string) {
	if os.Getenv("FIRSTLINE_FAILPOINT") != stage {
		return
	}
	fmt.Fprintln(os.Stderr, "failpoint:"+stage)
	time.Sleep(10 * time.Minute)
}
