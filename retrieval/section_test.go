package retrieval

import "testing"

// Within an article the section is quoted whose heading asks what the customer asks; where none does, what stands under
// the title.
func TestTheSectionThatAnswers(t *testing.T) {
	t.Parallel()
	x := helpCentre(t)
	fees := testDocument(9, "What a late payment costs",
		"No fee is charged within the days of grace.",
		"Country, fee, most per purchase. Britain 6 pounds, Spain 5 euros. The late fee is charged once for each payment and it is the same for all plans and for all shops.",
		"Yes. The first late fee in a year is waived: ask for the late fee to be taken off, and the late fee goes.",
		"The late fee goes when the late payment arrived in time.",
		"Contact us about a late fee.")
	for i, heading := range []string{"", "How much is the late fee?", "Can a late fee be waived?", "I paid on time but was charged a late fee", "When to contact us"} {
		if heading != "" {
			fees.Passages[i].Headings = []string{heading}
		}
	}
	mustApply(t, x, []document{fees})
	for question, want := range map[string]int64{
		"What is the late fee?":              901,
		"how much is your late fee":          901,
		"how many late fees":                 901,
		"please waive my late fee":           902,
		"charged a late fee but was on time": 903,
		"what does a late payment cost":      900,
		"late payment, costs?":               900,
	} {
		if r := x.lexical(question, "", everyone); r.candidates[0].passage != want {
			t.Errorf("%q quotes %d, want %d: %+v", question, r.candidates[0].passage, want, r.candidates)
		}
	}
}

// Every article that is handed on has its best passage among the candidates, however many the others have.
func TestEveryArticleHasACandidate(t *testing.T) {
	t.Parallel()
	x := newIndex(serving)
	var docs []document
	for n := 1; n <= 60; n++ {
		docs = append(docs, testDocument(n, "Refund", "refund first", "refund second", "refund third", "refund fourth"))
	}
	mustApply(t, x, docs)
	r := x.lexical("refund", "", everyone)
	articles := map[byte]int{}
	for _, c := range r.candidates {
		articles[c.article[0]]++
	}
	if len(r.candidates) != candidateLimit || len(articles) != candidateArticles {
		t.Errorf("%d candidates of %d articles, want %d of %d", len(r.candidates), len(articles), candidateLimit, candidateArticles)
	}
	for article, n := range articles {
		if article > candidateArticles || n > candidateSections {
			t.Errorf("article %d has %d candidates", article, n)
		}
	}
}
