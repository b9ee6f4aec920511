package handoff

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// offered tells whom the handoff is offered to.
func (b *bundle) offered(t *testing.T, id uuid.UUID) string {
	t.Helper()
	h := b.handoff(t, id)
	if h.State != Offered {
		return string(h.State)
	}
	return *h.AgentName
}

func (b *bundle) called(t *testing.T, name string) Agent {
	t.Helper()
	a, err := b.staff.FindByEmail(t.Context(), strings.ToLower(name)+"@larkpay.example")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bundle) presence(t *testing.T, a Agent) (presence string, lapses int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), `SELECT presence, lapses FROM agents WHERE id = $1`, a.ID).Scan(&presence, &lapses); err != nil {
		t.Fatal(err)
	}
	return presence, lapses
}

// The router takes an offer back in the moment in which its agent accepts it. Both must go through: the order of locks is
// the same for both.
func TestAcceptWhileTheOfferRunsOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	b.route(t)
	b.expire(t)
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM offers WHERE handoff_id = $1 FOR UPDATE`, h.ID); err != nil {
		t.Fatal(err)
	}
	routed, accepted := make(chan error), make(chan error)
	go func() { routed <- b.desk.Route(context.Background()) }()
	b.waiting(t, 1)
	go func() {
		_, err := b.desk.Accept(context.Background(), h.ID, ada)
		accepted <- err
	}()
	b.waiting(t, 2)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-routed; err != nil {
		t.Error("route:", err)
	}
	if err := <-accepted; err != nil {
		t.Error("accept:", err)
	}
}

// Promise 5: urgent matters of a team that nobody works in do not keep the others from their agents.
func TestAFullQueueHidesNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	for range offerAtOnce {
		b.handOff(t, b.talk(t, "gb", "en"), "theft")
	}
	h := b.handOff(t, b.talk(t, "gb", "en"), "")
	b.route(t)
	if got := b.offered(t, h.ID); got != "Ada" {
		t.Errorf("behind %d others it is %s", offerAtOnce, got)
	}
}

// Who goes offline with an open offer is not brought back as away.
func TestOfflineStaysOffline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	for range 2 {
		b.handOff(t, b.talk(t, "gb", "en"), "")
	}
	b.exec(t, `UPDATE agents SET lapses = 1`)
	b.route(t)
	b.exec(t, `UPDATE agents SET presence = 'offline'`)
	b.route(t)
	if p, _ := b.presence(t, ada); p != "offline" {
		t.Errorf("now %s", p)
	}
}

// Promise 5: an offer that is not taken goes to another, who lets offers lapse goes away, then the fallback team is asked,
// and when nobody is left the customer gets a dated promise. The handoff stays in the queue all the time.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pia, per := b.agent(t, Agent{Name: "Pia", Teams: []string{"payments"}}), b.agent(t, Agent{Name: "Per", Teams: []string{"payments"}})
	id := b.talk(t, "gb", "en", "declined again")
	h := b.handOff(t, id, "pay")

	b.route(t)
	first := b.offered(t, h.ID)
	b.expire(t)
	b.route(t)
	second := b.offered(t, h.ID)
	if first == second || first != "Pia" && first != "Per" || second != "Pia" && second != "Per" {
		t.Fatalf("offered to %s, then to %s", first, second)
	}
	if _, lapses := b.presence(t, map[string]Agent{"Pia": pia, "Per": per}[first]); lapses != 1 {
		t.Errorf("%d lapses are noted", lapses)
	}
	b.expire(t)
	b.route(t)
	if got := b.offered(t, h.ID); got != "queued" {
		t.Fatalf("both have passed on it, now %s", got)
	}
	// One lets a second offer lapse and goes away.
	b.exec(t, `UPDATE agents SET presence = 'away' WHERE name = 'Per'`)
	other := b.handOff(t, b.talk(t, "gb", "en", "declined too"), "pay")
	b.route(t)
	if got := b.offered(t, other.ID); got != "Pia" {
		t.Fatalf("offered to %s", got)
	}
	b.expire(t)
	b.route(t)
	if p, n := b.presence(t, pia); p != "away" || n != 2 {
		t.Errorf("after two lapses: %s, %d", p, n)
	}
	b.exec(t, `DELETE FROM handoffs WHERE id = $1`, other.ID)

	// Nobody could be offered it for long: the fallback team is asked, at the same place in the queue.
	b.exec(t, `UPDATE handoffs SET queued_at = queued_at - interval '11 minutes', team_since = team_since - interval '11 minutes', review_at = review_at - interval '11 minutes'; UPDATE offers SET made_at = made_at - interval '11 minutes'`)
	before := b.handoff(t, h.ID)
	b.route(t)
	if now := b.handoff(t, h.ID); now.Team != "general" || now.State != Queued || !now.QueuedAt.Equal(before.QueuedAt) {
		t.Fatalf("now %+v", now)
	}
	b.route(t)
	if now := b.handoff(t, h.ID); now.State != Queued {
		t.Fatalf("the fallback team has had no time, and it is %s", now.State)
	}
	b.exec(t, `UPDATE handoffs SET team_since = team_since - interval '11 minutes', review_at = review_at - interval '11 minutes'`)
	// Nobody there either, and no further fallback: a promise by a time, once.
	said := len(b.lines(t, id))
	b.route(t)
	now := b.handoff(t, h.ID)
	if now.State != Asynchronous || now.DueAt == nil || !now.DueAt.After(time.Now().Add(3*time.Hour)) {
		t.Fatalf("now %+v", now)
	}
	b.route(t)
	lines := b.lines(t, id)
	want := line("en", "asynchronous", moment("en", "by", *now.DueAt, "Europe/Berlin").Text) // of the only team that has hours
	if len(lines) != said+1 || lines[said] != want {
		t.Errorf("the customer reads %q, want %q", lines[said:], want)
	}
	var promises int
	if err := b.pool.QueryRow(t.Context(), `SELECT jsonb_array_length(package->'promises') FROM handoffs WHERE id = $1`, h.ID).Scan(&promises); err != nil || promises != 2 {
		t.Errorf("%d promises in the package, %v", promises, err)
	}
	// Whoever comes to work gets it, also one who had passed on it.
	b.exec(t, `UPDATE agents SET presence = 'away'`)
	gus := b.agent(t, Agent{Name: "Gus", Teams: []string{"general"}})
	b.route(t)
	if got := b.offered(t, h.ID); got != "Gus" {
		t.Errorf("with Gus there it is %s", got)
	}
	if _, err := b.desk.Accept(t.Context(), h.ID, gus); err != nil {
		t.Error(err)
	}
}

// Three offers that nobody took are enough for the fallback team, however short the time.
func TestPassedOnTooOften(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"Ann", "Ben", "Cis"} {
		b.agent(t, Agent{Name: name, Teams: []string{"payments"}})
	}
	h := b.handOff(t, b.talk(t, "gb", "en"), "pay")
	for i := range escalateAfter {
		b.route(t)
		now := b.handoff(t, h.ID)
		if now.State != Offered {
			t.Fatalf("offer %d: %s", i+1, now.State)
		}
		if i%2 == 0 {
			who, err := b.staff.FindByEmail(t.Context(), strings.ToLower(*now.AgentName)+"@larkpay.example")
			if err != nil {
				t.Fatal(err)
			}
			if err := b.desk.Decline(t.Context(), h.ID, who); err != nil {
				t.Fatal(err)
			}
			wantCode(t, b.desk.Decline(t.Context(), h.ID, who), "no_open_offer")
		} else {
			b.expire(t)
		}
	}
	b.route(t)
	if now := b.handoff(t, h.ID); now.Team != "general" {
		t.Errorf("still with %s", now.Team)
	}
}

// Promise 5: most urgent first, then oldest; never more than the capacity; the least loaded and longest idle first.
func TestOrderAndCapacity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	teams := []string{"general", "payments", "fraud"}
	var hs []Handoff
	for i, topic := range []string{"", "pay", "pay", "theft"} {
		h := b.handOff(t, b.talk(t, "gb", "en"), topic)
		b.exec(t, `UPDATE handoffs SET queued_at = now() - $2 * interval '1 second' WHERE id = $1`, h.ID, 20-5*i)
		hs = append(hs, h)
	}
	ada := b.agent(t, Agent{Name: "Ada", Teams: teams, Capacity: 1})
	for _, want := range []int{3, 1, 2, 0} {
		b.route(t)
		for i, h := range hs {
			if got := b.offered(t, h.ID) == "Ada"; got != (i == want) {
				t.Fatalf("handoff %d is offered: %v; it is the turn of %d", i, got, want)
			}
		}
		if _, err := b.desk.Accept(t.Context(), hs[want].ID, ada); err != nil {
			t.Fatal(err)
		}
		if _, err := b.desk.Resolve(t.Context(), hs[want].ConversationID, ada, 0); err != nil {
			t.Fatal(err)
		}
	}
	// Bo has never had an offer, so he is the longest idle; then Ada has more to do, relative to her capacity.
	b.agent(t, Agent{Name: "Bo", Teams: teams, Capacity: 3})
	one, two := b.handOff(t, b.talk(t, "gb", "en"), ""), b.handOff(t, b.talk(t, "gb", "en"), "")
	b.route(t)
	if got := []string{b.offered(t, one.ID), b.offered(t, two.ID)}; got[0] != "Bo" || got[1] != "Ada" {
		t.Errorf("offered to %v", got)
	}
	three, four := b.handOff(t, b.talk(t, "gb", "en"), ""), b.handOff(t, b.talk(t, "gb", "en"), "")
	five := b.handOff(t, b.talk(t, "gb", "en"), "")
	bo := b.called(t, "Bo")
	for i, want := range [][]string{{"queued", "queued", "queued"}, {"Bo", "queued", "queued"}, {"accepted", "Bo", "queued"}, {"accepted", "accepted", "queued"}} {
		b.route(t)
		if got := []string{b.offered(t, three.ID), b.offered(t, four.ID), b.offered(t, five.ID)}; !slices.Equal(got, want) {
			t.Errorf("look %d: offered to %v, want %v", i, got, want)
		}
		if i < 3 {
			if _, err := b.desk.Accept(t.Context(), []Handoff{one, three, four}[i].ID, bo); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Skills are asked for at first and dropped one at a time; who is away, unconnected or of another team never gets an offer.
func TestSkills(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.agent(t, Agent{Name: "Foreign", Teams: []string{"general"}, Markets: []string{"us"}, Languages: []string{"de"}})
	b.agent(t, Agent{Name: "Mute", Teams: []string{"general"}, Languages: []string{"sv"}})
	away := b.agent(t, Agent{Name: "Away", Teams: []string{"general"}})
	if err := b.desk.SetPresence(t.Context(), away, "away"); err != nil {
		t.Fatal(err)
	}
	gone := b.agent(t, Agent{Name: "Gone", Teams: []string{"general"}})
	b.exec(t, `UPDATE agents SET connected_until = now() - interval '1 second' WHERE id = $1`, gone.ID)
	b.agent(t, Agent{Name: "Other", Teams: []string{"fraud"}})
	h := b.handOff(t, b.talk(t, "de", "de"), "")
	for _, c := range []struct {
		waited int
		want   string
	}{{1, "queued"}, {31, "Foreign"}} {
		b.exec(t, `UPDATE handoffs SET team_since = now() - $1 * interval '1 second'`, c.waited)
		b.route(t)
		if got := b.offered(t, h.ID); got != c.want {
			t.Errorf("after %d s: %s, want %s", c.waited, got, c.want)
		}
	}
	b.expire(t)
	b.route(t)
	if got := b.offered(t, h.ID); got != "queued" {
		t.Errorf("offered to %s, who does not speak the language", got)
	}
	b.exec(t, `UPDATE handoffs SET team_since = now() - interval '61 seconds'`)
	b.route(t)
	if got := b.offered(t, h.ID); got != "Mute" {
		t.Errorf("after a minute: %s", got)
	}
}

// Whoever comes to work while many wait is shown one offer after the other, each with its own time; what is urgent comes
// beside one that is not. What a colleague asks of them is an offer like the others. Pulling is free up to the capacity.
func TestOneOfferAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general", "fraud"}, Capacity: 10})
	var hs []Handoff
	for range 4 {
		hs = append(hs, b.handOff(t, b.talk(t, "gb", "en"), ""))
	}
	want := func(what string, want ...Handoff) {
		t.Helper()
		b.route(t)
		got := b.texts(t, `SELECT handoff_id::text FROM offers WHERE outcome = 'open' AND agent_id = $1 ORDER BY made_at, id`, ada.ID)
		var ids []string
		for _, h := range want {
			ids = append(ids, h.ID.String())
		}
		if !slices.Equal(got, ids) {
			t.Fatalf("%s: offered %v, want %v of %v", what, got, ids, hs)
		}
	}
	want("four wait", hs[0])
	urgent, second := b.handOff(t, b.talk(t, "gb", "en"), "theft"), b.handOff(t, b.talk(t, "gb", "en"), "theft")
	want("something urgent", hs[0], urgent)
	accept := func(h Handoff) {
		t.Helper()
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
	}
	accept(urgent)
	want("the urgent one is taken", hs[0], second)
	accept(hs[0])
	want("beside something urgent comes nothing", second)
	if err := b.desk.Decline(t.Context(), second.ID, ada); err != nil {
		t.Fatal(err)
	}
	want("the urgent one is declined", hs[1])
	b.expire(t)
	want("it has lapsed", hs[2])
	// She takes what is not offered to her.
	accept(hs[3])
	want("pulled", hs[2])
	// A colleague asks her to take over: nothing comes beside that.
	accept(hs[2])
	bo := b.agent(t, Agent{Name: "Bo", Teams: []string{"general"}, Capacity: 1})
	mine := b.handOff(t, b.talk(t, "gb", "en"), "")
	b.exec(t, `UPDATE agents SET capacity = 0 WHERE id = $1`, ada.ID)
	b.route(t)
	if _, err := b.desk.Accept(t.Context(), mine.ID, bo); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE agents SET capacity = 10 WHERE id = $1`, ada.ID)
	if _, err := b.desk.TransferTo(t.Context(), mine.ConversationID, bo, ada.ID, "", true); err != nil {
		t.Fatal(err)
	}
	last := b.handOff(t, b.talk(t, "gb", "en"), "")
	b.exec(t, `UPDATE agents SET capacity = 0 WHERE id = $1`, bo.ID)
	want("asked by a colleague", mine)
	accept(mine)
	want("taken over", last)
}

// What is too heavy for everybody who is free does not hide what stands behind it.
func TestTheHeavyHideNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}, Capacity: 2})
	first := b.handOff(t, b.talk(t, "gb", "en"), "")
	b.route(t)
	if _, err := b.desk.Accept(t.Context(), first.ID, ada); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		heavy := b.handOff(t, b.talk(t, "gb", "en"), "")
		b.exec(t, `UPDATE handoffs SET weight = 2 WHERE id = $1`, heavy.ID)
	}
	light := b.handOff(t, b.talk(t, "gb", "en"), "")
	b.route(t)
	if got := b.offered(t, light.ID); got != "Ada" {
		t.Errorf("behind three that are too heavy it is %s", got)
	}
}

// Several routers on several replicas make one offer.
func TestRoutersAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"Ada", "Bo"} {
		b.agent(t, Agent{Name: name, Teams: []string{"general"}, Capacity: 2})
	}
	for range 6 {
		b.handOff(t, b.talk(t, "gb", "en"), "")
	}
	done := make(chan error)
	for range 6 {
		go func() { done <- b.desk.Route(context.Background()) }()
	}
	for range 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var open int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM offers`).Scan(&open); err != nil || open != 2 {
		t.Errorf("%d offers for two agents, %v", open, err)
	}
}

// Teams that fall back to each other would pass a handoff round for ever.
func TestNoRingOfFallbacks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	always := Hours{AlwaysOpen: true}
	err := b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "a", Name: "A", Hours: always, Fallback: "b"}, {Key: "b", Name: "B", Hours: always, Fallback: "c"},
		{Key: "c", Name: "C", Hours: always, Fallback: "a"}, {Key: "d", Name: "D", Hours: always, Fallback: "a"}})
	wantCode(t, err, "fallback_ring")
	err = b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "a", Name: "A", Hours: always, Fallback: "b"}, {Key: "b", Name: "B", Hours: always, Fallback: "general"}})
	wantCode(t, err, "<nil>")
	wantCode(t, b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "a", Name: "A", Hours: always, Fallback: "nowhere"}}), "unknown_fallback")
}
