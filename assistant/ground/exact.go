package ground

import (
	"strings"
	"unicode"
)

// hasExact reports whether an address, telephone number or code occurs in the pool as it stands.
func (c *Checker) hasExact(text string, t tok, pool []int) bool {
	want := string(canonical(nil, text, t))
	for _, i := range pool {
		p := &c.sources[i]
		if t.sym == '+' {
			if p.exactPhone == nil {
				p.exactPhone = map[string]bool{}
				for _, x := range tokenize(nil, p.text, &c.buf) {
					if x.kind == tExact && x.sym == '+' {
						p.exactPhone[string(canonical(nil, p.text, x))] = true
					}
				}
			}
			if p.exactPhone[want] {
				return true
			}
			continue
		}
		if p.folded == "" {
			p.folded = fold(p.text)
		}
		for at := 0; ; {
			k := strings.Index(p.folded[at:], want)
			if k < 0 {
				break
			}
			k += at
			if edge(p.folded, k, k+len(want)) {
				return true
			}
			at = k + 1
		}
	}
	return false
}

// edge reports whether s[i:j] is a whole address or code: nothing that belongs to it stands before or after it.
func edge(s string, i, j int) bool {
	part := func(r byte) bool { return r >= 0x80 || unicode.IsLetter(rune(r)) || unicode.IsDigit(rune(r)) }
	if i > 0 && (part(s[i-1]) || strings.IndexByte(".-@_", s[i-1]) >= 0 || s[i-1] == '/' && !strings.HasSuffix(s[:i], "://")) {
		return false
	}
	for j < len(s) && s[j] == '/' {
		j++
	}
	if j >= len(s) {
		return true
	}
	if part(s[j]) {
		return false
	}
	return strings.IndexByte(".-@_/?#=&", s[j]) < 0 || j+1 >= len(s) || !part(s[j+1])
}
