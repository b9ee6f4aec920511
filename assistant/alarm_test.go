package assistant

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What must not wait in a queue, and what may.
func TestAlarm(t *testing.T) {
	t.Parallel()
	tr, err := demoTriage()
	if err != nil {
		t.Fatal(err)
	}
	safe := func(topic, language string) string { return tr.Topics[topic].SafeText[language] }
	type want struct {
		Urgent           bool
		Reason           Reason
		Topic            string
		Priority         int
		Fixed, Sentiment string
	}
	for _, c := range []struct {
		text, locale string
		want         want
	}{
		{"I don't want to live anymore", "en", want{true, Vulnerability, distressTopic, 1, text("en", "danger"), "distressed"}},
		{"please let me talk to someone, I want to die", "en", want{true, Vulnerability, distressTopic, 1, text("en", "danger"), "distressed"}},
		{"Das habe ich nicht gekauft", "de", want{true, PriorityTopic, "unauthorised_transaction", 1, safe("unauthorised_transaction", "de"), "calm"}},
		{"I want to make a formal complaint", "en", want{true, ComplaintOrLegal, complaintTopic, 2, safe(complaintTopic, "en"), "calm"}},
		{"I want to talk to a person, my lawyer told me to sue you", "en", want{true, ComplaintOrLegal, complaintTopic, 2, safe(complaintTopic, "en"), "calm"}},
		{"I lost my job and can't pay", "en", want{true, Vulnerability, "income_loss", 2, "", "distressed"}},
		{"I want to talk to a human", "en", want{false, CustomerRequest, "", 4, "", "calm"}},
		{"how do I add a new card", "en", want{false, "", "", 4, "", "calm"}},
		{"and now?", "en", want{false, "", "", 4, "", "calm"}}, // who waits says nothing about any matter
		{"und nun?", "de", want{false, "", "", 4, "", "calm"}},
		{"och nu?", "sv", want{false, "", "", 4, "", "calm"}},
		{"and now? I want to kill myself", "en", want{true, Vulnerability, distressTopic, 1, text("en", "danger"), "distressed"}},
		{"that wasn't me", "en", want{true, PriorityTopic, "unauthorised_transaction", 1, text("en", "person"), "calm"}},
		{"thanks!", "en", want{false, "", "", 4, "", "calm"}},
	} {
		a, urgent := FindAlarm(tr, c.text, c.locale)
		got := want{urgent, a.Reason, a.Topic, a.Priority, a.Fixed, a.Sentiment}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: want (-), got (+):\n%s", c.text, d)
		}
		if a.Language != c.locale || urgent && a.Explanation == "" {
			t.Errorf("%q: language %q, explanation %q", c.text, a.Language, a.Explanation)
		}
	}
}
