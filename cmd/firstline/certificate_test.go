package main

import (
	"io"
	"math"
	"testing"
	"time"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/assistant/evaluate"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// The certificate that comes with the demo holds for this code and these labels, and measuring again gives the same: who
// changes what answers, or the labels, runs make certify. Of the questions that were held back no more than one in fifty
// gets a wrong answer, at 95 % confidence.
func TestCertificateOfTheDemo(t *testing.T) {
	t.Parallel()
	cfg := parseConfig(t)
	cfg.DatabaseURL = pgtest.URL(t)
	e := &env{ctx: t.Context(), cfg: cfg, out: io.Discard, err: io.Discard}
	a, err := open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.forSuite(e, true); err != nil {
		t.Fatal(err)
	}
	labels, err := demoLabels()
	if err != nil {
		t.Fatal(err)
	}
	was, err := demoCertificate()
	if err != nil || was == nil {
		t.Fatal("the demo has no certificate; run make certify", err)
	}
	basis := a.basis()
	if why := was.Void(basis); why != "" {
		t.Fatalf("the demo's certificate is void, because %s; run make certify", why)
	}
	if basis.Labels = labels.Hash(); basis.Labels != was.Basis.Labels {
		t.Fatal("the labelled questions have changed; run make certify")
	}
	kept, err := assistant.LatestCertificate(t.Context(), a.pool)
	if err != nil || kept == nil || kept.Name() != was.Name() {
		t.Errorf("the demo's database keeps %v, %v", kept, err)
	}

	outcomes, err := evaluate.Run(t.Context(), a.assistant, labels.Questions, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	again := evaluate.MakeCertificate(outcomes, basis, time.Now())
	for g, b := range was.Groups {
		now := again.Groups[g]
		// Vectors are found by an index that is built a little differently every time.
		if now.Certified != b.Certified || math.Abs(now.Threshold-b.Threshold) > 0.03 || math.Abs(float64(now.Cases-b.Cases)) > 10 {
			t.Errorf("%s: measured %+v, the certificate says %+v; run make certify", g, now, b)
		}
		// What it says of the questions held back is what they say, and it promises nothing that they do not bear out.
		if math.Abs(float64(now.Held-b.Held)) > 40 || math.Abs(float64(now.HeldWrong-b.HeldWrong)) > 3 || b.Held == 0 || b.Certified && b.HeldUpper > b.Budget {
			t.Errorf("%s: held back %+v, the certificate says %+v; run make certify", g, now, b)
		}
	}
	held := evaluate.Parts(outcomes, evaluate.Test)
	f := evaluate.Entry("held back", held).Figures
	t.Logf("held back: %v", f)
	if f["wrong_of_all_upper"] > 0.02 || f["coverage"] < 0.15 || f["person_recall"] < 0.85 || f["linked_right"] < 0.9 {
		t.Errorf("of %v questions held back %.3f are answered wrongly (at most %.3f), %.3f of the answerable ones right; persons %.3f, section named %.3f",
			f["n"], f["wrong_of_all"], f["wrong_of_all_upper"], f["coverage"], f["person_recall"], f["linked_right"])
	}
}

// The labels are many, of every topic and language, and dealt out as they should be.
func TestLabelsOfTheDemo(t *testing.T) {
	t.Parallel()
	labels, err := demoLabels()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(labels.Questions); n < 600 {
		t.Errorf("%d labelled questions", n)
	}
	if n := len(labels.Dialogues); n < 60 {
		t.Errorf("%d dialogues", n)
	}
	topics, languages := map[string]int{}, map[string]int{}
	parts := map[evaluate.Part]int{}
	for _, q := range labels.Questions {
		topics[q.Topic]++
		languages[q.Locale]++
		parts[evaluate.PartOf(q.ID)]++
	}
	if len(topics) != 21 || len(languages) != 4 { // twenty, and none
		t.Errorf("topics %v, languages %v", topics, languages)
	}
	n := float64(len(labels.Questions))
	for part, share := range map[evaluate.Part]float64{evaluate.Fit: 0.2, evaluate.Certify: 0.5, evaluate.Test: 0.3} {
		if got := float64(parts[part]) / n; math.Abs(got-share) > 0.03 {
			t.Errorf("%.3f of the labels are to %s, want %.1f", got, part, share)
		}
	}
}
