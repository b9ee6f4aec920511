package kb

import "strings"

// SplitQuestion takes a line of Document.Questions apart: "what does it cost {#late-fee}" is asked of the section with
// the anchor late-fee, "... {#}" of what stands before the first heading. Without a mark the question is asked of the
// article as a whole, and marked is false.
func SplitQuestion(s string) (text, anchor string, marked bool) {
	s = strings.TrimSpace(s)
	open := strings.LastIndex(s, "{#")
	if open < 0 || !strings.HasSuffix(s, "}") {
		return s, "", false
	}
	return strings.TrimSpace(s[:open]), s[open+len("{#") : len(s)-1], true
}
