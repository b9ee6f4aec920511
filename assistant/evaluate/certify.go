package evaluate

import (
	"time"

	"github.com/firstline/firstline/assistant"
)

// MakeCertificate fits on the conversations to fit on, certifies on those to certify on, and confirms on those held back. An answer is wrong when its
// article does not answer the question; whether the right section of the article is quoted is measured beside it.
func MakeCertificate(outcomes []Outcome, basis assistant.Basis, now time.Time) assistant.Certificate {
	var fit, certify, held []assistant.Labelled
	for _, o := range outcomes {
		if o.Quoted == "" || o.Decision.Curated() {
			continue // no threshold decides here
		}
		l := assistant.Labelled{Group: o.Decision.Group, X: o.Decision.Inputs(), Right: o.Article, Among: o.Among}
		switch o.Part {
		case Fit:
			fit = append(fit, l)
		case Certify:
			certify = append(certify, l)
		case Test:
			held = append(held, l)
		}
	}
	return assistant.Certify(fit, certify, held, basis, now)
}
