package handoff

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

func (b *bundle) find(t *testing.T, a Agent, f Find) []Hit {
	t.Helper()
	hits, _, err := b.desk.Search(t.Context(), a, f)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// places tells which conversations hits are in, each once.
func places(hits []Hit) (ids []uuid.UUID) {
	for _, h := range hits {
		if !slices.Contains(ids, h.ConversationID) {
			ids = append(ids, h.ConversationID)
		}
	}
	return ids
}

// A search finds words, phrases, what is being typed, notes, names and addresses; it excludes and filters; and what was found
// is marked as a browser counts.
func TestSearch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	pia := b.agent(t, Agent{Name: "Pia", Teams: []string{"payments"}})
	one := b.talk(t, "gb", "en", "🦜 The parrot ate my Zahlungserinnerung at noon")
	two := b.talk(t, "gb", "en", "My reminder is a parrot of stone", "and it ate nothing")
	b.exec(t, `UPDATE conversations SET customer = '{"name": "Ximena Quirós", "email": "ximena@example.org", "verified": true}' WHERE id = $1`, two)
	b.handOff(t, one, "pay")
	b.handOff(t, two, "theft")
	if _, err := b.desk.Note(t.Context(), one, boss, "n", "Looks like a macaw."); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE handoffs SET summary = 'Wants a refund for the umbrella.' WHERE conversation_id = $1`, two)
	b.exec(t, `UPDATE handoffs SET summary = 'Nothing.' WHERE conversation_id = $1`, one)
	for query, want := range map[string][]uuid.UUID{
		"parrot": {two, one}, "PARROT ate": {one}, `"parrot of stone"`: {two}, `"parrot stone"`: nil, "parrot -stone": {one},
		"zahl": {one}, "zahl parrot": nil, "parrot zahl": {one}, `"zahl"`: nil, "-zahl": {two, one}, "stone or zahlungserinnerung": {two, one},
		"macaw": {one}, "umbrella": {two}, "ximena@example.org": {two}, "quir": {two}, "parrot & | ! ( : * 'x": nil, "🦜": nil, `"parrot of st`: nil,
	} {
		got := places(b.find(t, boss, Find{Query: query}))
		if query == "-zahl" { // everything without it: not what was asked
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	for name, f := range map[string]Find{
		"team": {Query: "parrot", Team: "fraud"}, "status": {Query: "parrot", Status: "closed"}, "author": {Query: "macaw", Author: "customer"},
		"from": {Query: "parrot", From: time.Now().Add(time.Hour)}, "to": {Query: "parrot", To: time.Now().Add(-time.Hour)},
	} {
		want := map[string]int{"team": 1}[name]
		if got := places(b.find(t, boss, f)); len(got) != want {
			t.Errorf("by %s: %v", name, got)
		}
	}
	if got := places(b.find(t, pia, Find{Query: "parrot"})); !slices.Equal(got, []uuid.UUID{one}) {
		t.Errorf("Pia finds %v of another team", got)
	}
	if got := b.find(t, pia, Find{Query: "ximena"}); len(got) != 0 {
		t.Errorf("Pia finds a customer of another team: %v", got)
	}
	hit := b.find(t, boss, Find{Query: "parrot zahl"})[0]
	if !strings.HasPrefix(hit.Snippet, "🦜 The parrot") || !slices.Equal(hit.Marks, [][2]int{{7, 13}, {21, 39}}) || hit.Customer != "Kim" || *hit.Team != "payments" {
		t.Errorf("the hit is %+v", hit)
	}
	for _, q := range []string{"", "  "} {
		_, _, err := b.desk.Search(t.Context(), boss, Find{Query: q})
		wantCode(t, err, "required")
	}
	for _, c := range []string{"x", "1.2", "1.2.3", "1.2." + strings.Repeat("z", 36)} {
		_, _, err := b.desk.Search(t.Context(), boss, Find{Query: "parrot", Cursor: c})
		wantCode(t, err, "bad_cursor")
	}
}

// Pages hold every hit once, also of messages of one moment.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	for range 3 {
		id := b.talk(t, "gb", "en")
		err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error {
			for i := range 25 {
				if err := s.AddMessage(ctx, &chat.Message{Author: chat.System, Text: fmt.Sprint("walnut ", i)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.exec(t, `UPDATE messages SET created_at = '2026-03-09T12:00:00.123456Z'`)
	seen := map[string]bool{}
	f := Find{Query: "walnut"}
	for range 4 {
		hits, next, err := b.desk.Search(t.Context(), boss, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			key := fmt.Sprint(h.ConversationID, h.Seq)
			if seen[key] {
				t.Errorf("%s comes twice", key)
			}
			seen[key] = true
		}
		if f.Cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 75 || f.Cursor != "" {
		t.Errorf("%d hits on three pages, then %q", len(seen), f.Cursor)
	}
}

// Views are their owner's, or everyone's by a supervisor; what they choose comes in the order of the queue, a page at a time.
func TestViews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss, ada := b.agent(t, Agent{Name: "Boss", Role: "supervisor"}), b.agent(t, Agent{Name: "Ada", Teams: []string{"payments", "general"}})
	ben := b.agent(t, Agent{Name: "Ben", Teams: []string{"payments"}})
	ctx := t.Context()
	mine, err := b.desk.SaveView(ctx, ada, View{Name: "Urgent", Filter: Filter{Priorities: []int{1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.desk.SaveView(ctx, ada, View{Name: "All", Shared: true})
	wantCode(t, err, "not_a_lead")
	all, err := b.desk.SaveView(ctx, boss, View{Name: "Payments", Shared: true, Filter: Filter{Teams: []string{"payments"}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.desk.SaveView(ctx, boss, View{Name: "X", Filter: Filter{State: "lost"}})
	wantCode(t, err, "unknown_state")
	wantCode(t, b.desk.RemoveView(ctx, ada, all.ID), "not_a_lead")
	wantCode(t, b.desk.RemoveView(ctx, ben, mine.ID), "view_not_found")
	mine.Name = "Very urgent"
	if _, err := b.desk.SaveView(ctx, ada, mine); err != nil {
		t.Fatal(err)
	}
	if vs, err := b.desk.Views(ctx, ada); err != nil || len(vs) != 2 || vs[0].Name != "Payments" || vs[1].Name != "Very urgent" || !slices.Equal(vs[1].Filter.Priorities, []int{1, 2}) {
		t.Errorf("Ada has %+v, %v", vs, err)
	}

	var order []uuid.UUID
	for i := range filterPage + 5 {
		h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "pay")
		b.exec(t, `UPDATE handoffs SET queued_at = now() - $2 * interval '1 minute' WHERE id = $1`, h.ID, i)
		order = append(order, h.ID)
	}
	slices.Reverse(order) // the oldest first
	theft := b.handOff(t, b.talk(t, "gb", "en", "stolen"), "theft")
	page, next, err := b.desk.Filtered(ctx, ben, all.Filter, "")
	if err != nil || len(page) != filterPage || next == "" {
		t.Fatalf("%d on the first page, %q, %v", len(page), next, err)
	}
	rest, end, err := b.desk.Filtered(ctx, ben, all.Filter, next)
	if err != nil || end != "" {
		t.Fatal(end, err)
	}
	var got []uuid.UUID
	for _, h := range append(page, rest...) {
		got = append(got, h.ID)
	}
	if !slices.Equal(got, order) {
		t.Errorf("the pages have %d in the wrong order, want %d", len(got), len(order))
	}
	if hs, _, err := b.desk.Filtered(ctx, ben, Filter{}, ""); err != nil || slices.ContainsFunc(hs, func(h Handoff) bool { return h.ID == theft.ID }) {
		t.Error("Ben sees another team's", err)
	}
	if hs, _, err := b.desk.Filtered(ctx, boss, Filter{Priorities: []int{1}}, ""); err != nil || len(hs) != 1 || hs[0].ID != theft.ID {
		t.Error("the urgent are", hs, err)
	}
	// Taken, answered, ended.
	if _, err := b.desk.Accept(ctx, order[0], ada); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[string]int{"mine": 1, "accepted": 1, "queued": filterPage, "ended": 0, "snoozed": 0, "asynchronous": 0} {
		if hs, _, err := b.desk.Filtered(ctx, ada, Filter{State: f}, ""); err != nil || len(hs) != want {
			t.Errorf("%s: %d, %v", f, len(hs), err)
		}
	}
	conversation := b.handoff(t, order[0]).ConversationID
	count := func(f Filter) int {
		hs, _, err := b.desk.Filtered(ctx, ada, f, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(hs)
	}
	if count(Filter{State: "mine", Unanswered: true}) != 1 || count(Filter{State: "mine", Breached: true}) != 0 {
		t.Error("a customer who was not answered is not found")
	}
	b.exec(t, `UPDATE sla_clocks SET breached_at = now() WHERE handoff_id = $1`, order[0])
	if count(Filter{State: "mine", Breached: true}) != 1 {
		t.Error("a breach is not found")
	}
	if _, err := b.desk.Reply(ctx, conversation, ada, "r", "Here I am."); err != nil {
		t.Fatal(err)
	}
	if count(Filter{State: "mine", Unanswered: true}) != 0 {
		t.Error("a customer who was answered is found as unanswered")
	}
	if _, err := b.desk.Resolve(ctx, conversation, ada, 0); err != nil {
		t.Fatal(err)
	}
	if count(Filter{State: "ended"}) != 1 || count(Filter{State: "mine"}) != 0 {
		t.Error("what has ended is not found as that")
	}
	if count(Filter{State: "ended", Agent: &ben.ID}) != 0 || count(Filter{State: "ended", Agent: &ada.ID}) != 1 {
		t.Error("the agent does not choose")
	}
}

// What an agent has read is kept; the customer is told of the owner's reading only, and of each message once.
func TestRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, ben := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Ben", Teams: []string{"general"}})
	ctx := t.Context()
	id := b.talk(t, "gb", "en", "hello?")
	h := b.handOff(t, id, "")
	receipts := func() (n int) {
		if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM events WHERE conversation_id = $1 AND kind = 'read' AND NOT internal`, id).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := b.desk.Read(ctx, id, ben, 2); err != nil || receipts() != 0 {
		t.Error("somebody who does not have it told the customer", err)
	}
	if _, err := b.desk.Accept(ctx, h.ID, ada); err != nil {
		t.Fatal(err)
	}
	c, err := b.rec.Find(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.desk.Read(ctx, id, ada, c.LastSeq); err != nil || receipts() != 1 {
			t.Errorf("%d receipts, %v", receipts(), err)
		}
	}
	if _, err := b.desk.Note(ctx, id, ada, "n", "hm"); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.Read(ctx, id, ada, c.LastSeq+1); err != nil || receipts() != 1 {
		t.Errorf("a note or an event is no reason to tell the customer: %d, %v", receipts(), err)
	}
	m := b.say(t, id, "again", "are you there?").Message
	if err := b.desk.Read(ctx, id, ada, m.Seq); err != nil || receipts() != 2 {
		t.Errorf("%d receipts, %v", receipts(), err)
	}
	arrivals := func() (n int) {
		if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM events WHERE conversation_id = $1 AND kind = 'delivered' AND NOT internal`, id).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := b.desk.Delivered(ctx, id, ada, m.Seq); err != nil || arrivals() != 0 {
		t.Errorf("what was read is told to have arrived: %d, %v", arrivals(), err)
	}
	next := b.say(t, id, "third", "still there?").Message
	if err := b.desk.Delivered(ctx, id, ben, next.Seq); err != nil || arrivals() != 0 {
		t.Errorf("somebody who does not have it told the customer: %d, %v", arrivals(), err)
	}
	for range 2 {
		if err := b.desk.Delivered(ctx, id, ada, next.Seq); err != nil || arrivals() != 1 || receipts() != 2 {
			t.Errorf("%d arrivals, %d receipts, %v", arrivals(), receipts(), err)
		}
	}
	wantCode(t, b.desk.Delivered(ctx, id, ada, 1000), "out_of_range")
	wantCode(t, b.desk.Delivered(ctx, id, ada, 0), "out_of_range")
	for range 2 {
		if err := b.desk.CustomerRead(ctx, id, 3); err != nil || receipts() != 3 {
			t.Errorf("%d receipts, %v", receipts(), err)
		}
	}
	if r, err := b.desk.Reads(ctx, id, ada); err != nil || r != (ReadMarks{3, m.Seq, m.Seq}) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := b.desk.Reads(ctx, id, ben); err != nil || r.Me != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	wantCode(t, b.desk.Read(ctx, id, ada, 1000), "out_of_range")
	wantCode(t, b.desk.Read(ctx, id, ada, 0), "out_of_range")
}

// A note names colleagues who may read it, and nobody else: then it is not stored at all.
func TestMentions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, ben := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Ben", Teams: []string{"general"}})
	eve, boss := b.agent(t, Agent{Name: "Eve", Teams: []string{"fraud"}}), b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	ctx := t.Context()
	id := b.talk(t, "gb", "en", "hello?")
	b.handOff(t, id, "")
	_, err := b.desk.NoteTo(ctx, id, ada, "1", "@Eve look", []uuid.UUID{ben.ID, eve.ID})
	wantCode(t, err, "cannot_read")
	if ms, err := b.rec.Messages(ctx, id, 0, 100, true); err != nil || slices.ContainsFunc(ms, func(m chat.Message) bool { return m.Visibility == "internal" }) {
		t.Error("the note was stored without those whom it names", err)
	}
	m, err := b.desk.NoteTo(ctx, id, ada, "2", "@Ben @Boss look", []uuid.UUID{ben.ID, boss.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.NoteTo(ctx, id, ada, "2", "@Ben @Boss look", []uuid.UUID{ben.ID, boss.ID}); err != nil {
		t.Error("said twice:", err)
	}
	unseen := func(a Agent) int {
		all, err := b.desk.Unseen(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if unseen(ben) != 1 || unseen(boss) != 1 || unseen(ada) != 0 {
		t.Error("not everybody was told")
	}
	if err := b.desk.Read(ctx, id, ben, m.Seq-1); err != nil || unseen(ben) != 1 {
		t.Error("seen before it was read", err)
	}
	if err := b.desk.Read(ctx, id, ben, m.Seq); err != nil || unseen(ben) != 0 || unseen(boss) != 1 {
		t.Error("not seen by who read it, or by others", err)
	}
	if all, err := b.desk.Mentions(ctx, ben); err != nil || len(all) != 1 || !all[0].Seen || all[0].By.Name != "Ada" {
		t.Errorf("%+v, %v", all, err)
	}
	b.exec(t, `UPDATE handoffs SET team = 'fraud' WHERE conversation_id = $1`, id)
	if all, err := b.desk.Mentions(ctx, ben); err != nil || len(all) != 0 {
		t.Errorf("what Ben may not read any more is still told of: %+v, %v", all, err)
	}
}

// The supervisors' board counts what there is, and is for nobody else.
func TestSupervision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, boss := b.agent(t, Agent{Name: "Ada", Teams: []string{"payments"}, Capacity: 3}), b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	ctx := t.Context()
	_, err := b.desk.Supervision(ctx, ada)
	wantCode(t, err, "not_a_lead")
	var hs []Handoff
	for range 3 {
		hs = append(hs, b.handOff(t, b.talk(t, "gb", "en", "hello?"), "pay"))
	}
	theft := b.handOff(t, b.talk(t, "gb", "en", "stolen"), "theft")
	for _, h := range hs[:2] {
		if _, err := b.desk.Accept(ctx, h.ID, ada); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.desk.Reply(ctx, hs[0].ConversationID, ada, "r", "Hello."); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE sla_clocks SET breached_at = now(), warned_at = now() WHERE handoff_id = $1`, hs[1].ID)
	b.exec(t, `UPDATE sla_clocks SET warned_at = now() WHERE handoff_id = $1 AND kind = 'first_reply'`, theft.ID)
	s, err := b.desk.Supervision(ctx, boss)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Teams, func(t TeamNow) bool { return t.Key == "payments" })
	p := s.Teams[i]
	if p.Waiting != 1 || p.ByPriority != [4]int{0, 0, 1, 0} || p.InHand != 2 || p.Unanswered != 1 || p.Online != 1 || p.Free != 1 || p.Oldest == nil || !p.Open || p.SLA.Breached == 0 {
		t.Errorf("payments: %+v", p)
	}
	i = slices.IndexFunc(s.Teams, func(t TeamNow) bool { return t.Key == "fraud" })
	if f := s.Teams[i]; f.Waiting != 1 || f.ByPriority[0] != 1 || f.Online != 0 || f.SLA.Warned != 1 || f.SLA.Breached != 0 {
		t.Errorf("fraud: %+v", f)
	}
	i = slices.IndexFunc(s.Teams, func(t TeamNow) bool { return t.Key == "night" })
	if n := s.Teams[i]; n.Open {
		t.Errorf("night is open: %+v", n)
	}
	day := Schedule{TimeZone: "UTC", Windows: []Window{{Days: []int{1, 2, 3, 4, 5, 6, 7}, From: "00:00", To: "24:00"}}}
	if err := b.desk.SaveTeams(ctx, []TeamSeed{{Key: "night", Name: "Night", Hours: Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC"}, "se": day}}}}); err != nil {
		t.Fatal(err)
	}
	if s, err = b.desk.Supervision(ctx, boss); err != nil {
		t.Fatal(err)
	}
	if n := s.Teams[slices.IndexFunc(s.Teams, func(t TeamNow) bool { return t.Key == "night" })]; !n.Open || n.OpensAt != nil {
		t.Errorf("night is there for one market: %+v", n)
	}
	i = slices.IndexFunc(s.Agents, func(a AgentNow) bool { return a.ID == ada.ID })
	a := s.Agents[i]
	if a.Load != 2 || a.Presence != "online" || len(a.Conversations) != 2 || !slices.Equal(a.Teams, []string{"payments"}) {
		t.Fatalf("Ada: %+v", a)
	}
	if w := a.Conversations[0]; w.Conversation != hs[0].ConversationID || w.Awaiting != nil || w.Customer != "Kim" || w.Breached {
		t.Errorf("answered: %+v", w)
	}
	if w := a.Conversations[1]; w.Awaiting == nil || !w.Breached || w.Due == nil {
		t.Errorf("not answered: %+v", w)
	}
}
