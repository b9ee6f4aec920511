package evaluate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Set is a question set.
type Set struct {
	Name      string // of the folder
	Split     string
	Locale    string
	Documents []Document
	Questions []Question // that have a relevant document in the split, in the order of the file
}

// Document is one text of the corpus.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Question is a question with its relevant documents and their grades.
type Question struct {
	ID       string `json:"_id"`
	Text     string `json:"text"`
	Relevant map[string]float64
}

// Read reads a folder. Without the wanted split it takes test, dev, or the first by name; an empty wish means test.
func Read(dir, split string) (*Set, error) {
	s := &Set{Name: filepath.Base(filepath.Clean(dir))}
	var err error
	if s.Split, err = chooseSplit(dir, split); err != nil {
		return nil, err
	}
	for _, name := range []string{"corpus.jsonl", "queries.jsonl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: no such file as %s", dir, name)
		}
	}
	if err := s.readCorpus(dir); err != nil {
		return nil, err
	}
	grades := map[string]map[string]float64{}
	first := true
	if err := lines(filepath.Join(dir, "qrels", s.Split+".tsv"), func(line []byte) error {
		fields := strings.Split(string(line), "\t")
		header := first
		first = false
		if len(fields) == 4 { // the four columns of TREC
			fields = []string{fields[0], fields[2], fields[3]}
		}
		if len(fields) != 3 {
			return fmt.Errorf("%d columns, want query, document and grade", len(fields))
		}
		grade, err := strconv.ParseFloat(strings.TrimSpace(fields[2]), 64)
		if err != nil {
			if header {
				return nil
			}
			return err
		}
		if grade > 0 {
			if grades[fields[0]] == nil {
				grades[fields[0]] = map[string]float64{}
			}
			grades[fields[0]][fields[1]] = grade
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := lines(filepath.Join(dir, "queries.jsonl"), func(line []byte) error {
		var q Question
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		if q.Relevant = grades[q.ID]; q.Relevant != nil {
			s.Questions = append(s.Questions, q)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if len(s.Documents) == 0 || len(s.Questions) == 0 {
		return nil, fmt.Errorf("%s: %d documents and %d questions with relevant ones; want both", dir, len(s.Documents), len(s.Questions))
	}
	s.Locale = locale(dir, s)
	return s, nil
}

// readCorpus adds the documents of a folder.
func (s *Set) readCorpus(dir string) error {
	return lines(filepath.Join(dir, "corpus.jsonl"), func(line []byte) error {
		var d Document
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		if d.ID == "" {
			return errors.New(`a document has no "_id"`)
		}
		s.Documents = append(s.Documents, d)
		return nil
	})
}

func chooseSplit(dir, wanted string) (string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s: there is no such folder", dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "qrels", "*.tsv"))
	if err != nil || len(files) == 0 {
		err := fmt.Errorf("%s: no qrels/<split>.tsv", dir)
		if labelled, _ := filepath.Glob(filepath.Join(dir, "*.jsonl")); len(labelled) > 0 {
			return "", fmt.Errorf("%w; a folder of labelled messages needs --task", err)
		}
		return "", err
	}
	splits := make([]string, len(files))
	for i, f := range files {
		splits[i] = strings.TrimSuffix(filepath.Base(f), ".tsv")
	}
	slices.Sort(splits)
	for _, s := range []string{wanted, "test", "dev"} {
		if slices.Contains(splits, s) {
			return s, nil
		}
	}
	return splits[0], nil
}

// lines calls f for each line that is not empty, and adds file and line to its error.
func lines(path string, f func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 64<<20)
	for n := 1; scanner.Scan(); n++ {
		if len(strings.TrimSpace(scanner.Text())) == 0 {
			continue
		}
		if err := f(scanner.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// locale takes the language from meta.json, where one is named, or from the documents' own words.
func locale(dir string, s *Set) string {
	var meta struct {
		Locale   string `json:"locale"`
		Language string `json:"language"`
	}
	raw, err := os.ReadFile(filepath.Join(dir, "meta.json"))
	if err == nil && json.Unmarshal(raw, &meta) == nil || errors.Is(err, fs.ErrNotExist) {
		for _, l := range []string{meta.Locale, meta.Language} {
			if l != "" {
				return l
			}
		}
	}
	var b strings.Builder
	for i := 0; i < len(s.Documents) && b.Len() < 50_000; i += max(1, len(s.Documents)/100) {
		b.WriteString(s.Documents[i].Title + "\n" + s.Documents[i].Text + "\n")
	}
	if l := analysis.Detect(b.String()); l != "" {
		return l
	}
	return "en"
}
