package assistant

import (
	"slices"

	"github.com/firstline/firstline/handoff/triage"
)

// Alarm is what the rules that need no model make of a message that no turn answers: one that arrives while people own
// the conversation, or the note that comes with the wish for a person.
type Alarm struct {
	Topic       string // key of the most urgent credible topic, "" for none
	Priority    int    // 1 to 4; of the topic, or raised by a rule
	Reason      Reason // "" when no rule speaks
	Fixed       string // what should be said at once, "" for nothing; in Language
	Language    string // what the customer writes in
	Sentiment   string // calm | frustrated | distressed | abusive
	Explanation string // one sentence for the agent, "" when no rule speaks
}

// Alarm reads a message with the topics in force. Locale is the conversation's.
func (a *Assistant) Alarm(text, locale string) (Alarm, bool) {
	return FindAlarm(a.triage.Load(), text, locale)
}

// FindAlarm understands a message and applies the hard rules alone, without a model and without a search. It reports true
// where the message must not wait in its queue: danger to oneself, a topic on which the assistant may not speak, a legal
// right or a complaint, and vulnerability. A wish for a person is none of these: there a person is on the way already,
// and the wish must not hide what else is said.
func FindAlarm(tr *Triage, message, locale string) (Alarm, bool) {
	d := understood(tr, message, locale)
	asks := d.Cues.Has(triage.WantsHuman)
	d.Cues = slices.DeleteFunc(d.Cues, func(c triage.Cue) bool { return c.Kind == triage.WantsHuman })
	d.Decide()
	if d.Action != HandOff && d.Cues.Has(triage.Vulnerable) { // in a turn, the topic's policy would come first
		d.vulnerable()
	}
	a := Alarm{Topic: d.Topic, Priority: d.Priority, Language: d.Language, Sentiment: d.Sentiment}
	if d.Action == HandOff {
		a.Reason, a.Fixed, a.Explanation = d.Reason, d.Fixed, d.Explanation
		return a, true
	}
	if asks {
		a.Reason, a.Explanation = CustomerRequest, "The customer asked for a person."
	}
	return a, false
}
