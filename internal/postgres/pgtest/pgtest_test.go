package pgtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// hangVariable makes the test binary a test that hangs with a database until it is killed.
const hangVariable = "FIRSTLINE_TEST_HANG"

func TestMain(m *testing.M) {
	if os.Getenv(hangVariable) != "" {
		s, err := pgtest.StartServer()
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(s.URL)
		time.Sleep(time.Minute)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func count(t *testing.T, pool *pgxpool.Pool, sql string) (n int) {
	t.Helper()
	if err := pool.QueryRow(context.Background(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func TestNewIsFreshAndMigrated(t *testing.T) {
	var names []string
	t.Run("parallel", func(t *testing.T) {
		for i := range 6 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				pool := pgtest.New(t)
				if got := count(t, pool, `SELECT count(*) FROM pg_tables WHERE tablename = 'mine'`); got != 0 {
					t.Error("the database is not fresh")
				}
				if _, err := pool.Exec(context.Background(), `CREATE TABLE mine ()`); err != nil {
					t.Error(err)
				}
				applied, known, err := postgres.Version(context.Background(), pool)
				if err != nil || applied != known || known == 0 {
					t.Errorf("Version = %d of %d, %v", applied, known, err)
				}
			})
		}
	})
	pool := pgtest.New(t)
	if err := pool.QueryRow(context.Background(), `SELECT array_agg(datname) FROM pg_database WHERE datname LIKE 'firstline\_test\_%' AND datname <> current_database()`).Scan(&names); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(pgtest.ServerVariable) == "" && len(names) > 0 {
		t.Errorf("databases left behind: %v", names)
	}
}

func TestURLServesTwoPools(t *testing.T) {
	url := pgtest.URL(t)
	one, two := pgtest.Open(t, url), pgtest.Open(t, url)
	if _, err := one.Exec(context.Background(), `CREATE TABLE mine AS SELECT 1`); err != nil {
		t.Fatal(err)
	}
	if got := count(t, two, `SELECT count(*) FROM mine`); got != 1 {
		t.Errorf("count = %d, want 1", got)
	}
}

func TestServerRestartsAndCrashes(t *testing.T) {
	l := pgtest.Server(t)
	pool := pgtest.Open(t, l.URL())
	ctx := context.Background()
	if _, err := pool.Exec(ctx, `CREATE TABLE mine AS SELECT 1`); err != nil {
		t.Fatal(err)
	}
	for name, again := range map[string]func(testing.TB, *postgres.Local) *postgres.Local{"restart": pgtest.Restart, "crash": pgtest.Crash} {
		next := again(t, l)
		if next.URL() != l.URL() {
			t.Errorf("%s: the address changed from %s to %s", name, l.URL(), next.URL())
		}
		l = next
		pool.Reset() // the connections of before are dead
		if got := count(t, pool, `SELECT count(*) FROM mine`); got != 1 {
			t.Errorf("%s: count = %d, want 1", name, got)
		}
	}
	log, err := os.ReadFile(filepath.Join(l.Dir(), "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "automatic recovery in progress") {
		t.Error("Crash was an orderly stop")
	}
}

func TestStopRemovesTheServer(t *testing.T) {
	s, err := pgtest.StartServer()
	if err != nil {
		t.Fatal(err)
	}
	dir := directory(t, s.URL)
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left behind (%v)", dir, err)
	}
}

// A killed test cannot clean up; its server has to notice.
func TestServerEndsWithAKilledTest(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), hangVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 1024)
	n, err := out.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "postgres://") {
		t.Fatalf("the test that hangs says %q, %v", line[:n], err)
	}
	dir := directory(t, strings.TrimSpace(string(line[:n])))
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for range 3000 {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s outlives the killed test", dir)
}

// directory is that of a server of StartServer.
func directory(t *testing.T, url string) string {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(cfg.ConnConfig.Host)
}

func BenchmarkURL(b *testing.B) {
	pgtest.URL(b) // server and template
	for b.Loop() {
		pgtest.URL(b)
	}
}
