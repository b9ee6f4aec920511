package assistant

import (
	"regexp"
	"slices"
	"strings"
)

// countries are the names of markets as articles write them, in English, German, Spanish, Swedish and French, by code.
// They are the countries of the European Economic Area and the large markets beside it; a market that is missing is
// known by its code alone.
var countries = func() map[string]string { // the one or two words of the name in lower case, to code
	m := map[string]string{}
	for code, names := range map[string]string{
		"at": "Austria|Österreich|Österrike|Autriche", "au": "Australia|Australien|Australie",
		"be": "Belgium|Belgien|Bélgica|Belgique", "bg": "Bulgaria|Bulgarien|Bulgarie", "br": "Brazil|Brasilien|Brasil|Brésil",
		"ca": "Canada|Kanada|Canadá", "ch": "Switzerland|Schweiz|Suiza|Suisse", "cz": "Czechia|Czech Republic|Tschechien|Chequia|Tjeckien|Tchéquie",
		"de": "Germany|Deutschland|Alemania|Tyskland|Allemagne", "dk": "Denmark|Dänemark|Dinamarca|Danmark|Danemark",
		"ee": "Estonia|Estland|Estonie", "es": "Spain|Spanien|España|Espagne", "fi": "Finland|Finnland|Finlandia|Finlande",
		"fr": "France|Frankreich|Francia|Frankrike", "gb": "United Kingdom|UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland|Schottland|Inglaterra|Escocia|Skottland|Angleterre|Écosse|Vereinigtes Königreich|Vereinigten Königreich|Großbritannien|Reino Unido|Gran Bretaña|Storbritannien|Royaume-Uni",
		"gr": "Greece|Griechenland|Grecia|Grekland|Grèce", "hr": "Croatia|Kroatien|Croacia|Croatie", "hu": "Hungary|Ungarn|Hungría|Ungern|Hongrie",
		"ie": "Ireland|Irland|Irlanda|Irlande", "in": "India|Indien|Inde", "is": "Iceland|Island|Islandia|Islande", "it": "Italy|Italien|Italia|Italie",
		"jp": "Japan|Japón|Japon", "lt": "Lithuania|Litauen|Lituania|Lituanie", "lu": "Luxembourg|Luxemburg|Luxemburgo", "lv": "Latvia|Lettland|Letonia|Lettonie",
		"mx": "Mexico|Mexiko|México|Mexique", "nl": "Netherlands|Niederlande|Niederlanden|Países Bajos|Nederländerna|Pays-Bas",
		"no": "Norway|Norwegen|Noruega|Norge|Norvège", "nz": "New Zealand|Neuseeland|Nueva Zelanda|Nya Zeeland|Nouvelle-Zélande",
		"pl": "Poland|Polen|Polonia|Pologne", "pt": "Portugal", "ro": "Romania|Rumänien|Rumanía|Roumanie", "se": "Sweden|Schweden|Suecia|Sverige|Suède",
		"si": "Slovenia|Slowenien|Eslovenia|Slovenien|Slovénie", "sk": "Slovakia|Slowakei|Eslovaquia|Slovakien|Slovaquie",
		"us": "United States|the US|the States|America|Amerika|Amérique|Vereinigte Staaten|Vereinigten Staaten|USA|Estados Unidos|EE. UU.|États-Unis",
	} {
		for n := range strings.SplitSeq(strings.ToLower(names), "|") {
			m[strings.Join(strings.FieldsFunc(n, func(r rune) bool { return !isWordRune(r) }), " ")] = code
		}
	}
	return m
}()

// begins are the first words of names that have two.
var begins = func() map[string]bool {
	m := map[string]bool{}
	for name := range countries {
		if first, _, two := strings.Cut(name, " "); two {
			m[first] = true
		}
	}
	return m
}()

// A run of country codes is the whole of a cell, what stands in brackets, or what "in" leads to: alone in a sentence
// "de" and "es" are words.
var (
	codeRun  = `[a-z]{2}(?:(?:\s*[,/&]\s*|\s+(?:and|und|y|och|et|or|oder|o|eller|ou)\s+)[a-z]{2})*`
	codeCell = regexp.MustCompile(`^\W*(` + codeRun + `)\W*$|\((` + codeRun + `)(?:,[^)]*)?\)|\bin (` + codeRun + `)$`)
	aCode    = regexp.MustCompile(`\b[a-z]{2}\b`)
	aBut     = regexp.MustCompile(`(?i)\b(?:not|except|outside|nicht|außer|no|excepto|salvo|fuera|inte|utom|utanför|pas|sauf|hors)\b[^,;.()]{0,16}$`)
	// codes are those of the countries; other pairs of letters are words.
	codes = func() map[string]bool {
		m := map[string]bool{}
		for _, c := range countries {
			m[c] = true
		}
		return m
	}()
)

// marketsIn returns the markets that a table's cell is for, sorted: those that it names and does not except. None means
// that it says nothing of markets.
func marketsIn(cell string) []string {
	found := countriesIn(cell)
	nowhere := len(cell) > 60 && !strings.ContainsAny(cell, "(") && !strings.Contains(cell[len(cell)-40:], "in ") // no place for codes
	if nowhere || !hasCode(cell) {
		slices.Sort(found)
		return found
	}
	for _, m := range codeCell.FindAllStringSubmatch(cell, -1) {
		for _, c := range aCode.FindAllString(m[1]+m[2]+" "+m[3], -1) {
			if codes[c] {
				found = append(found, c)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// hasCode tells whether a word is a country's code at all, which is quicker to see than where it stands.
func hasCode(cell string) bool {
	for word := range strings.FieldsFuncSeq(cell, func(r rune) bool { return !isWordRune(r) }) {
		if len(word) == 2 && codes[word] {
			return true
		}
	}
	return false
}

// countriesIn returns the markets that a text names by the name of the country and does not except.
func countriesIn(text string) []string {
	var found []string
	lower := strings.ToLower(text)
	before, from := "", 0 // the last word and where it starts
	for at := 0; ; {
		start := strings.IndexFunc(lower[at:], isWordRune)
		if start < 0 {
			return found
		}
		start += at
		end := strings.IndexFunc(lower[start:], func(r rune) bool { return !isWordRune(r) })
		if end < 0 {
			end = len(lower) - start
		}
		at = start + end
		word := lower[start:at]
		code, since := countries[word], start
		if begins[before] {
			if two := countries[before+" "+word]; two != "" {
				code, since = two, from
			}
		}
		if code != "" && !aBut.MatchString(lower[:since]) && !slices.Contains(found, code) {
			found = append(found, code)
		}
		before, from = word, start
	}
}
