package triage

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstline/firstline/internal/fault"
)

const demoDir = "../../kb/demo"

// demo loads the demo desk's topics.
func demo(t testing.TB) ([]Topic, []Example) {
	t.Helper()
	topics, examples, err := LoadTopicsFS(os.DirFS(demoDir), "topics.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return topics, examples
}

// TestDemoTopics holds the demo file to the desk's table: priorities, teams, policies and deadlines.
func TestDemoTopics(t *testing.T) {
	type row struct {
		Priority int
		Team     string
		AI       AIPolicy
		SLA      time.Duration
		Day      bool
	}
	m := time.Minute
	want := map[string]row{
		"unauthorised_transaction":        {1, "fraud", AINo, 2 * m, true},
		"identity_theft_or_takeover":      {1, "fraud", AINo, 2 * m, true},
		"medical_emergency_or_distress":   {1, "care", AINo, 2 * m, true},
		"income_loss":                     {2, "hardship", AIInfo, 5 * m, false},
		"natural_disaster":                {2, "hardship", AIInfo, 5 * m, false},
		"processing_error_or_late_fee":    {2, "payments", AIInfo, 10 * m, false},
		"locked_out_repeatedly":           {2, "security", AIInfo, 10 * m, false},
		"credit_report_dispute":           {2, "credit", AIInfo, 15 * m, false},
		"legal_complaint_or_data_request": {2, "compliance", AINo, 15 * m, false},
		"merchant_unresponsive":           {3, "disputes", AIInfo, 30 * m, false},
		"refund_not_credited":             {3, "refunds", AIYes, 30 * m, false},
		"payment_failed_repeatedly":       {3, "payments", AIYes, 30 * m, false},
		"balance_discrepancy":             {3, "payments", AIInfo, 30 * m, false},
		"plan_change_or_deferral":         {3, "payments", AIInfo, 30 * m, false},
		"purchase_missing":                {3, "accounts", AIYes, 60 * m, false},
		"account_closure":                 {3, "accounts", AIInfo, 60 * m, false},
		"cross_border_or_currency":        {3, "regional", AIYes, 60 * m, false},
		"app_trouble":                     {4, "technical", AIYes, 240 * m, false},
		"merchant_matter":                 {4, "general", AIYes, 240 * m, false},
		"partner_or_feedback":             {4, "b2b", AIYes, 1440 * m, false},
	}
	topics, examples := demo(t)
	got := map[string]row{}
	for _, p := range topics {
		got[p.Key] = row{p.Priority, p.Team, p.AI, p.SLA, p.AroundTheClock}
		for lang, least := range map[string]int{"en": 16, "de": 7, "es": 7, "sv": 7} {
			if len(p.Examples[lang]) < least {
				t.Errorf("%s has %d examples in %s, at least %d are wanted", p.Key, len(p.Examples[lang]), lang, least)
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	none := NoneOf(examples)
	if len(none["en"]) < 60 || len(none["de"]) < 20 || len(none["es"]) < 20 || len(none["sv"]) < 20 {
		t.Errorf("too few examples of no topic: %d en, %d de, %d es, %d sv", len(none["en"]), len(none["de"]), len(none["es"]), len(none["sv"]))
	}
}

const small = `version: 1
languages: [en]
topics:
  - key: fraud
    name: {en: Fraud}
    priority: 1
    team: fraud
    ai: "no"
    sla: 2m
    group: money
    audience: both
    safe_text: {en: Freeze the account.}
    examples: {en: [I did not buy this]}
none: {en: [thanks]}
`

func TestLoadTopicsNamesTheField(t *testing.T) {
	if _, _, err := LoadTopics([]byte(small)); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, old, new, field string }{
		{"version", "version: 1", "version: 2", "version"},
		{"languages", "languages: [en]", "languages: []", "languages"},
		{"key", "key: fraud", "key: Fraud!", "topics[0] (Fraud!).key"},
		{"reserved key", "key: fraud", "key: none", "topics[0] (none).key"},
		{"priority", "priority: 1", "priority: 5", "topics[0] (fraud).priority"},
		{"team", "team: fraud", "team: ''", "topics[0] (fraud).team"},
		{"policy", `ai: "no"`, "ai: maybe", "topics[0] (fraud).ai"},
		{"deadline", "sla: 2m", "sla: soon", "topics[0] (fraud).sla"},
		{"negative deadline", "sla: 2m", "sla: -2m", "topics[0] (fraud).sla"},
		{"group", "group: money", "group: cash", "topics[0] (fraud).group"},
		{"audience", "audience: both", "audience: all", "topics[0] (fraud).audience"},
		{"name", "name: {en: Fraud}", "name: {de: Betrug}", "topics[0] (fraud).name.en"},
		{"safe text", "safe_text: {en: Freeze the account.}", "safe_text: {}", "topics[0] (fraud).safe_text.en"},
		{"examples", "examples: {en: [I did not buy this]}", "examples: {}", "topics[0] (fraud).examples"},
		{"example language", "examples: {en: [I did not buy this]}", "examples: {fr: [non]}", "topics[0] (fraud).examples.fr"},
		{"empty example", "examples: {en: [I did not buy this]}", "examples: {en: [x, ' ']}", "topics[0] (fraud).examples.en[1]"},
		{"none language", "none: {en: [thanks]}", "none: {fr: [merci]}", "none.fr"},
		{"ambiguous", "none: {en: [thanks]}", "none: {en: [I did not buy this!]}", "none.examples.en"},
		{"no topics", small[strings.Index(small, "topics:"):strings.Index(small, "none:")], "topics: []\n", "topics"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(small, c.old, c.new, 1)
			if text == small {
				t.Fatal("the case changes nothing")
			}
			_, _, err := LoadTopics([]byte(text))
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != c.field {
				t.Errorf("got %v, want a fault of field %q", err, c.field)
			}
		})
	}
	twice := strings.Replace(small, "none:", small[strings.Index(small, "  - key"):strings.Index(small, "none:")]+"none:", 1)
	if _, _, err := LoadTopics([]byte(twice)); err == nil || !strings.Contains(err.Error(), "topics[1] (fraud).key") {
		t.Errorf("a repeated key gives %v", err)
	}
	if _, _, err := LoadTopics([]byte(strings.Replace(small, "team:", "teem:", 1))); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "teem") {
		t.Errorf("an unknown field gives %v", err)
	}
}

func TestLoadTopicsPolicyAsBoolean(t *testing.T) {
	topics, _, err := LoadTopics([]byte(strings.Replace(small, `ai: "no"`, "ai: false", 1)))
	if err != nil || topics[0].AI != AINo {
		t.Errorf("ai: false gives %v, %v", topics, err)
	}
}

func TestLoadTopicsFSMissing(t *testing.T) {
	if _, _, err := LoadTopicsFS(fstest.MapFS{}, "topics.yaml"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "topics.yaml") {
		t.Errorf("got %v", err)
	}
}
