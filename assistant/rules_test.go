package assistant

import (
	"os"
	"strings"
	"testing"

	"github.com/firstline/firstline/handoff/triage"
)

// first decides about a message by the hard rules alone, as the first of a conversation.
func first(t *testing.T, message, locale string) *Decision {
	t.Helper()
	tr, err := demoTriage()
	if err != nil {
		t.Fatal(err)
	}
	d := understood(tr, message, locale)
	d.Decide()
	return d
}

// Who asks for a person gets one, and is not told that something happened to them. What else they say still counts.
func TestAskingForAPerson(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../handoff/triage/testdata/asks_for_person.txt")
	if err != nil {
		t.Fatal(err)
	}
	topics := map[string]string{ // the few that say what about
		"Hi! I have asked twice about my refund. Please transfer me to an agent.": "processing_error_or_late_fee",
		"The shop was no help. Can I speak to someone?":                           "merchant_unresponsive",
	}
	n := 0
	for s := range strings.Lines(string(data)) {
		s = strings.TrimSpace(s)
		n++
		d := first(t, s, "en")
		if d.Action != HandOff || d.Reason != CustomerRequest || d.Topic != topics[s] || d.Fixed != "" || d.Priority > 3 {
			t.Errorf("%q: %s by %s, topic %q, priority %d, says %q", s, d.Action, d.Reason, d.Topic, d.Priority, d.Fixed)
		}
	}
	if n < 90 {
		t.Errorf("only %d sentences", n)
	}
	for s, topic := range map[string]string{
		"Someone bought things with my account, can I speak to someone?":             "unauthorised_transaction",
		"can i talk to a human my account was hacked":                                "identity_theft_or_takeover",
		"Mein Konto wurde gehackt. Ich möchte mit einem Menschen sprechen":           "identity_theft_or_takeover",
		"quiero hablar con una persona, no reconozco este cargo":                     "unauthorised_transaction",
		"Jag vill prata med någon, någon har handlat med mitt konto":                 "unauthorised_transaction",
		"I want to make a formal complaint, put me through to a manager":             complaintTopic,
		"Please let me talk to a person. I'm in hospital and I can't pay this month": distressTopic,
	} {
		d := first(t, s, "en")
		if d.Action != HandOff || d.Reason != PriorityTopic && d.Reason != ComplaintOrLegal || d.Topic != topic || d.Fixed == "" {
			t.Errorf("%q: %s by %s, topic %q, says %q", s, d.Action, d.Reason, d.Topic, d.Fixed)
		}
	}
	// The topic's place in the message is that of the words as they were sent.
	const s = "Hi, please let me talk to a real person now. My account was hacked"
	if d := first(t, s, "en"); len(d.Topics) == 0 || !strings.Contains(s[d.Topics[0].Start:d.Topics[0].End], "hacked") {
		t.Errorf("found at %+v", d.Topics)
	}
}

// An order number, or not wanting a person, is no stolen account.
func TestNotRobbed(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"order 4471-2231 where is it", "my order 99-1234 never came", "jag behöver ingen människa", "Ich brauche keinen Menschen", "no necesito una persona",
		"Bestellung 100-200 ist nicht da", "pedido 44-12 no llega", "beställning 99-12 kom aldrig", "call me", "123456"} {
		d := first(t, s, "en")
		if strings.Contains(d.Fixed, "Freeze") || strings.Contains(d.Fixed, "Frys") || strings.Contains(d.Fixed, "Sperren") || strings.Contains(d.Fixed, "Bloquear") {
			t.Errorf("%q: %s, topic %q: %q", s, d.Action, d.Topic, d.Fixed)
		}
	}
}

// A topic that is only suspected brings a person in, with a line that claims nothing; a cue of its kind makes it sure.
func TestSuspectedTopic(t *testing.T) {
	t.Parallel()
	legal := triage.Cues{{Kind: triage.Legal, Evidence: "GDPR", P: 0.95}}
	for _, c := range []struct {
		topic  string
		p      float64
		cues   triage.Cues
		says   string
		reason Reason
	}{
		{"identity_theft_or_takeover", 0.34, nil, text("sv", "person"), PriorityTopic},
		{"identity_theft_or_takeover", 0.50, nil, "the safe text", PriorityTopic},
		{complaintTopic, 0.34, nil, text("sv", "person"), ComplaintOrLegal},
		{complaintTopic, 0.34, legal, "the safe text", ComplaintOrLegal},
		{distressTopic, 0.34, legal, text("sv", "person"), PriorityTopic},
		{distressTopic, 0.34, triage.Cues{{Kind: triage.Vulnerable, P: 0.95}}, "the safe text", PriorityTopic},
	} {
		d := &Decision{Language: "sv", Cues: c.cues, TopicInfo: &TopicPolicy{Key: c.topic, P: c.p, Priority: 1, AI: triage.AINo, SafeText: "the safe text"}}
		d.Decide()
		if d.Action != HandOff || d.Fixed != c.says || d.Reason != c.reason || d.Priority != 1 || d.Topic != c.topic {
			t.Errorf("%s at %.2f with %v: %s by %s, %q", c.topic, c.p, c.cues, d.Action, d.Reason, d.Fixed)
		}
	}
}

// A turn that was given up still hears danger.
func TestGivenUpStillHears(t *testing.T) {
	t.Parallel()
	tr, err := demoTriage()
	if err != nil {
		t.Fatal(err)
	}
	for s, reason := range map[string]Reason{"I want to kill myself": Vulnerability, "Das habe ich nicht gekauft": PriorityTopic, "human please": CustomerRequest, question: ModelUnavailable} {
		d := understood(tr, s, "en")
		d.GivenUp = true
		if d.Decide(); d.Action != HandOff || d.Reason != reason {
			t.Errorf("%q: %s by %s, want %s", s, d.Action, d.Reason, reason)
		}
	}
}
