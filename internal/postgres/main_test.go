package postgres

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// helperVariable makes the test binary a process that holds the cluster of a directory until it is killed.
const helperVariable = "FIRSTLINE_TEST_HOLD_CLUSTER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperVariable); dir != "" {
		l, err := StartLocal(context.Background(), LocalConfig{Dir: dir, NoFsync: true})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("ready", l.URL())
		_, _ = os.Stdin.Read(make([]byte, 1)) // the end of input is the order to stop
		if err := l.Stop(context.Background()); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
