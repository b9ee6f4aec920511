package assistant

import (
	"math"
	"slices"
	"strings"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
)

// StuckSigns are counts since the last handoff, and what the message itself shows.
type StuckSigns struct {
	Repeats    int  `json:"repeats"`    // earlier messages that asked the same
	Unhelpful  int  `json:"unhelpful"`  // answers marked as not helpful
	Clarified  int  `json:"clarified"`  // clarifying questions asked
	Offered    int  `json:"offered"`    // offers of a human not taken
	Turns      int  `json:"turns"`      // turns so far
	Frustrated bool `json:"frustrated"` // by the words of this message
	JustOffer  bool `json:"just_offer"` // the last turn offered a human
	JustAsked  bool `json:"just_asked"` // the last turn asked a clarifying question
	Affirms    bool `json:"affirms"`    // the message is a plain yes
	Unanswered int  `json:"unanswered"` // earlier turns that did not answer
}

// stuckSigns counts what speaks for a customer who gets no further.
func stuckSigns(c *chat.Claim, cues triage.Cues, r *reading) StuckSigns {
	s := StuckSigns{Turns: len(c.Past), Frustrated: cues.Has(triage.Frustration) || cues.Has(triage.Abuse)}
	for i, p := range c.Past {
		switch p.Outcome {
		case chat.Clarified:
			s.Clarified++
			s.JustAsked = s.JustAsked || i == 0
		case chat.OfferedHuman:
			s.Offered++
			s.JustOffer = s.JustOffer || i == 0
		case chat.Cancelled, chat.HandedOff:
			s.Unanswered++
		}
	}
	justBefore := true
	for _, m := range slices.Backward(c.History) {
		if m.Seq <= c.Conversation.FenceSeq {
			continue
		}
		switch {
		case m.Author == chat.Assistant && m.Helpful != nil && !*m.Helpful:
			s.Unhelpful++
		case m.Author == chat.Customer:
			if r.repeats(m.Text, justBefore) {
				s.Repeats++
			}
			justBefore = false
		}
	}
	s.Affirms = affirms(c.Text())
	return s
}

// pStuck is the probability that the assistant will not get this customer further: independent signs, each with the
// chance that it alone means so. These are priors.
func pStuck(s StuckSigns) float64 {
	ok := 1.0
	sign := func(n int, p float64) { ok *= math.Pow(1-p, float64(n)) }
	sign(s.Repeats, 0.45)
	sign(s.Unhelpful, 0.40)
	sign(s.Unanswered, 0.30)
	sign(max(0, s.Turns-8), 0.10)
	if s.Frustrated {
		sign(1, 0.35)
	}
	return 1 - ok
}

// words says what speaks for it, for an agent to read.
func (s StuckSigns) words() string {
	var w []string
	if s.Repeats > 0 {
		w = append(w, "the same question again")
	}
	if s.Unhelpful > 0 {
		w = append(w, "answers marked as not helpful")
	}
	if s.Unanswered > 0 {
		w = append(w, "earlier questions left open")
	}
	if s.Frustrated {
		w = append(w, "frustrated words")
	}
	if len(w) == 0 {
		w = append(w, "many turns")
	}
	return strings.Join(w, ", ")
}
