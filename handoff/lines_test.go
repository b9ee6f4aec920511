package handoff

import (
	"regexp"
	"strings"
	"testing"
)

// Every line of the desk is there in every language, takes the same things in the same order, and sets them apart where the
// language is written from the right.
func TestLinesAreComplete(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[sd]`)
	for name, table := range map[string]map[string][6]string{"lines": lines, "summaryLabels": summaryLabels} {
		for key, all := range table {
			seen := map[string]bool{}
			for i, s := range all {
				if s == "" || seen[s] && key != "by" && key != "on" {
					t.Errorf("%s.%s in %s is empty or another language's", name, key, languages[i])
				}
				seen[s] = true
				if got, want := strings.Join(verbs.FindAllString(s, -1), " "), strings.Join(verbs.FindAllString(all[0], -1), " "); got != want {
					t.Errorf("%s.%s in %s takes %q, in English %q", name, key, languages[i], got, want)
				}
				if languages[i] == "ar" && strings.Count(s, "\u2068")*2+strings.Count(s, "\u2069") != 3*len(verbs.FindAllString(s, -1)) {
					t.Errorf("%s.%s in Arabic puts something in that is not set apart", name, key)
				}
			}
		}
	}
}
