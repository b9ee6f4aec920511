package handoff

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// job is a ticker's work in a test: it is due at the first of its times, and a run does what is due.
type job struct {
	due    []time.Time
	stuck  bool // another has it: runs do nothing
	fails  error
	hidden time.Time       // nobody knows of it before
	ran    []time.Duration // since the loop began
	began  time.Time
}

func (j *job) ticker(name string) Ticker {
	return Ticker{Name: name, Next: func(context.Context) (time.Time, error) {
		if len(j.due) == 0 || time.Now().Before(j.hidden) {
			return time.Time{}, nil
		}
		return j.due[0], nil
	}, Run: func(context.Context) error {
		j.ran = append(j.ran, time.Since(j.began))
		for !j.stuck && len(j.due) > 0 && !j.due[0].After(time.Now().Add(ahead)) {
			j.due = j.due[1:]
		}
		return j.fails
	}}
}

// ahead is how far the database's clock is before the process's in these tests.
const ahead = 300 * time.Millisecond

// runLoop runs a loop over the jobs for the time given; the first runs at every wake-up.
func runLoop(t *testing.T, kick chan struct{}, tick, during time.Duration, jobs ...*job) {
	t.Helper()
	l := &loop{kick: kick, tick: tick, log: slog.New(slog.DiscardHandler), clock: func(context.Context) (time.Time, error) { return time.Now().Add(ahead), nil }}
	for i, j := range jobs {
		j.began = time.Now()
		l.add(j.ticker("job"), i == 0)
	}
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	l.run(ctx)
}

func ms(times ...int) []time.Duration {
	var out []time.Duration
	for _, n := range times {
		out = append(out, time.Duration(n)*time.Millisecond)
	}
	return out
}

func TestLoopRunsAtTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// By the database's clock, which is ahead: the process's is to be at 2,000 and 2,001 and 5,000 ms.
		at := func(n int) time.Time { return time.Now().Add(ahead + time.Duration(n)*time.Millisecond) }
		router := &job{}
		work := &job{due: []time.Time{at(2000), at(2001), at(5000)}}
		kick := make(chan struct{}, 1)
		kick <- struct{}{} // as somebody who has made it due does
		runLoop(t, kick, time.Hour, 10*time.Second, router, work)
		if diff := cmp.Diff(ms(2000, 2001, 5000), work.ran); diff != "" {
			t.Errorf("ran (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(ms(0), router.ran); diff != "" { // woken once, never due
			t.Errorf("the router ran (-want +got):\n%s", diff)
		}
	})
}

// Whatever another replica holds is asked for again and again, but not without a pause.
func TestLoopGivesOthersTime(t *testing.T) {
	for _, fails := range []error{nil, errors.New("no")} {
		synctest.Test(t, func(t *testing.T) {
			router := &job{}
			work := &job{due: []time.Time{time.Now()}, stuck: true, fails: fails}
			kick := make(chan struct{}, 1)
			kick <- struct{}{}
			runLoop(t, kick, 200*time.Millisecond, 800*time.Millisecond, router, work)
			if diff := cmp.Diff(ms(0, 20, 60, 140, 300, 500, 700), work.ran); diff != "" {
				t.Errorf("ran (-want +got):\n%s", diff)
			}
			if len(router.ran) < 3 { // its tick goes on
				t.Errorf("the router ran at %v", router.ran)
			}
		})
	}
}

// What nobody woke the loop for is found by the tick.
func TestLoopTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now().Add(1500 * time.Millisecond)
		router, work := &job{}, &job{due: []time.Time{from}, hidden: from}
		runLoop(t, make(chan struct{}), time.Second, 10*time.Second, router, work)
		if len(work.ran) != 1 || work.ran[0] < 1500*time.Millisecond || work.ran[0] > 2700*time.Millisecond {
			t.Errorf("ran at %v", work.ran)
		}
		if n := len(router.ran); n < 8 || n > 11 {
			t.Errorf("the router ran %d times in ten ticks", n)
		}
	})
}

// While the desk is asleep, what always runs rests through ticks, but not for long, and never through a wake-up.
func TestLoopRests(t *testing.T) {
	for _, c := range []struct {
		name   string
		asleep func(context.Context) (bool, error)
		least  int
		most   int
	}{
		{"asleep", func(context.Context) (bool, error) { return true, nil }, 4, 5},
		{"awake", func(context.Context) (bool, error) { return false, nil }, 17, 23},
		{"nobody knows", func(context.Context) (bool, error) { return true, errors.New("no") }, 17, 23},
	} {
		synctest.Test(t, func(t *testing.T) {
			router := &job{began: time.Now()}
			kick := make(chan struct{})
			l := &loop{kick: kick, tick: 500 * time.Millisecond, log: slog.New(slog.DiscardHandler), asleep: c.asleep,
				clock: func(context.Context) (time.Time, error) { return time.Now(), nil }}
			l.add(router.ticker("router"), true)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			l.run(ctx)
			if n := len(router.ran); n < c.least || n > c.most {
				t.Errorf("%s: it ran at %v", c.name, router.ran)
			}
			for i := 1; i < len(router.ran); i++ {
				if gap := router.ran[i] - router.ran[i-1]; gap > restFor+time.Second {
					t.Errorf("%s: it rested for %s", c.name, gap)
				}
			}
		})
		synctest.Test(t, func(t *testing.T) {
			router := &job{began: time.Now()}
			kick := make(chan struct{})
			l := &loop{kick: kick, tick: 500 * time.Millisecond, log: slog.New(slog.DiscardHandler), asleep: c.asleep,
				clock: func(context.Context) (time.Time, error) { return time.Now(), nil }}
			l.add(router.ticker("router"), true)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			go func() {
				time.Sleep(123 * time.Millisecond)
				kick <- struct{}{}
				time.Sleep(3 * time.Millisecond)
				kick <- struct{}{}
			}()
			l.run(ctx)
			if !slices.Contains(router.ran, 123*time.Millisecond) || !slices.Contains(router.ran, 126*time.Millisecond) {
				t.Errorf("%s: woken, it ran at %v", c.name, router.ran)
			}
		})
	}
}
