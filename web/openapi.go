package web

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
)

// contractFiles are the contract of every path that the server has: openapi.yaml and the fragments beside it, one for each
// area, which are merged. Tests hold each response against the whole.
//
//go:embed openapi.yaml openapi/*.yaml
var contractFiles embed.FS

// contract serves the contract as JSON, which is made of it once.
func (p *pageServer) contract() gin.HandlerFunc {
	body, err := contractJSON(contractFiles)
	if err != nil {
		panic(err) // embedded when the program was built
	}
	return newAsset("openapi.json", body, false).serve
}

// contractJSON is the contract as it is served. A fragment may have
//   - paths, and components (schemas, parameters, ...), which are there once in all files,
//   - x-events: lists of events by name, which are joined; a stream names its list instead of writing it down,
//   - x-anchors: a place for YAML anchors, which do not reach beyond their file.
func contractJSON(files fs.FS) ([]byte, error) {
	fragments, err := fs.Glob(files, "openapi/*.yaml")
	if err != nil {
		return nil, err
	}
	whole := contractMerge{from: map[string]string{}}
	for _, name := range append([]string{"openapi.yaml"}, fragments...) {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var part yaml.MapSlice
		if err := yaml.UnmarshalWithOptions(text, &part, yaml.UseOrderedMap()); err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		if err := whole.add(name, part); err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
	}
	doc, err := whole.document()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	body, err := yaml.MarshalWithOptions(doc, yaml.JSON())
	if err != nil {
		return nil, fmt.Errorf("web: the contract: %w", err)
	}
	return body, nil
}

// contractMerge joins the files of the contract in the order in which they are added; openapi.yaml is the first.
type contractMerge struct {
	doc    yaml.MapSlice     // without paths, components and events
	paths  yaml.MapSlice     // of all files
	kinds  yaml.MapSlice     // components: schemas, parameters and so on, each a MapSlice
	events yaml.MapSlice     // lists of events, each a MapSlice
	from   map[string]string // what is there already, and the file that has it
}

func (m *contractMerge) add(name string, part yaml.MapSlice) error {
	for _, item := range part {
		key := fmt.Sprint(item.Key)
		if key == "x-anchors" {
			continue
		}
		if !slices.Contains([]string{"paths", "components", "x-events"}, key) {
			if name != "openapi.yaml" {
				return fmt.Errorf("%q belongs into openapi.yaml; a fragment has paths, components, x-events and x-anchors", key)
			}
			m.doc = append(m.doc, item)
			continue
		}
		content, ok := item.Value.(yaml.MapSlice)
		if !ok && item.Value != nil {
			return fmt.Errorf("%s is not a mapping", key)
		}
		var err error
		switch key {
		case "paths":
			m.paths, err = m.join(name, "path", m.paths, content)
		case "components":
			m.kinds, err = m.joinLists(name, "component of", m.kinds, content)
		case "x-events":
			m.events, err = m.joinLists(name, "event of", m.events, content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// join appends entries that are in no file yet.
func (m *contractMerge) join(name, what string, to, more yaml.MapSlice) (yaml.MapSlice, error) {
	for _, item := range more {
		id := fmt.Sprintf("%s %v", what, item.Key)
		if other, twice := m.from[id]; twice {
			return nil, fmt.Errorf("%s is in %s already", id, other)
		}
		m.from[id] = name
		to = append(to, item)
	}
	return to, nil
}

// joinLists joins lists of the same name.
func (m *contractMerge) joinLists(name, what string, to, more yaml.MapSlice) (yaml.MapSlice, error) {
	for _, item := range more {
		list, ok := item.Value.(yaml.MapSlice)
		if !ok {
			return nil, fmt.Errorf("%v is not a mapping", item.Key)
		}
		i := slices.IndexFunc(to, func(x yaml.MapItem) bool { return x.Key == item.Key })
		if i < 0 {
			i = len(to)
			to = append(to, yaml.MapItem{Key: item.Key, Value: yaml.MapSlice(nil)})
		}
		have, _ := to[i].Value.(yaml.MapSlice)
		joined, err := m.join(name, fmt.Sprintf("%s %v:", what, item.Key), have, list)
		if err != nil {
			return nil, err
		}
		to[i].Value = joined
	}
	return to, nil
}

// document is the whole, with each stream's list of events in its place.
func (m *contractMerge) document() (yaml.MapSlice, error) {
	if err := m.placeEvents(m.paths); err != nil {
		return nil, err
	}
	return append(m.doc, yaml.MapItem{Key: "paths", Value: m.paths}, yaml.MapItem{Key: "components", Value: m.kinds}), nil
}

func (m *contractMerge) placeEvents(node any) error {
	switch node := node.(type) {
	case yaml.MapSlice:
		for i, item := range node {
			if list, named := item.Value.(string); named && item.Key == "x-events" {
				at := slices.IndexFunc(m.events, func(x yaml.MapItem) bool { return x.Key == list })
				if at < 0 {
					return fmt.Errorf("a stream names the list of events %q, which no file has under x-events", list)
				}
				node[i].Value = m.events[at].Value
				continue
			}
			if err := m.placeEvents(item.Value); err != nil {
				return err
			}
		}
	case []any:
		for _, x := range node {
			if err := m.placeEvents(x); err != nil {
				return err
			}
		}
	}
	return nil
}
