package handoff

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/wake"
)

// notices are the desk's messages to the customer.
func (b *bundle) notices(t *testing.T, h Handoff) (out []chat.Message) {
	t.Helper()
	all, err := b.rec.Messages(t.Context(), h.ConversationID, 0, 500, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Author == chat.System {
			out = append(out, m)
		}
	}
	return out
}

// card is the latest event that the customer's page has of the handoff.
func (b *bundle) card(t *testing.T, h Handoff) (e Event) {
	t.Helper()
	raw := b.texts(t, `SELECT data::text FROM events WHERE conversation_id = $1 AND kind = 'handoff' AND NOT internal ORDER BY seq DESC LIMIT 1`, h.ConversationID)
	if len(raw) != 1 {
		t.Fatal("no event")
	}
	if err := json.Unmarshal([]byte(raw[0]), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Every time that a customer reads is given as a moment too, and in words by the team's time zone, or by that of the teams
// which have one in their market.
func TestTimesAreToldAsMoments(t *testing.T) {
	t.Parallel()
	opens := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for language, want := range map[string]string{
		"en": "opens on 2026-11-24 at 09:00 (Europe/Berlin);", "de": "öffnet am 2026-11-24 um 09:00 Uhr (Europe/Berlin);", "es": "abre el 2026-11-24 a las 09:00 (Europe/Berlin);",
		"sv": "öppnar 2026-11-24 kl. 09:00 (Europe/Berlin);", "fr": "ouvre le 2026-11-24 à 09:00 (Europe/Berlin) ;", "xx": "opens on",
	} {
		for _, p := range []Place{{OpensAt: &opens, Zone: "Europe/Berlin", TeamName: "Team"}, {OpensAt: &opens, Zone: "Europe/Berlin", TeamName: "Team", First: true}} {
			m := p.line(language)
			if !strings.Contains(m.Text, want) || len(m.Times) != 1 || !m.Times[0].At.Equal(opens) || strings.Count(m.Text, m.Times[0].Text) != 1 {
				t.Errorf("%s: %+v", language, m)
			}
			if c := p.changed(language); len(c.Times) != 1 || !strings.Contains(c.Text, c.Times[0].Text) || !strings.Contains(c.Text, "Team") {
				t.Errorf("%s: %+v", language, c)
			}
		}
	}
	if m := moment("en", "by", opens, ""); m.Text != "2026-11-24 at 08:00 (UTC)" {
		t.Errorf("where no zone is known: %q", m.Text)
	}
	b := setup(t)
	zoned := func(team, name string) Hours {
		return Hours{Markets: map[string]Schedule{team: {TimeZone: name}}}
	}
	if err := b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "us", Name: "US", Hours: zoned("us", "America/New_York")}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ market, team, zone string }{{"us", "general", "America/New_York"}, {"de", "general", "Europe/Berlin"}, {"us", "night", "Europe/Berlin"}} {
		team, err := findTeam(t.Context(), b.pool, c.team)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := team.zoneFor(t.Context(), b.pool, c.market); err != nil || got != c.zone {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	// A promise that is made: the message carries it through the database, and so does the card.
	h := b.handOff(t, b.talk(t, "us", "de", "Hallo"), "")
	b.exec(t, `UPDATE handoffs SET review_at = now() - interval '1 second'`)
	if _, err := b.desk.followUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	h = b.handoff(t, h.ID)
	ms := b.notices(t, h)
	last := ms[len(ms)-1]
	if h.State != Asynchronous || len(last.Times) != 1 || !last.Times[0].At.Equal(*h.DueAt) || !strings.Contains(last.Text, "bis "+last.Times[0].Text) ||
		!strings.Contains(last.Text, "(America/New_York)") {
		t.Errorf("%s: %+v", h.State, last)
	}
	if e := b.card(t, h); e.AnswerBy == nil || !e.AnswerBy.Equal(*h.DueAt) {
		t.Errorf("the card has %+v", e)
	}
}

// A promise is a time in which the team is there.
func TestPromiseIsKeptInHours(t *testing.T) {
	t.Parallel()
	h := Handoff{Market: "gb"}
	team := Team{Hours: office()} // Berlin, Tuesday until 17:00, Wednesday 9 to 11 and 14 to 15, Thursday from 9
	for now, want := range map[string]string{"2027-06-01T08:00:00Z": "2027-06-01T12:00:00Z", "2027-06-01T14:00:00Z": "2027-06-02T13:00:00Z", "2027-06-01T20:00:00Z": "2027-06-03T08:00:00Z"} {
		if got := promise(team, h, at(t, now)); !got.Equal(at(t, want)) {
			t.Errorf("at %s: by %v, want %s", now, got, want)
		}
	}
}

// told runs what says that a team opens or closes, on three replicas at once.
func (b *bundle) told(t *testing.T) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	var all sync.WaitGroup
	for range 3 {
		rec, err := chat.Open(t.Context(), b.pool, wake.New(b.pool, quiet), quiet, chat.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := NewDesk(b.pool, rec, wake.New(b.pool, quiet), quiet, Options{})
		d.SetTopics(testTopics)
		all.Go(func() {
			if _, err := d.tellHours(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Whoever waits is told once that the team has closed, and once that it has opened: by a closure, its end, and new hours; for
// their own market; by one of several replicas; and not when nobody is waited for any more.
func TestCustomersAreToldOfHours(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "admin", Teams: []string{"payments"}})
	waiting, elsewhere := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay"), b.handOff(t, b.talk(t, "de", "de", "Hallo"), "pay")
	joined, ended := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay"), b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	for _, h := range []Handoff{joined, ended} {
		if _, err := b.desk.Accept(t.Context(), h.ID, boss); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.desk.Resolve(t.Context(), ended.ConversationID, boss, 0); err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	expect := func(what string, h Handoff, want ...string) {
		t.Helper()
		all := b.notices(t, h)
		var new []string
		for _, m := range all[said[h.ID.String()]:] {
			new = append(new, m.Text)
		}
		said[h.ID.String()] = len(all)
		if len(new) != len(want) {
			t.Fatalf("%s: the customer reads %q, want %q", what, new, want)
		}
		for i := range want {
			if !strings.HasPrefix(new[i], want[i]) {
				t.Errorf("%s: the customer reads %q, want %q", what, new[i], want[i])
			}
		}
	}
	all := []Handoff{waiting, elsewhere, joined, ended}
	for _, h := range all {
		said[h.ID.String()] = len(b.notices(t, h))
	}
	b.told(t)
	for _, h := range all {
		expect("nothing has changed", h)
	}
	now, payments, gb := b.now(t), "payments", "gb"
	c, err := b.desk.Announce(t.Context(), boss, Closure{Team: &payments, Market: &gb, StartsAt: now.Add(-time.Minute), EndsAt: now.Add(2 * time.Hour), Note: map[string]string{"en": "Moving house."}})
	if err != nil {
		t.Fatal(err)
	}
	b.told(t)
	expect("closed", waiting, "The team (Payments) has closed and opens on ")
	last := b.notices(t, waiting)
	if m := last[len(last)-1]; len(m.Times) != 1 || !m.Times[0].At.Equal(c.EndsAt.Truncate(time.Microsecond)) || !strings.HasSuffix(m.Text, "Moving house.") {
		t.Errorf("%+v", m)
	}
	if e := b.card(t, waiting); e.Open || e.OpensAt == nil {
		t.Errorf("the card has %+v", e)
	}
	for _, h := range all[1:] {
		expect("closed, but not for these", h)
	}
	b.told(t)
	expect("once", waiting)
	if err := b.desk.Reopen(t.Context(), boss, c.ID); err != nil {
		t.Fatal(err)
	}
	b.told(t)
	expect("opened", waiting, "The team (Payments) is open now.")
	if e := b.card(t, waiting); !e.Open || e.OpensAt != nil {
		t.Errorf("the card has %+v", e)
	}
	old, err := b.desk.Team(t.Context(), payments)
	if err != nil {
		t.Fatal(err)
	}
	seed := old.Seed()
	seed.Hours = Hours{Markets: map[string]Schedule{"de": {TimeZone: "Europe/Berlin"}, "": {TimeZone: "Europe/London", Windows: []Window{{Days: []int{1, 2, 3, 4, 5, 6, 7}, From: "00:00", To: "24:00"}}}}}
	if _, err := b.desk.SaveTeam(t.Context(), boss, seed, old.Tag()); err != nil {
		t.Fatal(err)
	}
	b.told(t)
	expect("new hours, open as before", waiting)
	expect("new hours, never open in this market", elsewhere, "Das Team (Payments) ist nicht mehr da.")
	for _, h := range []Handoff{joined, ended} {
		expect("nobody is waited for", h)
	}
	// Given back, the customer of the one that was joined waits again, and for a team that is there, as they were told.
	if _, err := b.desk.Release(t.Context(), boss.ID, "x"); err != nil {
		t.Fatal(err)
	}
	said[joined.ID.String()] = len(b.notices(t, joined))
	b.told(t)
	expect("given back", joined)
}

// A telling that did not commit, as with a process that is killed, is made up for, once.
func TestToldAfterAKill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "admin"})
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	now := b.now(t)
	if _, err := b.desk.Announce(t.Context(), boss, Closure{StartsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	before := len(b.notices(t, h))
	b.exec(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.kind = 'handoff') EXECUTE FUNCTION refuse()`)
	if _, err := b.desk.tellHours(t.Context()); err == nil {
		t.Fatal("nothing failed")
	}
	if n := len(b.notices(t, h)); n != before {
		t.Fatalf("%d messages of a telling that failed", n-before)
	}
	b.exec(t, `DROP TRIGGER refuse ON events`)
	b.told(t)
	b.told(t)
	if n := len(b.notices(t, h)); n != before+1 {
		t.Errorf("told %d times", n-before)
	}
}

// The running desk tells by itself when a closure that was announced before begins.
func TestDeskTellsOfHours(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "admin"})
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	before := len(b.notices(t, h))
	now := b.now(t)
	if _, err := b.desk.Announce(t.Context(), boss, Closure{StartsAt: now.Add(time.Second), EndsAt: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	b.desk.Start()
	defer b.desk.Stop()
	for range 600 { // until the test's own end, or a minute
		if len(b.notices(t, h)) > before {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("nobody was told")
}

// What is most urgent does not wait for a team that is closed while another one behind it is there: not when it is made, nor
// when it becomes so, nor when the team closes. Everything else does.
func TestMostUrgentGoesToWhoIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "admin"})
	never, always := Hours{Markets: map[string]Schedule{"": {TimeZone: "Europe/Berlin"}}}, Hours{AlwaysOpen: true}
	if err := b.desk.SaveTeams(t.Context(), []TeamSeed{
		{Key: "fraud", Name: "Fraud", Hours: never, Fallback: "night"}, {Key: "night", Name: "Night", Hours: never, Fallback: "watch"}, {Key: "watch", Name: "Watch", Hours: always},
	}); err != nil {
		t.Fatal(err)
	}
	fallbacks := func(h Handoff) []string {
		return b.texts(t, `SELECT (detail->>'from_team') || ' ' || (detail->>'team') FROM audit WHERE action = 'handoff.fallback' AND subject = $1`, h.ID.String())
	}
	made := b.handOff(t, b.talk(t, "gb", "en", "Thieves"), "theft")
	if got := b.handoff(t, made.ID); got.Team != "watch" || !slices.Equal(fallbacks(made), []string{"fraud watch"}) {
		t.Errorf("made for %s, %v", got.Team, fallbacks(made))
	}
	if m := b.notices(t, made); !strings.HasPrefix(m[0].Text, "I have passed you on to a person (team: Watch)") {
		t.Errorf("the customer reads %q", m[0].Text)
	}
	raised := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	if _, err := b.desk.Raise(t.Context(), raised.ConversationID, Alarm{Topic: "theft", Priority: 1, Reason: "priority_topic", Explanation: "Theft."}); err != nil {
		t.Fatal(err)
	}
	if got := b.handoff(t, raised.ID); got.Team != "watch" || got.Priority != 1 {
		t.Errorf("raised to %s", got.Team)
	}
	late := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "late")
	if got := b.handoff(t, late.ID); got.Team != "night" {
		t.Errorf("P4 went to %s", got.Team)
	}
	// The watch closes, and one that is there stands behind it.
	if err := b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "watch", Name: "Watch", Hours: always, Fallback: "general"}}); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE teams SET fallback = 'general' WHERE key = 'watch'`)
	now, watch := b.now(t), "watch"
	if _, err := b.desk.Announce(t.Context(), boss, Closure{Team: &watch, StartsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	b.told(t)
	if got := b.handoff(t, made.ID); got.Team != "general" || len(fallbacks(made)) != 2 {
		t.Errorf("the watch has closed, and it is with %s", got.Team)
	}
	// Nobody is there at all: supervisors are told at once.
	if _, err := b.desk.Announce(t.Context(), boss, Closure{StartsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	alone := b.handOff(t, b.talk(t, "gb", "en", "Thieves"), "theft")
	b.told(t)
	if _, err := b.desk.followUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, h := range []Handoff{alone, made} {
		if n := b.texts(t, `SELECT kind FROM alerts WHERE handoff_id = $1 AND kind = 'nobody_left'`, h.ID); len(n) != 1 {
			t.Errorf("%d alerts for %s", len(n), h.Team)
		}
	}
}

// Nobody in danger reads a number: neither in a message nor on the card, whatever becomes of the queue. They read that a person
// is called, and what to do.
func TestNoNumberInDanger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := map[string]string{"en": "Freeze your account now.", "de": "Sperren Sie jetzt Ihr Konto."}
	withText := maps.Clone(testTopics)
	theft := withText["theft"]
	theft.SafeText = all
	withText["theft"] = theft
	b.desk.SetTopics(withText)
	var hs []Handoff
	for range 3 {
		id := b.talk(t, "de", "de", "Diebe")
		hs = append(hs, b.handOff(t, id, "theft"))
	}
	last := hs[2]
	if _, p, err := b.desk.Current(t.Context(), last.ConversationID); err != nil || p.Position != 3 || !p.First || p.Advice != "" {
		t.Errorf("%+v, %v", p, err)
	}
	m := b.notices(t, last)
	if text := m[len(m)-1].Text; strings.ContainsAny(text, "0123456789") || !strings.Contains(text, "Gerade wird ein Mensch für Sie gerufen") {
		t.Errorf("the customer reads %q", text)
	}
	if e := b.card(t, last); e.Position != 0 || e.Wait != nil || !e.First || e.Advice != "" {
		t.Errorf("the card has %+v", e)
	}
	// To whom the topic's text was said, it stays in sight; and to somebody in danger in any case.
	if _, err := b.desk.Raise(t.Context(), hs[1].ConversationID, Alarm{Topic: "theft", Priority: 1, Reason: "priority_topic", Fixed: all["de"]}); err != nil {
		t.Fatal(err)
	}
	if _, p, err := b.desk.Current(t.Context(), hs[1].ConversationID); err != nil || p.Advice != all["de"] {
		t.Errorf("%+v, %v", p, err)
	}
	b.exec(t, `UPDATE handoffs SET reason = 'vulnerability', language = 'fr' WHERE id = $1`, last.ID)
	if _, p, err := b.desk.Current(t.Context(), last.ConversationID); err != nil || p.Advice != all["en"] {
		t.Errorf("%+v, %v", p, err)
	}
	// The queue moves, and they are told nothing.
	events := func() []string {
		return b.texts(t, `SELECT kind FROM events WHERE conversation_id = $1 AND kind = 'handoff'`, last.ConversationID)
	}
	before := len(events())
	b.exec(t, `UPDATE handoffs SET state = 'resolved', ended_at = now() WHERE id = $1`, hs[0].ID)
	if err := b.desk.tellPositions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(events()); n != before {
		t.Errorf("%d events of a move that means nothing to them", n-before)
	}
	// Once somebody is there, the card is not of one who waits.
	fay := b.agent(t, Agent{Name: "Fay", Teams: []string{"fraud"}})
	if _, err := b.desk.Accept(t.Context(), last.ID, fay); err != nil {
		t.Fatal(err)
	}
	if e := b.card(t, last); e.First || e.Advice != "" {
		t.Errorf("the card has %+v", e)
	}
}

// What became of an offer stays known when the handoff goes back to the queue, and whoever passed on it may be asked again.
func TestOffersKeepTheirOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lee, max := b.agent(t, Agent{Name: "Lee", Role: "supervisor", Teams: []string{"payments"}}), b.agent(t, Agent{Name: "Max", Teams: []string{"payments"}})
	b.exec(t, `UPDATE agents SET presence = 'away' WHERE id = $1`, lee.ID)
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	b.route(t)
	if err := b.desk.Decline(t.Context(), h.ID, max); err != nil {
		t.Fatal(err)
	}
	b.route(t)
	if got := b.handoff(t, h.ID); got.State != Queued {
		t.Fatalf("asked again at once: %+v", got)
	}
	b.exec(t, `INSERT INTO offers (id, handoff_id, agent_id, expires_at, outcome, ended_at) VALUES (gen_random_uuid(), $1, $2, now(), 'lapsed', now())`, h.ID, max.ID)
	if _, err := b.desk.Transfer(t.Context(), h.ConversationID, lee, "payments", ""); err != nil {
		t.Fatal(err)
	}
	if got := b.texts(t, `SELECT outcome FROM offers WHERE handoff_id = $1 ORDER BY outcome`, h.ID); !slices.Equal(got, []string{"declined", "lapsed"}) {
		t.Errorf("what is known of the offers: %v", got)
	}
	f, err := b.desk.Figures(t.Context(), lee, Question{Report: "agents", From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	if offers, lapsed := f.Total.Values["offers"], f.Total.Values["lapsed"]; offers == nil || *offers != 2 || lapsed == nil || *lapsed != 1 {
		t.Errorf("the report has %v", f.Total.Values)
	}
	b.route(t)
	if got := b.handoff(t, h.ID); got.State != Offered || !is(got.AgentID, max) {
		t.Errorf("not asked again: %+v", got)
	}
}
