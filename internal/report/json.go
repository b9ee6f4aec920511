package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
)

// areas lists the areas in the order in which they are shown.
var areas = []Area{Retrieval, Tasks, Suites}

// file is a report as JSON: the facts and figures of each entry as one object, by area and name, and the cases beside
// them by "area/name", so that a reader of figures need not skip them.
type file struct {
	Settings map[string]string         `json:"settings"`
	Sets     map[string]map[string]any `json:"sets"`
	Tasks    map[string]map[string]any `json:"tasks"`
	Suites   map[string]map[string]any `json:"suites"`
	Cases    map[string][]Case         `json:"cases,omitempty"`
}

func (f *file) area(a Area) *map[string]map[string]any {
	switch a {
	case Retrieval:
		return &f.Sets
	case Tasks:
		return &f.Tasks
	case Suites:
		return &f.Suites
	}
	return nil
}

// WriteJSON writes a report. Figures that are no numbers are left out, as JSON has none for them, and so are cases
// unless they are wanted. Titles and the kind of a table are for the page and are not written.
func WriteJSON(w io.Writer, r Report, cases bool) error {
	f := file{Settings: r.Settings, Sets: map[string]map[string]any{}, Tasks: map[string]map[string]any{}, Suites: map[string]map[string]any{}}
	if f.Settings == nil {
		f.Settings = map[string]string{}
	}
	for _, e := range r.Entries {
		area := f.area(e.Area)
		if area == nil {
			return fmt.Errorf("entry %s has no known area", e.Key())
		}
		if _, twice := (*area)[e.Name]; twice {
			return fmt.Errorf("two entries are called %s", e.Key())
		}
		object := map[string]any{}
		for k, v := range e.Facts {
			object[k] = v
		}
		for k, v := range e.Figures {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				object[k] = v
			}
		}
		(*area)[e.Name] = object
		if cases && len(e.Cases) > 0 {
			if f.Cases == nil {
				f.Cases = map[string][]Case{}
			}
			f.Cases[e.Key()] = finiteCases(e.Cases)
		}
	}
	return f.write(w)
}

// write writes the file with one case to a line: indented, a case would fill a screen.
func (f file) write(w io.Writer) error {
	cases := f.Cases
	f.Cases = nil
	head, err := indent(f)
	if err != nil {
		return err
	}
	if len(cases) == 0 {
		_, err := w.Write(append(head, '\n'))
		return err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("\n}")))
	b.WriteString(",\n  \"cases\": {")
	for i, key := range slices.Sorted(maps.Keys(cases)) {
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\n    %s: [", separator(i), name)
		for k, c := range cases[key] {
			line, err := json.Marshal(c)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s\n      %s", separator(k), line)
		}
		b.WriteString("\n    ]")
	}
	b.WriteString("\n  }\n}\n")
	_, err = w.Write(b.Bytes())
	return err
}

func separator(i int) string {
	if i > 0 {
		return ","
	}
	return ""
}

// indent is v as JSON for people, without a line's end.
func indent(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") }

// finiteCases replaces scores and probabilities that are no numbers by 0.
func finiteCases(cases []Case) []Case {
	out := slices.Clone(cases)
	for i := range out {
		for _, x := range []*float64{&out[i].Score, &out[i].P} {
			if math.IsNaN(*x) || math.IsInf(*x, 0) {
				*x = 0
			}
		}
	}
	return out
}

// ReadJSON reads what WriteJSON wrote, of this version or of one before cases were kept. Entries are ordered by area and
// name.
func ReadJSON(r io.Reader) (Report, error) {
	var f file
	decoder := json.NewDecoder(r)
	if err := decoder.Decode(&f); err != nil {
		return Report{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Report{}, fmt.Errorf("something follows the report")
	}
	if f.Sets == nil && f.Tasks == nil && f.Suites == nil {
		return Report{}, fmt.Errorf("it has neither sets nor tasks nor suites")
	}
	out := Report{Settings: f.Settings}
	for _, a := range areas {
		objects := *f.area(a)
		for _, name := range slices.Sorted(maps.Keys(objects)) {
			e := Entry{Area: a, Name: name, Facts: map[string]string{}, Figures: map[string]float64{}}
			for k, v := range objects[name] {
				switch v := v.(type) {
				case string:
					e.Facts[k] = v
				case float64:
					e.Figures[k] = v
				default:
					return Report{}, fmt.Errorf("%q of %s is neither a number nor a text", k, e.Key())
				}
			}
			e.Cases = f.Cases[e.Key()]
			out.Entries = append(out.Entries, e)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.Cases)) {
		if area, name, _ := strings.Cut(key, "/"); f.area(Area(area)) == nil || (*f.area(Area(area)))[name] == nil {
			return Report{}, fmt.Errorf("it has cases of %s, but no figures", key)
		}
	}
	return out, nil
}
