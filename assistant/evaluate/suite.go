// Package evaluate holds whole turns against what people have labelled: a company's own questions with the sections that
// answer them, and dialogues in which a message leans on the one before. It asks the assistant that serves chats, writes
// nothing to the record, and makes from the labels the certificate that says how sure an answer must be.
package evaluate

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Expectation says what would be right.
type Expectation string

// The expectations.
const (
	Answer           Expectation = "answer"             // a section answers it
	AnswerThenPerson Expectation = "answer_then_person" // a section gives the policy, and a person sees it, too
	Person           Expectation = "person"             // a person, at once
	Nothing          Expectation = "none"               // no article answers it
)

var expectations = []Expectation{Answer, AnswerThenPerson, Person, Nothing}

// Question is a labelled question, the first message of a conversation of its own.
type Question struct {
	ID       string      `json:"id"`
	Question string      `json:"question"`
	Market   string      `json:"market"`
	Locale   string      `json:"locale"`
	Audience string      `json:"audience"`
	Topic    string      `json:"topic"` // key, or "none"
	Expect   Expectation `json:"expect"`
	Answers  []string    `json:"answers"` // every section that answers, as slug#anchor; the lead above the first heading is "slug#"
}

// Part is what a labelled conversation serves for; each serves for one thing only.
type Part string

// The parts.
const (
	Fit     Part = "fit"     // fitting the probabilities
	Certify Part = "certify" // finding the thresholds
	Test    Part = "test"    // held back: confirming the thresholds, and measuring what came of them
)

// PartOf deals the conversations out by their ids: a fifth to fit, half to certify, three tenths to test. An id's part
// never changes, whatever else is added.
func PartOf(id string) Part {
	h := fnv.New32a()
	h.Write([]byte(id))
	// The low bits of neighbouring ids follow a pattern; mixing as in MurmurHash3's finaliser breaks it.
	x := h.Sum32()
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	x ^= x >> 16
	switch n := x % 10; {
	case n < 2:
		return Fit
	case n < 7:
		return Certify
	}
	return Test
}

// Turn is one message of a dialogue and what would be right after it.
type Turn struct {
	Customer  string      `json:"customer"`
	Answers   []string    `json:"answers"`
	Means     string      `json:"means,omitempty"`      // the message standing alone, where it leans
	Leans     bool        `json:"leans,omitempty"`      // on what was said before
	AskedBack bool        `json:"asked_back,omitempty"` // the assistant answers with a question
	Expect    Expectation `json:"expect,omitempty"`
}

// Dialogue is a labelled conversation.
type Dialogue struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"` // of what its later messages do, such as ellipsis or correction
	Market   string `json:"market"`
	Locale   string `json:"locale"`
	Audience string `json:"audience"`
	Turns    []Turn `json:"turns"`
}

// Labels are the labelled conversations of a company.
type Labels struct {
	Questions []Question
	Dialogues []Dialogue
}

// eachLine calls f with every line that is not empty of every *.jsonl file below a folder of a file system, or of the one
// file. What f returns comes back with the file and the line.
func eachLine(fsys fs.FS, root string, f func(name string, line []byte) error) error {
	return fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".jsonl" {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			if err := f(name, lines.Bytes()); err != nil {
				return fmt.Errorf("%s:%d: %w", name, n, err)
			}
		}
		return lines.Err()
	})
}

// Read reads every *.jsonl file below the given folder of a file system, or the one file: lines of questions and lines of
// dialogues, told apart by what they have. An error names the file and the line.
func Read(fsys fs.FS, root string) (Labels, error) {
	var all Labels
	seen := map[string]string{}
	err := eachLine(fsys, root, func(name string, line []byte) error {
		id, err := all.add(line)
		if err == nil && seen[id] != "" {
			err = fmt.Errorf("the id %q stands in %s already", id, seen[id])
		}
		seen[id] = name
		return err
	})
	if err == nil && len(all.Questions)+len(all.Dialogues) == 0 {
		err = fmt.Errorf("%s: no labelled questions; want lines such as %s", root, `{"id": "1", "question": "...", "market": "gb", "locale": "en", "expect": "answer", "answers": ["slug#anchor"]}`)
	}
	return all, err
}

func (l *Labels) add(line []byte) (id string, err error) {
	strict := func(v any) error {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		return dec.Decode(v)
	}
	if bytes.Contains(line, []byte(`"turns"`)) {
		var d Dialogue
		if err := strict(&d); err != nil {
			return "", err
		}
		l.Dialogues = append(l.Dialogues, d)
		return d.ID, d.check()
	}
	var q Question
	if err := strict(&q); err != nil {
		return "", err
	}
	if q.Audience == "" {
		q.Audience = "consumer"
	}
	l.Questions = append(l.Questions, q)
	return q.ID, q.check()
}

func (q *Question) check() error {
	switch {
	case q.ID == "":
		return errors.New(`"id" is missing`)
	case strings.TrimSpace(q.Question) == "":
		return errors.New(`"question" is empty`)
	case q.Locale == "":
		return errors.New(`"locale" is missing`)
	case !slices.Contains(expectations, q.Expect):
		return fmt.Errorf(`"expect" is %q, want one of %v`, q.Expect, expectations)
	}
	answered := q.Expect == Answer || q.Expect == AnswerThenPerson
	if answered != (len(q.Answers) > 0) {
		return fmt.Errorf(`"expect" is %q with %d "answers"`, q.Expect, len(q.Answers))
	}
	return checkSections(q.Answers)
}

func (d *Dialogue) check() error {
	if d.ID == "" || d.Locale == "" || len(d.Turns) == 0 {
		return errors.New(`"id", "locale" or "turns" is missing`)
	}
	for i, t := range d.Turns {
		if strings.TrimSpace(t.Customer) == "" {
			return fmt.Errorf(`turn %d: "customer" is empty`, i+1)
		}
		if err := checkSections(t.Answers); err != nil {
			return fmt.Errorf("turn %d: %w", i+1, err)
		}
	}
	return nil
}

func checkSections(sections []string) error {
	for _, s := range sections {
		if slug, _, ok := strings.Cut(s, "#"); !ok || slug == "" {
			return fmt.Errorf(`%q is not slug#anchor; the lead above the first heading is "slug#"`, s)
		}
	}
	return nil
}

// Hash identifies the labelled questions of a certificate, in any order.
func (l Labels) Hash() string {
	lines := make([]string, 0, len(l.Questions))
	for _, q := range l.Questions {
		raw, err := json.Marshal(q)
		if err != nil {
			continue // strings only
		}
		lines = append(lines, string(raw))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:6])
}
