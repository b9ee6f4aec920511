package evaluate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Message is one labelled message. Only Text and Label are in every set.
type Message struct {
	ID     string `json:"-"` // split and line number: the same in every run
	Text   string `json:"text"`
	Label  string `json:"label"`
	Intent string `json:"intent"` // a finer label
	Kind   string `json:"kind"`   // where a message comes from; shown as its group
	Tier   string `json:"tier"`   // why a message is urgent; shown as its group
}

// group is the part of the set that a message is shown in.
func (m Message) group() string {
	if m.Kind != "" {
		return m.Kind
	}
	return m.Tier
}

// Set is what the folders of one set hold. A split that no folder has is nil.
type Set struct {
	Name             string // of the folders
	Train, Dev, Test []Message
}

// splits are the file names without their ending.
var splits = []string{"train", "dev", "test"}

// Read reads train.jsonl, dev.jsonl and test.jsonl of folders, one message a line, whichever exist. Several folders
// of one set complete each other; a split comes from the first folder that has it. It fails when there is none at all,
// and on a line without a text or a label.
func Read(dirs ...string) (*Set, error) {
	if len(dirs) == 0 {
		return nil, fmt.Errorf("no folder was given")
	}
	s := &Set{Name: filepath.Base(filepath.Clean(dirs[0]))}
	for i, into := range []*[]Message{&s.Train, &s.Dev, &s.Test} {
		for _, dir := range dirs {
			path := filepath.Join(dir, splits[i]+".jsonl")
			if _, err := os.Stat(path); err != nil {
				continue
			}
			messages, err := readFile(path, splits[i])
			if err != nil {
				return nil, err
			}
			*into = messages
			break
		}
	}
	if s.Train == nil && s.Dev == nil && s.Test == nil {
		return nil, fmt.Errorf("%s: no train.jsonl, dev.jsonl or test.jsonl with labelled messages", strings.Join(dirs, ", "))
	}
	return s, nil
}

func readFile(path, split string) ([]Message, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out []Message
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for n := 1; scanner.Scan(); n++ {
		if strings.TrimSpace(scanner.Text()) == "" {
			continue
		}
		m := Message{ID: fmt.Sprintf("%s-%d", split, n)}
		if err := json.Unmarshal(scanner.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if m.Text == "" || m.Label == "" {
			return nil, fmt.Errorf(`%s:%d: a message needs "text" and "label"`, path, n)
		}
		out = append(out, m)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// Scored returns the messages that figures are of: test, otherwise dev, otherwise train.
func (s *Set) Scored() (split string, messages []Message) {
	switch {
	case len(s.Test) > 0:
		return "test", s.Test
	case len(s.Dev) > 0:
		return "dev", s.Dev
	}
	return "train", s.Train
}

// tuning returns the messages that a threshold is chosen on: dev, where that is not scored itself. Otherwise nil.
func (s *Set) tuning() []Message {
	if len(s.Test) > 0 {
		return s.Dev
	}
	return nil
}
