package handoff

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The wait is unknown while the desk's own data are thin, nobody is at work, or the team may close before it is over; and a
// range from its data when they are not.
func TestWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}, Capacity: 2})
	served := func(n int) {
		for range n {
			id := b.talk(t, "gb", "en")
			h := b.handOff(t, id, "")
			// Waited two minutes and was served for ten.
			b.exec(t, `UPDATE handoffs SET state = 'resolved', queued_at = now() - interval '2 hours', accepted_at = now() - interval '10 minutes', ended_at = now() WHERE id = $1`, h.ID)
			b.exec(t, `UPDATE conversations SET owner = 'assistant' WHERE id = $1`, id)
		}
	}
	wait := func(h Handoff) *Wait {
		t.Helper()
		b.desk.lately.Clear()
		_, p, err := b.desk.Current(t.Context(), h.ConversationID)
		if err != nil {
			t.Fatal(err)
		}
		return p.Wait
	}
	want := func(what string, h Handoff, low, high int) {
		t.Helper()
		w := wait(h)
		switch {
		case high == 0 && w != nil:
			t.Errorf("%s: shows %+v", what, *w)
		case high > 0 && (w == nil || *w != Wait{low, high}):
			t.Errorf("%s: shows %+v, want %d to %d", what, w, low, high)
		}
	}
	served(thin - 1)
	first := b.handOff(t, b.talk(t, "gb", "en"), "")
	want("few ended", first, 0, 0)
	served(1)
	want("free", first, 30, 60)
	b.handOff(t, b.talk(t, "gb", "en"), "")
	third := b.handOff(t, b.talk(t, "gb", "en"), "")
	fourth := b.handOff(t, b.talk(t, "gb", "en"), "")
	want("one of two must end first", third, 150, 600)    // 300 s, and an offer
	want("both of two must end first", fourth, 300, 1140) // 600 s
	// Those who come in more urgent go first: at 4 an hour, one within the quarter of an hour.
	b.exec(t, `UPDATE handoffs SET priority = 2 WHERE state = 'resolved' AND id IN (SELECT id FROM handoffs WHERE state = 'resolved' LIMIT 4)`)
	b.exec(t, `UPDATE handoffs SET queued_at = now() - interval '50 minutes' WHERE state = 'resolved' AND priority = 2`)
	want("and who comes in before", fourth, 420, 1680) // 600 / (1 - 4/3600 * 300) = 900 s
	b.exec(t, `UPDATE handoffs SET priority = 4, queued_at = now() - interval '2 hours' WHERE state = 'resolved'`)
	bo := b.agent(t, Agent{Name: "Bo", Role: "supervisor", Teams: []string{"general"}, Capacity: 2})
	want("with two agents", fourth, 30, 60)
	if _, err := b.desk.Pull(t.Context(), b.talk(t, "gb", "en"), bo); err != nil {
		t.Fatal(err)
	}
	want("who has one taken", fourth, 90, 360) // one of four must end: 150 s
	b.exec(t, `UPDATE handoffs SET snoozed_until = now() + interval '1 hour', snoozed_seq = 0 WHERE state = 'accepted'`)
	want("which sleeps", fourth, 30, 60)
	b.exec(t, `UPDATE agents SET connected_until = now() WHERE id = $1`, bo.ID)
	want("whose connection is gone", fourth, 300, 1140)
	hours := func(minutes int) {
		end := time.Now().UTC().Add(time.Duration(minutes) * time.Minute)
		if _, err := b.desk.Announce(t.Context(), ada, Closure{StartsAt: end, EndsAt: end.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	hours(60)
	want("closes in an hour", fourth, 300, 1140)
	hours(15)
	want("closes before the upper end", fourth, 0, 0)
	want("and after this one's", third, 150, 600)
	b.exec(t, `DELETE FROM closures`)
	if team, p, err := b.desk.Outlook(t.Context(), "general", "gb"); err != nil || team.Name != "General support" || p.Position != 1 || !p.Open || p.Wait == nil || *p.Wait != soon {
		t.Errorf("an ordinary question goes before these: %+v, %v", p, err)
	}
	b.exec(t, `UPDATE handoffs SET priority = 2 WHERE state = 'queued'`)
	if _, p, err := b.desk.Outlook(t.Context(), "general", "gb"); err != nil || p.Position != 5 {
		t.Errorf("and behind these: %+v, %v", p, err)
	}
	b.exec(t, `UPDATE agents SET presence = 'away'`)
	want("nobody there", first, 0, 0)
}

// The range is learned from what was shown and how long it was; what was pulled teaches nothing, and who waits longer than
// they were told does before they are served.
func TestRangesAreLearned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kim := b.agent(t, Agent{Name: "Kim", Role: "supervisor", Teams: []string{"general"}})
	learned := func() ranges {
		t.Helper()
		b.desk.lately.Clear()
		l, err := b.desk.latelyOf(t.Context(), b.pool, "general")
		if err != nil {
			t.Fatal(err)
		}
		return l.Ranges
	}
	sampled := func(h Handoff, ago int) {
		b.exec(t, `UPDATE wait_samples SET base_seconds = 70, low_seconds = 30, high_seconds = 180, made_at = now() - $2 * interval '1 second' WHERE handoff_id = $1`, h.ID, ago)
	}
	for i := range learnAtAll {
		if got := learned(); got != (ranges{guessedLow, guessedHigh}) {
			t.Fatalf("learned %+v of %d", got, i)
		}
		h := b.handOff(t, b.talk(t, "gb", "en"), "")
		sampled(h, 150)
		if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
			t.Fatal(err)
		}
		if _, err := b.desk.Resolve(t.Context(), h.ConversationID, kim, 0); err != nil {
			t.Fatal(err)
		}
	}
	got := learned() // 150 s each, of 70 and 30 estimated
	if math.Abs(got.High-1.5) > 0.1 || math.Abs(got.Low-1.5) > 0.1 {
		t.Errorf("learned %+v", got)
	}
	pulled, err := b.desk.Pull(t.Context(), b.talk(t, "gb", "en"), kim)
	if err != nil {
		t.Fatal(err)
	}
	if n := b.texts(t, `SELECT 'x' FROM wait_samples WHERE handoff_id = $1 AND waited_seconds IS NOT NULL`, pulled.ID); len(n) > 0 {
		t.Error("a pull counts as a wait")
	}
	for range learnAtAll / 4 {
		sampled(b.handOff(t, b.talk(t, "gb", "en"), ""), 1000)
	}
	if longer := learned(); longer.High < 5 {
		t.Errorf("those who wait longer than they were told count for nothing: %+v, before %+v", longer, got)
	}
}

// simWait is a customer of the simulated desk.
type simWait struct {
	at, rank, waited float64
	priority, day    int
	known            bool // a range was shown
	base, high       float64
}

type simTalk struct{ end, long float64 }

// simDesk simulates a desk over days of changing load, second by second. The estimate is told what the database knows: who
// waits and came in, who is at work, which conversations have ended, and how long people waited.
type simDesk struct {
	rng     *rand.Rand
	now     float64
	agents  int
	mean    float64 // of how long a conversation takes
	queue   []*simWait
	talks   []simTalk
	handled []simTalk // ended, newest last
	samples []*simWait
	all     []*simWait
}

const simCapacity = 3

func (d *simDesk) outlook(w *simWait) outlook {
	o := outlook{Position: 1, Slots: float64(d.agents * simCapacity)}
	o.Free = max(0, o.Slots-float64(len(d.talks)))
	for _, x := range d.queue {
		if x != w && x.rank < w.rank {
			o.Position++
		}
	}
	rates := map[int]float64{}
	for i := len(d.all) - 1; i >= 0 && d.all[i].at > d.now-3600; i-- {
		rates[d.all[i].priority] += 1.0 / 3600
	}
	o.Overtakers = overtakers(w.priority, rates)
	ended := d.handled[max(0, len(d.handled)-recentEnds):]
	for _, x := range ended {
		o.Handling += x.long / float64(len(ended))
	}
	return o
}

func (d *simDesk) latest() (out []shown) {
	for _, w := range d.queue {
		if w.base > 0 && d.now-w.at > w.high {
			out = append(out, shown{w.base, w.high, d.now - w.at})
		}
	}
	for i := len(d.samples) - 1; i >= 0 && len(out) < learnFrom; i-- {
		w := d.samples[i]
		out = append(out, shown{w.base, w.high, w.waited})
	}
	return out
}

func (d *simDesk) arrive(day int) {
	w := &simWait{at: d.now, day: day, priority: 1}
	x := d.rng.Float64()
	for _, share := range []float64{0.04, 0.24, 0.85} {
		if x >= share {
			w.priority++
		}
	}
	w.rank = d.now + headStart[w.priority]
	d.queue = append(d.queue, w)
	ends := 0
	for i := len(d.handled) - 1; i >= 0 && ends < thin && d.handled[i].end > d.now-12*3600; i-- {
		ends++
	}
	if ends >= thin {
		r, base := d.outlook(w).wait(learn(d.latest()))
		w.known, w.base, w.high = true, base, float64(r.HighSeconds)
	}
	d.all = append(d.all, w)
}

// work ends conversations and gives free agents the next of the queue; an offer takes a while, and one in twelve lapses.
func (d *simDesk) work() {
	d.talks = slices.DeleteFunc(d.talks, func(x simTalk) bool {
		if x.end <= d.now {
			d.handled = append(d.handled, x)
		}
		return x.end <= d.now
	})
	for len(d.queue) > 0 && len(d.talks) < d.agents*simCapacity {
		next := slices.MinFunc(d.queue, func(a, b *simWait) int {
			if a.rank < b.rank {
				return -1
			}
			return 1
		})
		d.queue = slices.DeleteFunc(d.queue, func(w *simWait) bool { return w == next })
		delay := 2 + 4*d.rng.ExpFloat64()
		if d.rng.IntN(12) == 0 {
			delay += 20
		}
		next.waited = d.now - next.at + delay
		long := d.mean * math.Exp(0.6*d.rng.NormFloat64()-0.18)
		d.talks = append(d.talks, simTalk{d.now + delay + long, long})
		if next.base > 0 {
			d.samples = append(d.samples, next)
		}
	}
}

// run lets days pass: two peaks of changing height, an hour in which most of a whole peak comes on top, shifts and lunch,
// and matters that take longer in the afternoon than in the morning.
func (d *simDesk) run(days int) {
	for day := range days {
		height := 0.72 + 0.4*d.rng.Float64()
		incident := d.rng.IntN(10)
		d.mean = 480
		for s := range 10 * 3600 {
			d.now = float64(day*86400 + s)
			h := float64(s) / 3600
			d.agents = []int{6, 8, 10, 12, 9, 9, 12, 12, 10, 7}[int(h)]
			if d.rng.IntN(1800) == 0 {
				d.mean = 480 * (1 + 0.05*h) * (0.9 + 0.2*d.rng.Float64())
			}
			rate := height * (0.035 + 0.045*math.Exp(-(h-2.5)*(h-2.5)) + 0.04*math.Exp(-(h-7)*(h-7)/1.5))
			if int(h) == incident {
				rate *= 1.7
			}
			if d.rng.Float64() < rate {
				d.arrive(day)
			}
			d.work()
		}
		for d.agents = 12; len(d.queue) > 0; d.now++ { // nobody comes any more, and what is left is worked off
			d.work()
		}
	}
}

// On days of changing load, the upper end that was shown held for 85 to 95 % of all, and of those who had to queue.
func TestUpperEndHolds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		d := &simDesk{rng: rand.New(rand.NewPCG(seed, 4))}
		d.run(6)
		var all, queued tally
		byDay := make([]tally, 6)
		var wide []float64
		for _, w := range d.all {
			if !w.known {
				continue
			}
			all.add(w)
			byDay[w.day].add(w)
			if w.base > 0 {
				queued.add(w)
				wide = append(wide, w.high/w.waited)
			}
		}
		slices.Sort(wide)
		var shares []float64
		for _, s := range byDay {
			shares = append(shares, s.share())
		}
		t.Logf("seed %d: of %d it held for %.1f %%, of the %d who had to queue for %.1f %%, by day %.0f; it was %.1f times the true wait in the middle",
			seed, all.n, all.share(), queued.n, queued.share(), shares, quantile(wide, 0.5))
		if all.n < 5000 || queued.n < all.n/2 {
			t.Errorf("seed %d shows too little: %d waits, %d in a queue", seed, all.n, queued.n)
		}
		for what, s := range map[string]tally{"all": all, "those who had to queue": queued} {
			if p := s.share(); p < 85 || p > 95 {
				t.Errorf("seed %d: for %s it held in %.1f %%", seed, what, p)
			}
		}
	}
}

type tally struct{ n, held int }

func (s *tally) add(w *simWait) {
	s.n++
	if w.waited <= w.high {
		s.held++
	}
}

func (s tally) share() float64 { return 100 * float64(s.held) / float64(s.n) }
