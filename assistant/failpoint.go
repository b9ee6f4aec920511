//go:build !failpoint

package assistant

// failpoint does nothing in the program that is shipped; tests that kill processes build one that stops here.
func failpoint(string) {}
