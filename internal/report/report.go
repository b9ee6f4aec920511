// Package report is what an evaluation found: figures and the single cases behind them, by folder, as a table for the
// terminal, as JSON for programs and as one self-contained page for people. It compares two reports case by case and holds
// figures against floors. Beyond the curves that it draws it measures nothing itself, and it knows no set by name.
package report

import (
	"slices"
	"strings"
)

// Area is a part of the product that is measured by itself.
type Area string

// The areas, in the order in which they are shown.
const (
	Retrieval Area = "sets"   // question sets with known documents
	Tasks     Area = "tasks"  // labelled messages: topics, urgency, wishes for a person, out of scope, attacks
	Suites    Area = "suites" // whole turns: the labelled questions and dialogues of a company
)

// Report is the outcome of one run.
type Report struct {
	Settings map[string]string // what was measured: when, which models and switches
	Entries  []Entry
}

// Entry is the outcome of one folder.
type Entry struct {
	Area    Area
	Name    string             // of the folder, or of the suite
	Facts   map[string]string  // what the figures stand for: split, locale, task
	Figures map[string]float64 // by their names in the JSON; what is undefined is left out
	Main    string             // the figure that the cases' Score is the mean of, such as ndcg@10
	Titles  map[string]string  // what people call the documents or classes of Want and Got; those without one are shown as they are
	Cases   []Case
	Classes bool // Want and Got of the cases are classes of a confusion table
}

// Case is one question or message. Cases of one entry have different IDs, and the same question has the same ID in
// every run, so that two reports can be compared.
type Case struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Score   float64  `json:"score"`           // what the entry's main figure is the mean of, such as nDCG@10; 0 or 1 for right and wrong
	P       float64  `json:"p"`               // the product's own probability: that its first article is right, that the message is of the positive class
	Outcome bool     `json:"outcome"`         // what P is the probability of: the first article is right, the message is of the positive class
	Want    []string `json:"want,omitempty"`  // the relevant documents or the class
	Got     []string `json:"got,omitempty"`   // what was found, best first (ten at most), or the predicted class
	Group   string   `json:"group,omitempty"` // a part of the entry shown by itself, such as a topic group or a language
	Note    string   `json:"note,omitempty"`  // what else a reader of the worst cases should know, such as the action taken
}

// Key names an entry within a report: "sets/help-pages".
func (e Entry) Key() string { return string(e.Area) + "/" + e.Name }

// title is what people call a document or class.
func (e Entry) title(id string) string {
	if t := e.Titles[id]; t != "" {
		return t
	}
	return id
}

// detects tells whether P is the probability of a class, as of an urgent message, and not of being right: then some
// message is of the class although its case is wrong, or is not although its case is right.
func (e Entry) detects() bool {
	if !e.Classes {
		return false
	}
	for _, c := range e.Cases {
		if c.Outcome != c.agrees() {
			return true
		}
	}
	return false
}

// agrees tells whether the first of what was found is among what was wanted.
func (c Case) agrees() bool { return len(c.Got) > 0 && slices.Contains(c.Want, c.Got[0]) }

// Shorten cuts a text after at most n characters, at a space where there is one, and marks the cut.
func Shorten(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	letters := []rune(text)
	if len(letters) <= n {
		return text
	}
	cut := string(letters[:n])
	if at := strings.LastIndexByte(cut, ' '); at > len(cut)/2 {
		cut = cut[:at]
	}
	return cut + " ..."
}
