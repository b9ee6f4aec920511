//go:build failpoint

package assistant

import (
	"fmt"
	"os"
	"time"
)

// failpoint stops the process's turn at the stage that FIRSTLINE_FAILPOINT names, after saying so on standard error, until
// the test kills the process or makes the file that FIRSTLINE_FAILPOINT_RELEASE names. It exists only in programs built
// with the tag failpoint.
func failpoint(stage string) {
	if os.Getenv("FIRSTLINE_FAILPOINT") != stage {
		return
	}
	fmt.Fprintln(os.Stderr, "failpoint:"+stage)
	release := os.Getenv("FIRSTLINE_FAILPOINT_RELEASE")
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if release == "" {
			continue
		}
		if _, err := os.Stat(release); err == nil {
			return
		}
	}
}
