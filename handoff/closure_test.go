package handoff

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func office() Hours {
	return Hours{Markets: map[string]Schedule{"": {TimeZone: "Europe/Berlin", Windows: []Window{{Days: []int{1, 2, 3, 4, 5}, From: "09:00", To: "12:00"}, {Days: []int{1, 2, 3, 4}, From: "12:00", To: "17:00"}},
		Special: []SpecialDay{{Date: "2027-06-02", From: "09:00", To: "11:00"}, {Date: "2027-06-02", From: "14:00", To: "15:00"}, {Date: "2027-06-05", From: "22:00", To: "02:00"}}}}}
}

// Special days, closures, and the time that passes while a team is there. Berlin is two hours ahead of UTC in June.
func TestSpecialDaysAndClosures(t *testing.T) {
	t.Parallel()
	de := "de"
	closed := office()
	closed.Closures = []Closure{
		{StartsAt: at(t, "2027-06-01T08:00:00Z"), EndsAt: at(t, "2027-06-01T09:00:00Z")},              // in the middle
		{StartsAt: at(t, "2027-06-03T01:00:00Z"), EndsAt: at(t, "2027-06-03T08:00:00Z"), Market: &de}, // over the opening, in Germany
		{StartsAt: at(t, "2027-06-03T14:00:00Z"), EndsAt: at(t, "2027-06-03T20:00:00Z")},              // over the closing
	}
	always := Hours{AlwaysOpen: true, Closures: []Closure{{StartsAt: at(t, "2027-06-01T08:00:00Z"), EndsAt: at(t, "2027-06-01T09:00:00Z")}}}
	for _, c := range []struct {
		what, market, now string
		hours             Hours
		open              bool
		changes           string
	}{
		{"windows that meet are one", "gb", "2027-06-01T09:59:00Z", office(), true, "2027-06-01T15:00:00Z"},
		{"half a day", "gb", "2027-06-02T08:59:00Z", office(), true, "2027-06-02T09:00:00Z"},
		{"between its halves", "gb", "2027-06-02T09:00:00Z", office(), false, "2027-06-02T12:00:00Z"},
		{"after them", "gb", "2027-06-02T13:00:00Z", office(), false, "2027-06-03T07:00:00Z"},
		{"a Saturday over midnight", "gb", "2027-06-05T23:30:00Z", office(), true, "2027-06-06T00:00:00Z"},
		{"before a closure", "gb", "2027-06-01T07:30:00Z", closed, true, "2027-06-01T08:00:00Z"},
		{"in it", "gb", "2027-06-01T08:00:00Z", closed, false, "2027-06-01T09:00:00Z"},
		{"after it", "gb", "2027-06-01T09:00:00Z", closed, true, "2027-06-01T15:00:00Z"},
		{"one of another market", "gb", "2027-06-03T07:30:00Z", closed, true, "2027-06-03T14:00:00Z"},
		{"one of this", "de", "2027-06-03T07:30:00Z", closed, false, "2027-06-03T08:00:00Z"},
		{"the rest of the day", "gb", "2027-06-03T14:30:00Z", closed, false, "2027-06-04T07:00:00Z"},
		{"always open, but not now", "gb", "2027-06-01T08:30:00Z", always, false, "2027-06-01T09:00:00Z"},
		{"always open again", "gb", "2027-06-01T09:00:00Z", always, true, ""},
		{"always open until it is not", "gb", "2027-06-01T07:00:00Z", always, true, "2027-06-01T08:00:00Z"},
	} {
		open, _ := c.hours.At(c.market, at(t, c.now))
		got := ""
		if x := c.hours.Changes(c.market, at(t, c.now)); !x.IsZero() {
			got = x.Format(time.RFC3339)
		}
		if open != c.open || got != c.changes {
			t.Errorf("%s: open %v, changes at %q; want %v, %q", c.what, open, got, c.open, c.changes)
		}
	}
	for _, c := range []struct {
		what, from, to string
		hours          Hours
		d              time.Duration
	}{
		{"within a window", "2027-06-01T10:00:00Z", "2027-06-01T12:00:00Z", closed, 2 * time.Hour},
		{"over a closure", "2027-06-01T07:30:00Z", "2027-06-01T09:30:00Z", closed, time.Hour},
		{"over a night and half a day", "2027-06-01T14:00:00Z", "2027-06-03T08:00:00Z", closed, 5 * time.Hour},
		{"over a weekend with a night", "2027-06-04T09:00:00Z", "2027-06-07T08:00:00Z", closed, 6 * time.Hour},
		{"for months", "2027-06-07T07:00:00Z", "2027-08-02T07:00:00Z", closed, 8 * 35 * time.Hour},
		{"always", "2027-06-01T07:00:00Z", "2027-06-01T11:00:00Z", always, 3 * time.Hour},
	} {
		a, b := at(t, c.from), at(t, c.to)
		if got := c.hours.Between("gb", a, b); got != c.d {
			t.Errorf("%s: %v between, want %v", c.what, got, c.d)
		}
		if got := c.hours.Add("gb", a, c.d); c.hours.Between("gb", a, got) != c.d || got.After(b) {
			t.Errorf("%s: %v later is %v, want %v", c.what, c.d, got, b)
		}
	}
	if got := (Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC"}}}).Add("gb", at(t, "2027-06-01T07:00:00Z"), time.Hour); !got.Equal(at(t, "2027-06-01T08:00:00Z")) {
		t.Errorf("a team that is never there: %v", got)
	}
	both := office()
	s := both.Markets[""]
	s.Holidays = []string{"2027-06-02"}
	both.Markets[""] = s
	if err := both.Validate(); err == nil || !strings.Contains(err.Error(), "both a holiday") {
		t.Errorf("a holiday that is special: %v", err)
	}
}

// Whatever the hours: what Add adds is what Between counts, and no moment of it is outside them.
func TestTimeThatCounts(t *testing.T) {
	t.Parallel()
	start := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC) // the clocks change in these weeks
	rapid.Check(t, func(rt *rapid.T) {
		clockTime := rapid.Map(rapid.IntRange(0, 95), func(q int) string {
			return time.Date(2027, 1, 1, 0, 15*q, 0, 0, time.UTC).Format("15:04")
		})
		s := Schedule{TimeZone: rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "UTC"}).Draw(rt, "zone")}
		for range rapid.IntRange(1, 3).Draw(rt, "windows") {
			s.Windows = append(s.Windows, Window{Days: rapid.SliceOfN(rapid.IntRange(1, 7), 1, 7).Draw(rt, "days"), From: clockTime.Draw(rt, "from"), To: clockTime.Draw(rt, "to")})
		}
		h := Hours{Markets: map[string]Schedule{"": s}}
		moment := rapid.Map(rapid.IntRange(0, 40*24*12), func(m int) time.Time { return start.Add(time.Duration(m) * 5 * time.Minute) })
		for range rapid.IntRange(0, 3).Draw(rt, "closures") {
			from := moment.Draw(rt, "closed")
			h.Closures = append(h.Closures, Closure{StartsAt: from, EndsAt: from.Add(time.Duration(rapid.IntRange(1, 400).Draw(rt, "for")) * 5 * time.Minute)})
		}
		a := moment.Draw(rt, "a")
		d := time.Duration(rapid.IntRange(1, 600).Draw(rt, "minutes")) * time.Minute
		b := h.Add("gb", a, d)
		if got := h.Between("gb", a, b); got != d {
			rt.Fatalf("%v after %v is %v, between which are %v", d, a, b, got)
		}
		// By hand, in steps that every window, closure and change of clocks falls on.
		var byHand time.Duration
		for x := a; x.Before(b); x = x.Add(time.Minute) {
			if open, _ := h.At("gb", x); open {
				byHand += time.Minute
			}
		}
		if byHand != d {
			rt.Fatalf("minute by minute from %v to %v: %v, want %v", a, b, byHand, d)
		}
	})
}

// A closure that is announced changes what customers are told and when an answer is due, and not whether there is a handoff.
func TestClosureChangesWhatIsSaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "supervisor"})
	now := b.now(t)
	payments, nowhere, gb := "payments", "nowhere", "gb"
	c, err := b.desk.Announce(t.Context(), boss, Closure{Team: &payments, Market: &gb, StartsAt: now.Add(-time.Minute), EndsAt: now.Add(2 * time.Hour),
		Note: map[string]string{"en": "We are moving house.", "de": "Wir ziehen um."}})
	if err != nil {
		t.Fatal(err)
	}
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	said := strings.Join(b.lines(t, h.ConversationID), "\n")
	if !strings.Contains(said, "closed now and opens") || !strings.HasSuffix(said, "We are moving house.") {
		t.Errorf("the customer reads %q", said)
	}
	if want := c.EndsAt.Add(30 * time.Minute); h.DueAt.Sub(want).Abs() > time.Second {
		t.Errorf("due %v, want %v", h.DueAt, want)
	}
	for _, open := range []Handoff{b.handOff(t, b.talk(t, "de", "de", "Hallo"), "pay"), b.handOff(t, b.talk(t, "gb", "en", "Hello"), "theft")} {
		if said := strings.Join(b.lines(t, open.ConversationID), "\n"); strings.Contains(said, "umziehen") || strings.Contains(said, "moving") {
			t.Errorf("another market or team reads %q", said)
		}
	}
	all, err := b.desk.Closures(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != c.ID || *all[0].Team != payments || *all[0].MadeBy != boss.ID {
		t.Errorf("closures %+v, %v", all, err)
	}
	if err := b.desk.Reopen(t.Context(), boss, c.ID); err != nil {
		t.Fatal(err)
	}
	if team, err := findTeam(t.Context(), b.pool, payments); err != nil {
		t.Fatal(err)
	} else if open, _ := team.Hours.At("gb", b.now(t)); !open {
		t.Error("still closed")
	}
	wantCode(t, b.desk.Reopen(t.Context(), boss, c.ID), "closure_not_found")
	wantCode(t, b.desk.Reopen(t.Context(), boss, uuid.New()), "closure_not_found")
	if n := b.texts(t, `SELECT action FROM audit WHERE subject = $1 ORDER BY id`, c.ID.String()); len(n) != 2 {
		t.Errorf("audit %v", n)
	}
	for want, c := range map[string]Closure{
		"required":     {EndsAt: now},
		"out_of_range": {StartsAt: now, EndsAt: now},
		"in_the_past":  {StartsAt: now.Add(-2 * time.Hour), EndsAt: now.Add(-time.Hour)},
		"unknown_team": {Team: &nowhere, StartsAt: now, EndsAt: now.Add(time.Hour)},
	} {
		_, err := b.desk.Announce(t.Context(), boss, c)
		wantCode(t, err, want)
	}
}

// Teams are edited by whoever has seen what is there; nobody's change is lost, and no ring is closed.
func TestSaveTeam(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "admin"})
	save := func(seed TeamSeed, match string) (Team, error) {
		return b.desk.SaveTeam(t.Context(), boss, seed, match)
	}
	old, err := b.desk.Team(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	seed := old.Seed()
	seed.Hours, seed.Rules = office(), Rules{Clocks: map[string]ClockRule{"pay": {Counts: wall, Resolve: 60}}}
	saved, err := save(seed, old.Tag())
	if err != nil || saved.Tag() == old.Tag() || len(saved.Hours.Markets[""].Special) != 3 || saved.Rules.Clocks["pay"].Resolve != 60 {
		t.Fatalf("saved %+v, %v", saved, err)
	}
	_, err = save(old.Seed(), old.Tag())
	wantCode(t, err, "changed_meanwhile")
	if _, err := save(seed, old.Tag()); err != nil { // the same once more
		t.Errorf("%v", err)
	}
	if n := b.texts(t, `SELECT action FROM audit WHERE subject = 'payments'`); len(n) != 1 {
		t.Errorf("audit %v", n)
	}
	with := func(f func(*TeamSeed)) TeamSeed {
		s := TeamSeed{Key: "new", Name: "New", Hours: Hours{AlwaysOpen: true}, Fallback: "payments"}
		f(&s)
		return s
	}
	if _, err := save(with(func(*TeamSeed) {}), ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code, match string
		seed        TeamSeed
	}{
		{"team_exists", "", with(func(s *TeamSeed) { s.Name = "Other" })},
		{"team_not_found", Anything, with(func(s *TeamSeed) { s.Key = "other" })},
		{"bad_key", "", with(func(s *TeamSeed) { s.Key = "No Key" })},
		{"required", "", with(func(s *TeamSeed) { s.Name = "" })},
		{"unknown_fallback", Anything, with(func(s *TeamSeed) { s.Fallback = "nowhere" })},
		{"fallback_ring", Anything, TeamSeed{Key: "general", Name: "General", Hours: Hours{AlwaysOpen: true}, Fallback: "new"}},
		{"bad_hours", Anything, with(func(s *TeamSeed) { s.Hours = Hours{Markets: map[string]Schedule{"gb": {TimeZone: "Atlantis"}}} })},
		{"bad_rules", Anything, with(func(s *TeamSeed) { s.Rules.Clocks = map[string]ClockRule{"": {Warn: 100}} })},
		{"unknown_topic", Anything, with(func(s *TeamSeed) { s.Rules.Clocks = map[string]ClockRule{"gardening": {}} })},
	} {
		_, err := save(c.seed, c.match)
		wantCode(t, err, c.code)
	}
	wantCode(t, b.desk.DeleteTeam(t.Context(), boss, "general", Anything), "team_in_use")
	wantCode(t, b.desk.DeleteTeam(t.Context(), boss, "payments", Anything), "team_in_use")
	wantCode(t, b.desk.DeleteTeam(t.Context(), boss, "new", "stale"), "changed_meanwhile")
	wantCode(t, b.desk.DeleteTeam(t.Context(), boss, "nowhere", Anything), "team_not_found")
	if err := b.desk.DeleteTeam(t.Context(), boss, "new", Anything); err != nil {
		t.Error(err)
	}
	if all, err := b.desk.Teams(t.Context()); err != nil || len(all) != 5 {
		t.Errorf("%d teams, %v", len(all), err)
	}
}
