// Package report is what an evaluation found: figures and the single cases behind them, by folder, as a table for the
// terminal, as JSON for programs and as one self-contained page for people. It compares two reports case by case. It
// measures nothing itself and knows no set by name.
package report

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
	Settings map[string]string // what was measured: versions, models, switches
	Entries  []Entry
}

// Entry is the outcome of one folder.
type Entry struct {
	Area    Area
	Name    string            // of the folder, or of the suite
	Facts   map[string]string // what the figures stand for: split, locale, task
	Figures map[string]float64
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
