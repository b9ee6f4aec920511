package triage

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/firstline/firstline/internal/measure"
)

var trained = sync.OnceValues(func() (*Classifier, error) {
	topics, examples, err := LoadTopicsFS(os.DirFS(demoDir), "topics.yaml")
	if err != nil {
		return nil, err
	}
	return Train(topics, NoneOf(examples))
})

func demoClassifier(t testing.TB) *Classifier {
	t.Helper()
	c, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSuite scores the labelled suite of the demo. Part "a" was written before the first training, parts "b" and "c"
// later, each before it was scored. Seen for the first time they gave .94, .80 and .80 of accuracy. The mistakes in "a"
// and "b" have since led to more examples of the same kind, never the same sentences; no example was written for "c",
// so its figure is the honest one. Urgent recall counts messages of priority 1 and 2 that were found to be so.
func TestSuite(t *testing.T) {
	c := demoClassifier(t)
	f, err := os.Open(demoDir + "/suites/triage.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	floors := map[string]struct{ accuracy, urgentRecall, quiet float64 }{
		"a": {0.94, 0.94, 0.93}, "b": {0.88, 0.90, 0.90}, "c": {0.75, 0.85, 0.80},
	}
	type tally struct {
		want, got    []string
		urgent, hit  int // priority 1 and 2: found as priority 1 or 2
		none, silent int // no topic: nothing urgent raised
		p            []float64
		right        []bool
	}
	parts := map[string]*tally{"a": {}, "b": {}, "c": {}}
	topics, _ := demo(t)
	priority := map[string]int{}
	for _, p := range topics {
		priority[p.Key] = p.Priority
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var m struct{ Text, Lang, Topic, Set string }
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if _, known := priority[m.Topic]; !known && m.Topic != None {
			t.Fatalf("the suite names an unknown topic %q", m.Topic)
		}
		part, top := parts[m.Set], c.Segments(m.Text)[0]
		part.want, part.got = append(part.want, m.Topic), append(part.got, top.Topic)
		part.p, part.right = append(part.p, top.P), append(part.right, top.Topic == m.Topic)
		raised := top.Priority == 1 || top.Priority == 2
		switch {
		case m.Topic == None:
			part.none++
			if !raised || top.P < Credible(top.Priority) {
				part.silent++
			}
		case priority[m.Topic] <= 2:
			part.urgent++
			if raised {
				part.hit++
			}
		}
	}
	for name, part := range parts {
		if len(part.want) < 40 {
			t.Fatalf("part %s has only %d messages", name, len(part.want))
		}
		acc, recall, quiet := measure.Accuracy(part.want, part.got), float64(part.hit)/float64(part.urgent), float64(part.silent)/float64(part.none)
		low, high := measure.ClopperPearson(part.hit, part.urgent, 0.95)
		t.Logf("part %s: %d messages, accuracy %.3f, macro F1 %.3f, P1/P2 recall %.3f [%.3f, %.3f], no false alarm %.3f, ECE %.3f", name, len(part.want), acc,
			measure.MacroF1(part.want, part.got), recall, low, high, quiet, measure.ECE(part.p, part.right, 10))
		want := floors[name]
		if acc < want.accuracy || recall < want.urgentRecall || quiet < want.quiet {
			t.Errorf("part %s: accuracy %.3f, P1/P2 recall %.3f, no false alarm %.3f; floors %+v", name, acc, recall, quiet, want)
		}
	}
}

func TestSuiteIsHeldOut(t *testing.T) {
	_, examples := demo(t)
	known := map[string]bool{}
	norm := func(s string) string { return strings.ToLower(strings.Trim(s, " .!?¿¡")) }
	for _, e := range examples {
		if len(e.Text) > 4 { // "ok" and "hi" are what they are
			known[norm(e.Text)] = true
		}
	}
	data, err := os.ReadFile(demoDir + "/suites/triage.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var m struct{ Text string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if known[norm(m.Text)] {
			t.Errorf("%q is in the training examples too", m.Text)
		}
	}
}

// The topic that counts in hard messages: several matters, trouble at the end of a polite one, typing errors, slang,
// emoji, no punctuation, mixed languages, look-alikes.
var hardTopics = []struct{ text, topic string }{
	{"Hello, thank you for the good service so far. I have been a customer for two years and I like the app very much. I just wanted to ask about one little thing, there is a purchase of 300 pounds on my account that I did not make.", "unauthorised_transaction"},
	{"Hi there, hope you are well! I was wondering how the late fee works and when it is due. By the way, my husband died last week and I can't deal with this.", "medical_emergency_or_distress"},
	{"Hi, the coat arrived, thanks a lot. Your colleague was very kind on Monday. The new colours of the app are nice, too. My daughter likes the dark one best. One small thing, it is probably nothing: there is a payment to a casino that I never made.", "unauthorised_transaction"},
	{"app crashes all the time and also someone hacked my account", "identity_theft_or_takeover"},
	{"where is my parcel? also you charged me twice", "processing_error_or_late_fee"},
	{"Thanks, that helps. One more thing: I lost my job last week", "income_loss"},
	{"Guten Tag, vielen Dank für die schnelle Antwort gestern. Die App gefällt mir sehr gut. Leider habe ich heute einen Kauf gesehen, den ich nie gemacht habe.", "unauthorised_transaction"},
	{"Hola, gracias por todo. Quería preguntar por los plazos. Además, alguien ha usado mi cuenta para comprar un móvil.", "unauthorised_transaction"},
	{"Hej! Tack för hjälpen igår. Jag undrar hur man ändrar adress. Dessutom har någon kapat mitt konto.", "identity_theft_or_takeover"},
	{"how do I change my address and can I get a receipt", None},
	{"can my wife use the account", None},
	{"we are being evicted and cannot pay", "income_loss"},
	{"i didnt by this!!!", "unauthorised_transaction"},
	{"sombody hackd my acount 😱", "identity_theft_or_takeover"},
	{"CHARGED TWICE!!!!", "processing_error_or_late_fee"},
	{"u guys charged me 2x wtf", "processing_error_or_late_fee"},
	{"lost me job innit cant pay", "income_loss"},
	{"im in hosptial cant pay", "medical_emergency_or_distress"},
	{"app keeps crashin 😤", "app_trouble"},
	{"cant loggin again!! locked out", "locked_out_repeatedly"},
	{"wheres my refund m8", "refund_not_credited"},
	{"pls close acc", "account_closure"},
	{"my account wurde gehackt please help", "identity_theft_or_takeover"},
	{"hola my card keeps being declined", "payment_failed_repeatedly"},
	{"Jag vill close my account tack", "account_closure"},
	{"What is the late fee?", None},
	{"I paid on time and you charged a late fee", "processing_error_or_late_fee"},
	{"How do I freeze my account when travelling?", None},
	{"Freeze my account, this purchase is not mine", "unauthorised_transaction"},
	{"Does Larkpay check my credit?", None},
	{"You put a wrong entry on my credit report", "credit_report_dispute"},
	{"How long does a refund take?", None},
	{"The shop refunded me but my balance has not changed", "refund_not_credited"},
	{"How many times can I move the due date?", None},
	{"Move my due date please", "plan_change_or_deferral"},
	{"thanks a lot, bye", None},
	{"recipe for pancakes please", None},
	{"I have a question", None},
	{"", None},
	{"🍕🍕", None},
	{"My parcel never arrived and the shop ignores my emails", "merchant_unresponsive"},
	{"When will my parcel arrive?", "merchant_matter"},
	{"Please move my due date. And erase all my data afterwards, that is my legal right.", "legal_complaint_or_data_request"},
	{"La app va bien, gracias. Pero me habéis cobrado dos veces", "processing_error_or_late_fee"},
	{"Die App ist super. Aber ich bin arbeitslos geworden und kann nicht zahlen", "income_loss"},
	{"tack så mycket för svaret men nu har översvämningen tagit vårt hus", "natural_disaster"},
}

func TestHardTopics(t *testing.T) {
	c := demoClassifier(t)
	for _, h := range hardTopics {
		if top := c.Segments(h.text)[0]; top.Topic != h.topic {
			t.Errorf("%q is %s, got %s (%.2f, from %q)", h.text, h.topic, top.Topic, top.P, h.text[top.Start:top.End])
		}
	}
}

// TestEveryMatterIsFound: two matters in one message both show, the urgent one first.
func TestEveryMatterIsFound(t *testing.T) {
	c := demoClassifier(t)
	got := c.Segments("where is my parcel? also you charged me twice")
	if got[0].Topic != "processing_error_or_late_fee" || got[1].Topic != "merchant_matter" || got[1].P < Credible(got[1].Priority) {
		t.Errorf("got %+v", got[:2])
	}
	if got[0].Start < len("where is my parcel?") {
		t.Errorf("the evidence of the second matter begins at byte %d", got[0].Start)
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	topics, examples := demo(t)
	a := demoClassifier(t)
	b, err := Train(topics, NoneOf(examples))
	if err != nil {
		t.Fatal(err)
	}
	if a.Hash() != b.Hash() || a.weightsHash() != b.weightsHash() || a.cal != b.cal {
		t.Error("the same examples gave another classifier")
	}
	topics[3].Examples["en"][0] += " really"
	d, err := Train(topics, NoneOf(examples))
	if err != nil {
		t.Fatal(err)
	}
	if d.Hash() == a.Hash() {
		t.Error("another example did not change the hash")
	}
}

func TestTrainNeedsTwoLabels(t *testing.T) {
	if _, err := TrainLabelled([]Labelled{{"a", "x"}, {"b", "x"}}); err == nil {
		t.Error("one label was accepted")
	}
	if _, err := Train(nil, map[string][]string{"en": {"hi"}}); err == nil {
		t.Error("no topics were accepted")
	}
}

func TestTrainLabelled(t *testing.T) {
	var set []Labelled
	for i := range 6 {
		n := strings.Repeat("x", i+1)
		set = append(set, Labelled{"my card was stolen " + n, "stolen"}, Labelled{"what is my balance " + n, "balance"}, Labelled{"let me talk to a human " + n, "human"})
	}
	c, err := TrainLabelled(set)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"someone has stolen the card": "stolen", "tell me the balance": "balance", "ich will mit einem Menschen reden": "human"} {
		if got := c.Classify(text)[0]; got.Topic != want {
			t.Errorf("%q gives %+v, want %s", text, got, want)
		}
	}
	if !slices.Equal(c.Labels(), []string{"balance", "human", "stolen"}) || c.P("balance please", "unknown") != 0 {
		t.Errorf("labels %v", c.Labels())
	}
}

func TestScoresAreProbabilities(t *testing.T) {
	c := demoClassifier(t)
	pieces := []string{"I", "didn't", "buy", "this", ".", ", ", "twice", "konto", "gehackt", "\n", "😀", "\"", "¿", "refund", "and", "é", "\xff", "12.50", "日本"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.String()), 0, 40).Draw(t, "words"), " ")
		sum := 0.0
		got := c.Classify(text)
		for i, s := range got {
			if s.P < 0 || s.P > 1 || math.IsNaN(s.P) || i > 0 && s.P > got[i-1].P {
				t.Fatalf("%q gives %+v", text, got)
			}
			sum += s.P
		}
		if math.Abs(sum-1) > 1e-9 || len(got) != len(c.Labels()) {
			t.Fatalf("%q: probabilities sum to %v", text, sum)
		}
		parts := c.Segments(text)
		if len(parts) != len(got) {
			t.Fatalf("%q: %d scores, want %d", text, len(parts), len(got))
		}
		urgent := 0
		for _, s := range parts {
			if s.Start < 0 || s.Start > s.End || s.End > len(text) || s.P < 0 || s.P > 1 {
				t.Fatalf("%q gives %+v", text, s)
			}
			if s.Topic == None || s.P < Credible(s.Priority) {
				break
			}
			if s.Priority < urgent {
				t.Fatalf("%q: %s comes after a less urgent topic", text, s.Topic)
			}
			urgent = s.Priority
			if whole := amongParts(c.P(text, s.Topic), ofOthers); s.P < whole-1e-12 {
				t.Fatalf("%q: the parts say %v of %s, the whole at least %v", text, s.P, s.Topic, whole)
			}
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	c := demoClassifier(t)
	want := c.Classify("I was charged twice")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := c.Classify("I was charged twice"); got[0] != want[0] {
					t.Errorf("got %+v, want %+v", got[0], want[0])
					return
				}
			}
		})
	}
	wg.Wait()
}

const typical = "Hi, I paid my instalment last Friday but the app still shows it as overdue and now there is a late fee, can you remove it?"

func BenchmarkClassify(b *testing.B) {
	c := demoClassifier(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Classify(typical)
	}
}

func BenchmarkSegments(b *testing.B) {
	c := demoClassifier(b)
	for b.Loop() {
		c.Segments(typical)
	}
}

func BenchmarkDetect(b *testing.B) {
	for b.Loop() {
		Detect(typical)
	}
}

func BenchmarkLanguage(b *testing.B) {
	for b.Loop() {
		Language(typical, "en")
	}
}

func BenchmarkTrain(b *testing.B) {
	topics, examples := demo(b)
	for b.Loop() {
		if _, err := Train(topics, NoneOf(examples)); err != nil {
			b.Fatal(err)
		}
	}
}
