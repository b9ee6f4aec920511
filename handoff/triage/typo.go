package triage

import (
	"slices"
	"strings"
)

// wishWords are the words by which people ask for a person; only these are understood with one slip of the finger.
var wishWords = strings.Fields(`human person agent operator representative someone somebody speak talking speaking contact supervisor manager assistant real
	mitarbeiter mitarbeiterin menschen mensch sprechen jemandem verbinden persona agente humano alguien hablar operador asesor
	manniska handlaggare prata riktig koppla nagon conseiller humain personne quelquun parler`)

// slips maps what remains of a wish word when one letter is left out to that word.
var slips = func() map[string]string {
	m := map[string]string{}
	for _, w := range wishWords {
		if len(w) < 5 {
			continue // too many words are one letter away from a short one
		}
		m[w] = w
		for i := 1; i < len(w); i++ { // the first letter is hardly ever the wrong one
			if short := w[:i] + w[i+1:]; m[short] == "" {
				m[short] = w
			}
		}
	}
	return m
}()

// usual are the words that are no slip: all that the rules, the concepts, the profiles of languages and the background
// know.
var usual = func() map[string]bool {
	m := map[string]bool{}
	for _, file := range []string{humanRules, careRules, otherRules, conceptFile, languageFile, backgroundFile} {
		for _, t := range tokenize(strings.ReplaceAll(file, "|", " ")) {
			m[t.text] = true
		}
	}
	return m
}()

// mended returns a copy of tokens in which words that are one letter away from a wish word (one too many, too few,
// wrong, or two exchanged) are that word, or nil when there is none.
func mended(toks []token) []token {
	var out []token
	for i, t := range toks {
		if len(t.text) < 4 || len(t.text) > 16 || usual[t.text] {
			continue
		}
		w := slips[t.text]
		for k := 1; w == "" && k < len(t.text); k++ {
			w = slips[t.text[:k]+t.text[k+1:]]
			if w != "" && len(w) < len(t.text)-1 {
				w = ""
			}
		}
		if w == "" || strings.HasPrefix(w, t.text) || strings.HasPrefix(t.text, w) { // an ending is no slip
			continue
		}
		if out == nil {
			out = slices.Clone(toks)
		}
		out[i].text = w
	}
	return out
}
