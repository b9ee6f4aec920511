package handoff

import (
	"fmt"
	"time"
)

// RoutingRules are how a team's handoffs get to its agents, where it differs from the defaults. Times are in seconds; 0
// stands for the default.
type RoutingRules struct {
	Offer    int `json:"offer_seconds,omitempty" yaml:"offer_seconds"`       // how long an agent has to take an offer; 20
	Market   int `json:"market_seconds,omitempty" yaml:"market_seconds"`     // after so long agents of other markets may take it; 30
	Language int `json:"language_seconds,omitempty" yaml:"language_seconds"` // after so long agents without the language may take it; 60
	Wish     int `json:"wish_seconds,omitempty" yaml:"wish_seconds"`         // how long what is meant for one agent waits for them; 60
	// Patience is how long the team has, by priority ("1" to "4"), until somebody else is asked.
	Patience map[string]int `json:"patience_seconds,omitempty" yaml:"patience_seconds"`
	// Weights say how much of an agent's capacity a conversation takes, by topic, or by priority ("P1" to "P4") where the
	// topic is not named; 1 where neither is.
	Weights map[string]int `json:"weights,omitempty" yaml:"weights"`
}

// defaultPatience is how long a team has until somebody else is asked, by priority.
var defaultPatience = map[int]time.Duration{1: 15 * time.Second, 2: 2 * time.Minute, 3: 10 * time.Minute, 4: 10 * time.Minute}

// defaultWish is how long what is meant for one agent waits for them.
const defaultWish = time.Minute

const (
	longestPatience = 24 * 60 * 60 // seconds
	heaviest        = 100          // as the schema has it
)

func (r RoutingRules) validate() error {
	for name, s := range map[string]int{"offer_seconds": r.Offer, "market_seconds": r.Market, "language_seconds": r.Language, "wish_seconds": r.Wish} {
		if s < 0 || s > longestPatience {
			return fmt.Errorf("%s %d is not between 0 and %d", name, s, longestPatience)
		}
	}
	for p, s := range r.Patience {
		if len(p) != 1 || p < "1" || p > "4" {
			return fmt.Errorf("patience_seconds: %q is not a priority from 1 to 4", p)
		}
		if s < 1 || s > longestPatience {
			return fmt.Errorf("patience_seconds of priority %s: %d is not between 1 and %d", p, s, longestPatience)
		}
	}
	for topic, w := range r.Weights {
		if w < 1 || w > heaviest {
			return fmt.Errorf("weight %d of %s is not between 1 and %d", w, topic, heaviest)
		}
	}
	return nil
}

func seconds(s int, otherwise time.Duration) time.Duration {
	if s > 0 {
		return time.Duration(s) * time.Second
	}
	return otherwise
}

func (r RoutingRules) patience(priority int) time.Duration {
	return seconds(r.Patience[fmt.Sprint(priority)], defaultPatience[priority])
}

func (r RoutingRules) wish() time.Duration { return seconds(r.Wish, defaultWish) }

func (r RoutingRules) weight(topic string, priority int) int {
	if w := r.Weights[topic]; w > 0 {
		return w
	}
	return max(1, r.Weights[fmt.Sprintf("P%d", priority)])
}
