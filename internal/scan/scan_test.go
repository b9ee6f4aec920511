package scan_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/scan"
)

// eicar is the test file of the European Institute for Computer Antivirus Research, in two parts so that no scanner minds
// this source.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-` + `STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// program finds ClamAV's server, which scripts/setup.sh --test installs where nothing would start it by itself.
func program(t *testing.T) string {
	t.Helper()
	for _, p := range []string{os.Getenv("FIRSTLINE_TEST_CLAMD"), "/usr/sbin/clamd", "/usr/local/sbin/clamd", "/opt/homebrew/sbin/clamd"} {
		if _, err := os.Stat(p); p != "" && err == nil {
			return p
		}
	}
	t.Skip("ClamAV's clamd is not installed; FIRSTLINE_TEST_CLAMD names it in an unusual place")
	return ""
}

// start runs clamd with the one signature of the test file, and returns where it listens.
func start(t *testing.T, settings string) *scan.Clamd {
	t.Helper()
	name := program(t)
	dir, err := os.MkdirTemp("", "clamd") // not t.TempDir: the path of a Unix socket has about a hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	config := fmt.Sprintf("Foreground true\nLocalSocket %s\nDatabaseDirectory %s\nTemporaryDirectory %s\n%s", socket, filepath.Join(dir, "db"), dir, settings)
	signature := fmt.Sprintf("%x:%d:Eicar-Test-Signature\n", md5.Sum([]byte(eicar)), len(eicar))
	for file, text := range map[string]string{"db/test.hdb": signature, "clamd.conf": config} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(name, "-c", filepath.Join(dir, "clamd.conf"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	c, err := scan.Open("clamd:unix:" + socket)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := c.Scan(t.Context(), nil); err == nil {
			return c
		}
		select {
		case <-ended:
			t.Fatalf("clamd ended: %s", said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatal("clamd does not answer")
		}
	}
}

func TestClamAV(t *testing.T) {
	t.Parallel()
	c := start(t, "StreamMaxLength 1M\n")
	check := func(name string, data []byte, want string) {
		t.Helper()
		if found, err := c.Scan(t.Context(), data); err != nil || found != want {
			t.Errorf("%s: found %q, %v; want %q", name, found, err, want)
		}
	}
	check("a clean file", bytes.Repeat([]byte("hello "), 100_000), "")
	check("an empty file", nil, "")
	check("the test virus", []byte(eicar), "Eicar-Test-Signature.UNOFFICIAL")
	// What clamd would not look at to its end is not called clean.
	if found, err := c.Scan(t.Context(), make([]byte, 3<<20)); err == nil {
		t.Errorf("beyond clamd's limit: %q and no error", found)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Scan(ended, []byte("x")); err == nil {
		t.Error("who gave up was told that the file is clean")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"clamd", "clamd:udp:127.0.0.1:1", "clamd:unix:", "clamd:tcp:localhost", "unix:/x"} {
		if _, err := scan.Open(where); err == nil {
			t.Errorf("%s: taken", where)
		}
	}
	if c, err := scan.Open(""); c != nil || err != nil {
		t.Errorf("nothing: %v, %v", c, err)
	}
}
