package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// seen is what a decision can be made from: a claim without the fields that only identify or route.
type seen struct {
	Turn                                      uuid.UUID
	Attempt                                   int
	Market, Locale, Audience, Article, Advice string
	Epoch, Fence, From, To                    int64
	Text                                      string
	History                                   []string
	Past                                      []chat.PastTurn
}

func whatWasSeen(c *chat.Claim) seen {
	v := c.Conversation
	s := seen{Turn: c.TurnID, Attempt: c.Attempt, Market: v.Market, Locale: v.Locale, Audience: v.Audience, Article: v.Article, Advice: v.Instruction,
		Epoch: v.Epoch, Fence: v.FenceSeq, From: c.FromSeq, To: c.ToSeq, Text: c.Text(), Past: c.Past}
	for _, m := range c.History {
		helpful := "-"
		if m.Helpful != nil {
			helpful = fmt.Sprint(*m.Helpful)
		}
		s.History = append(s.History, fmt.Sprintf("%d %s %v %s %q %v", m.Seq, m.Author, m.AI, helpful, m.Text, m.Citations))
	}
	return s
}

// story runs turns and keeps the claims that they ran on.
type story struct {
	*bundle
	t      *testing.T
	id     uuid.UUID
	n      int
	claims map[uuid.UUID]seen
}

func (s *story) says(text string) *chat.Claim {
	s.n++
	return s.say(s.t, s.id, fmt.Sprint(s.n), text).Claim
}

// ends finishes a turn and returns the one that waited for it.
func (s *story) ends(c *chat.Claim, o chat.Outcome, text string) *chat.Claim {
	s.t.Helper()
	s.claims[c.TurnID] = whatWasSeen(c)
	next, err := s.rec.Finish(s.t.Context(), c, chat.Ending{Outcome: o, Reason: "quoted", Text: text, Citations: []chat.Citation{{N: 1, Article: "late-fees"}},
		Record: chat.TurnRecord{Decision: json.RawMessage(`{"action": "answer"}`), Timings: map[string]float64{"total": 0.01}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return next
}

func (s *story) do(f func(context.Context, *chat.Session) error) {
	s.t.Helper()
	if err := s.rec.Do(s.t.Context(), s.id, f); err != nil {
		s.t.Fatal(err)
	}
}

// judges gives a verdict on the assistant's latest answer.
func (s *story) judges(helpful bool) {
	s.t.Helper()
	all, err := s.rec.Messages(s.t.Context(), s.id, 0, 1000, false)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range slices.Backward(all) {
		if m.Author == chat.Assistant && m.Turn != nil {
			s.do(func(ctx context.Context, c *chat.Session) error { return c.Judge(ctx, m.ID, helpful, "") })
			return
		}
	}
	s.t.Fatal("there is no answer to judge")
}

// person lets somebody take the conversation over.
func (s *story) person() {
	s.do(func(ctx context.Context, c *chat.Session) error { return c.SetOwner(ctx, chat.OwnedByQueue, nil) })
}

// back gives it back: with what nobody has answered, or as settled and closed.
func (s *story) back(instruction string, resume bool) {
	s.do(func(ctx context.Context, c *chat.Session) error {
		m := chat.Message{Author: chat.System, Text: "The assistant is back."}
		if err := c.AddMessage(ctx, &m); err != nil {
			return err
		}
		if err := c.SetOwner(ctx, chat.OwnedByAssistant, nil); err != nil {
			return err
		}
		if err := c.SetInstruction(ctx, instruction); err != nil {
			return err
		}
		if resume {
			return c.Resume(ctx)
		}
		if err := c.SetStatus(ctx, "closed"); err != nil {
			return err
		}
		return c.Fence(ctx)
	})
}

// takenOver lets another process take the live turn over.
func (s *story) takenOver(c *chat.Claim) *chat.Claim {
	s.t.Helper()
	if c != nil {
		if err := s.rec.Release(s.t.Context(), []uuid.UUID{c.TurnID}); err != nil {
			s.t.Fatal(err)
		}
	}
	for range 200 {
		claims, err := s.rec.TakeOver(s.t.Context(), 8)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(claims) == 1 {
			return claims[0]
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatal("nothing to take over")
	return nil
}

// speaks makes the live turn one that later messages wait for.
func (s *story) speaks(c *chat.Claim) {
	s.t.Helper()
	if err := s.rec.Speak(s.t.Context(), c, chat.DeltaEvent{Text: "It "}); err != nil {
		s.t.Fatal(err)
	}
}

// Every claim that a live turn had is put together again later, whatever happened before, meanwhile and since.
func TestPastClaims(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{Lease: time.Second})
	began := time.Now().Add(-time.Second)
	claims := map[uuid.UUID]seen{}
	tell := func() *story { return &story{bundle: b, t: t, id: b.start(t), claims: claims} }
	stories := map[string]func(s *story){
		"questions and answers": func(s *story) {
			for i := range 20 { // more than a claim brings along
				s.ends(s.says(fmt.Sprintf("question %d", i)), chat.Answered, fmt.Sprintf("answer %d", i))
			}
		},
		"a burst": func(s *story) {
			s.ends(s.says("first"), chat.Clarified, "Which one?")
			s.says("the")
			s.says("second")
			s.ends(s.says("one, please"), chat.Answered, "Here.")
			s.ends(s.says("thanks"), chat.Answered, "You are welcome.")
		},
		"one waits, and several": func(s *story) {
			for i := range 8 {
				s.ends(s.says(fmt.Sprintf("question %d", i)), chat.Answered, "an answer")
			}
			c := s.says("slow one")
			s.speaks(c)
			s.says("and this")
			s.says("and that")
			next := s.ends(c, chat.Answered, "It is slow.")
			s.speaks(next)
			s.says("and more")
			s.ends(s.ends(next, chat.Answered, "It is so."), chat.Answered, "Yes.")
		},
		"verdicts": func(s *story) {
			s.ends(s.says("one"), chat.Answered, "1")
			c := s.says("before any verdict")
			s.judges(false) // too late for it
			s.ends(c, chat.Answered, "2")
			s.judges(false)
			s.judges(true)
			s.ends(s.says("after two"), chat.Answered, "3")
			s.judges(false)
			c = s.says("slow")
			s.speaks(c)
			s.says("waits")
			s.judges(true) // on the third, before the waiting one begins
			next := s.ends(c, chat.Answered, "It is")
			s.judges(false) // on the fourth, after it began
			s.ends(next, chat.Answered, "5")
			c = s.says("its process ends")
			s.judges(true) // known to the process that takes over
			time.Sleep(2 * time.Millisecond)
			s.ends(s.takenOver(c), chat.Answered, "6")
			s.judges(false)
		},
		"people, and back": func(s *story) {
			s.ends(s.says("one"), chat.Answered, "1")
			s.judges(false)
			s.person()
			s.says("is anybody there?")
			s.back("Be kind.", true)
			s.ends(s.takenOver(nil), chat.Answered, "2")
			s.ends(s.says("and then?"), chat.Clarified, "Which?")
			s.person()
			s.back("", true) // nothing left to answer
			s.ends(s.says("three"), chat.Answered, "3")
			s.person()
			s.back("", false)
			s.do(func(ctx context.Context, c *chat.Session) error {
				return c.AddMessage(ctx, &chat.Message{Author: chat.System, Text: "A note among agents.", Visibility: "internal"})
			})
			s.ends(s.says("four"), chat.Answered, "4")
			s.ends(s.says("five"), chat.Answered, "5")
			s.person()
			s.says("never answered")
			s.back("The latest.", true)
			s.takenOver(nil)
			s.says("a newer one") // which supersedes it
			s.ends(s.says("the newest"), chat.Answered, "6")
			s.person() // and stays
		},
	}
	for _, f := range stories {
		f(tell())
	}

	var found []chat.Ended
	span := chat.Span{From: began, Until: time.Now().Add(time.Second)}
	for before, last := uuid.Max, uuid.Max; ; before = last {
		page, err := b.rec.EndedBefore(t.Context(), span, before, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if e.Claim.TurnID.String() >= last.String() {
				t.Error("not from the newest to the oldest")
			}
			last = e.Claim.TurnID
		}
		found = append(found, page...)
		if len(page) < 7 {
			break
		}
	}
	if n, err := b.rec.CountEnded(t.Context(), span); err != nil || n != len(found) || n != len(claims) {
		t.Errorf("%d turns ended, %d counted, %d found: %v", len(claims), n, len(found), err)
	}
	fences, advised := 0, 0
	for _, e := range found {
		want, ok := claims[e.Claim.TurnID]
		if !ok {
			t.Errorf("turn %s did not end so", e.Claim.TurnID)
		}
		got := whatWasSeen(e.Claim)
		alone, err := b.rec.FindEnded(t.Context(), e.Claim.TurnID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got, whatWasSeen(alone.Claim)); d != "" {
			t.Errorf("on a page (-) and alone (+):\n%s", d)
		}
		if got.Advice == "" { // not every former instruction is known
			want.Advice = ""
		}
		if got.Fence > 0 {
			fences++
		}
		if got.Advice != "" {
			advised++
		}
		// Turns that one burst made begin at the same message, and the live statement leaves their order open.
		slices.SortStableFunc(got.Past, byOutcome)
		slices.SortStableFunc(want.Past, byOutcome)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("the turn saw (-), put together again (+):\n%s", d)
		}
		if e.Answer == nil || e.Answer.Seq <= e.Claim.ToSeq || *e.Answer.Turn != e.Claim.TurnID || len(e.Answer.Citations) != 1 {
			t.Errorf("answer %+v", e.Answer)
		}
	}
	if fences < 5 || advised != 1 {
		t.Errorf("%d fences, %d instructions; the stories do not tell much", fences, advised)
	}
}

func byOutcome(a, b chat.PastTurn) int {
	return len(a.Outcome) - len(b.Outcome)
}

// A turn is found by its id or by its conversation's, and what has no decision says why.
func TestFindEnded(t *testing.T) {
	t.Parallel()
	s := &story{bundle: setup(t, chat.Options{}), t: t, claims: map[uuid.UUID]seen{}}
	s.id = s.start(t)
	if _, err := s.rec.FindEnded(t.Context(), s.id); !fault.Is(err, fault.NotFound) {
		t.Errorf("a conversation without turns: %v", err)
	}
	first := s.says("one")
	if _, err := s.rec.FindEnded(t.Context(), first.TurnID); !fault.Is(err, fault.Conflict) {
		t.Errorf("a running turn: %v", err)
	}
	second := s.says("two")
	s.ends(second, chat.Answered, "1")
	third := s.says("three")
	s.ends(third, chat.Answered, "2")
	if _, err := s.rec.FindEnded(t.Context(), first.TurnID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a superseded turn: %v", err)
	}
	for id, want := range map[uuid.UUID]uuid.UUID{second.TurnID: second.TurnID, s.id: third.TurnID} {
		e, err := s.rec.FindEnded(t.Context(), id)
		if err != nil || e.Claim.TurnID != want || e.Outcome != chat.Answered || e.Reason != "quoted" || len(e.Decision) == 0 || e.At.IsZero() {
			t.Errorf("%s: %+v, %v", id, e, err)
		}
	}
	if _, err := s.rec.FindEnded(t.Context(), uuid.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("no turn at all: %v", err)
	}
	// The span is told by the ids.
	for _, c := range []struct {
		span chat.Span
		want int
	}{{chat.Span{}, 2}, {chat.Span{Until: time.Now().Add(-time.Hour)}, 0}, {chat.Span{From: time.Now().Add(time.Hour)}, 0}, {chat.Span{From: time.Now().Add(-time.Hour)}, 2}} {
		page, err := s.rec.EndedBefore(t.Context(), c.span, uuid.Max, 10)
		n, err2 := s.rec.CountEnded(t.Context(), c.span)
		if err != nil || err2 != nil || len(page) != c.want || n != c.want {
			t.Errorf("%+v: %d and %d, want %d: %v %v", c.span, len(page), n, c.want, err, err2)
		}
	}
}
