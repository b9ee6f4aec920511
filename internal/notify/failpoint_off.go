//go:build !failpoint

package notify

// failpoint is a place where tests stop the process; it does nothing in programs that ship.
func failpoint(string) {}
