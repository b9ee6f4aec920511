package assistant

import (
	"testing"
	"unicode"

	"github.com/firstline/firstline/handoff/triage"
)

// What no score overrides holds in Arabic as in the other languages, whatever the conversation's locale.
func TestRulesInArabic(t *testing.T) {
	t.Parallel()
	for _, locale := range []string{"ar", "en", "de"} {
		for s, want := range map[string]struct {
			action Action
			reason Reason
			key    string
		}{
			"أريد التحدث إلى شخص":           {HandOff, CustomerRequest, ""},
			"أريد أن أموت":                  {HandOff, Vulnerability, "danger"},
			"أمي في المستشفى ولا أقدر أدفع": {HandOff, Vulnerability, ""},
			"أريد تقديم شكوى رسمية":         {HandOff, ComplaintOrLegal, ""},
			"عمري ١٥ سنة":                   {HandOff, Vulnerability, "minor"},
			"شكرًا جزيلاً":                  {Reply, SmallTalk, "thanks"},
			"مرحبا":                         {Reply, SmallTalk, "hello"},
			"هل أنت روبوت؟":                 {Reply, SmallTalk, "identity"},
			"حسنا":                          {Reply, SmallTalk, "heard"},
		} {
			d := first(t, s, locale)
			if d.Action != want.action || d.Reason != want.reason || d.Language != "ar" || want.key != "" && d.Fixed != text("ar", want.key) {
				t.Errorf("%q in %s: %s by %s in %s, says %q", s, locale, d.Action, d.Reason, d.Language, d.Fixed)
			}
		}
	}
	for _, s := range []string{"كيف أؤجل الدفعة؟", "أين طلبي؟", "لا أريد التحدث إلى شخص"} {
		if d := first(t, s, "ar"); d.Action == HandOff {
			t.Errorf("%q is handed off by %s", s, d.Reason)
		}
	}
	for _, s := range []string{"نعم", "نعم من فضلك", "حسنًا", "oui, s'il vous plaît"} {
		if !affirms(s) {
			t.Errorf("%q is no yes", s)
		}
	}
	if !triage.Detect("نعم، أريد شخصًا من فضلك").Has(triage.WantsHuman) {
		t.Error("the button of the chat page asks for nobody")
	}
}

// Every fixed text is there in every language that is spoken, in that language's script.
func TestTextsAreInTheirLanguage(t *testing.T) {
	t.Parallel()
	for key, all := range texts {
		seen := map[string]bool{}
		for i, s := range all {
			if s == "" || seen[s] {
				t.Errorf("%s in %s is empty or another language's", key, spoken[i])
			}
			seen[s] = true
			arabic := 0
			for _, r := range s {
				if unicode.Is(unicode.Arabic, r) {
					arabic++
				}
			}
			if (spoken[i] == "ar") != (arabic > 3) {
				t.Errorf("%s in %s: %q", key, spoken[i], s)
			}
		}
	}
}
