package triage

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/firstline/firstline/internal/fault"
)

// None is the label of messages that belong to no topic: ordinary questions and small talk.
const None = "none"

// AIPolicy says how far the assistant may answer a topic.
type AIPolicy string

// The policies. AINo: only the fixed safe text, and a person at once. AIInfo: general policy first, then a person.
// AIYes: a full answer.
const (
	AINo   AIPolicy = "no"
	AIInfo AIPolicy = "info"
	AIYes  AIPolicy = "yes"
)

// Topic is one kind of matter that a desk tells apart. Maps are keyed by language code ("en", "de").
type Topic struct {
	Key            string
	Names          map[string]string
	Priority       int // 1 is the most urgent, 4 the least
	Team           string
	AI             AIPolicy
	SafeText       map[string]string // the fixed text; present in every language of Names when AI is no
	SLA            time.Duration     // to the first human answer after the handoff
	AroundTheClock bool
	Group          string // threshold group: money, normal or howto
	Audience       string // consumer, merchant or both
	Examples       map[string][]string
}

// Example is one labelled message. Topic is a topic's key or None.
type Example struct {
	Topic, Language, Text string
}

// yamlTopics is the shape of a topics file.
type yamlTopics struct {
	Version   int                 `yaml:"version"`
	Languages []string            `yaml:"languages"`
	Topics    []Form              `yaml:"topics"`
	None      map[string][]string `yaml:"none"`

	Collections map[string]string `yaml:"collections"` // threshold groups of collections of articles
}

// Form is a topic as people write it: in a topics file, or in a request.
type Form struct {
	Key            string              `yaml:"key"`
	Name           map[string]string   `yaml:"name"`
	Priority       int                 `yaml:"priority"`
	Team           string              `yaml:"team"`
	AI             any                 `yaml:"ai"`  // a word, or what a YAML writer made of it
	SLA            string              `yaml:"sla"` // as time.ParseDuration takes it
	AroundTheClock bool                `yaml:"around_the_clock"`
	Group          string              `yaml:"group"`
	Audience       string              `yaml:"audience"`
	SafeText       map[string]string   `yaml:"safe_text"`
	Examples       map[string][]string `yaml:"examples"`
}

var keyPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{1,62}$`)

// LoadTopicsFS reads a topics file from a file system; see LoadTopics.
func LoadTopicsFS(fsys fs.FS, name string) ([]Topic, []Example, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "topics_unreadable", "the topics file "+name+" cannot be read")
	}
	return LoadTopics(data)
}

// LoadTopics parses a topics file (YAML). It returns the topics in file order and every example in a fixed order: by
// topic, then language, the examples of None last. An error is a fault of kind Invalid whose Field names the place,
// such as "topics[3] (refund_not_credited).sla".
func LoadTopics(data []byte) ([]Topic, []Example, error) {
	var f yamlTopics
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "topics_malformed", "the topics file is not valid YAML of the expected shape")
	}
	if f.Version != 1 {
		return nil, nil, fault.Field("version", "unsupported", "must be 1, is %d", f.Version)
	}
	if len(f.Languages) == 0 {
		return nil, nil, fault.Field("languages", "required", "name at least one language")
	}
	if len(f.Topics) == 0 {
		return nil, nil, fault.Field("topics", "required", "name at least one topic")
	}
	var topics []Topic
	var examples []Example
	seen := map[string]bool{}
	for i, y := range f.Topics {
		at := fmt.Sprintf("topics[%d]", i)
		if y.Key != "" {
			at += " (" + y.Key + ")"
		}
		t, err := y.Topic(at+".", f.Languages, f.Languages)
		if err != nil {
			return nil, nil, err
		}
		if seen[t.Key] {
			return nil, nil, fault.Field(at+".key", "duplicate", "there is another topic with this key")
		}
		seen[t.Key] = true
		topics = append(topics, t)
		examples = appendExamples(examples, t.Key, t.Examples)
	}
	for lang, list := range f.None {
		if !slices.Contains(f.Languages, lang) {
			return nil, nil, fault.Field("none."+lang, "unknown_language", "is not among languages")
		}
		if err := checkTexts("none."+lang, list); err != nil {
			return nil, nil, err
		}
	}
	examples = appendExamples(examples, None, f.None)
	if err := Distinct(examples); err != nil {
		return nil, nil, err
	}
	return topics, examples, nil
}

// LoadShelves returns the threshold group of each collection of articles that a topics file names, by collection.
func LoadShelves(data []byte) (map[string]string, error) {
	var f yamlTopics
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "topics_malformed", "the topics file is not valid YAML of the expected shape")
	}
	return f.Collections, CheckShelves("collections.", f.Collections)
}

// CheckShelves checks the threshold groups of collections; at is their place for error messages.
func CheckShelves(at string, shelves map[string]string) error {
	for _, c := range sortedKeys(shelves) {
		if !slices.Contains(groups, shelves[c]) {
			return fault.Field(at+c, "invalid", "must be money, normal or howto, is %q", shelves[c])
		}
	}
	return nil
}

// Distinct refuses a text that is an example of two topics, or of a topic and of None: case and the marks around it make
// no difference.
func Distinct(examples []Example) error {
	first := map[string]string{}
	for _, e := range examples {
		k := Same(e.Text)
		if was, ok := first[k]; ok && was != e.Topic {
			return fault.Field(e.Topic+".examples."+e.Language, "ambiguous", "%q is also an example of %s", e.Text, was)
		}
		first[k] = e.Topic
	}
	return nil
}

// Same returns what two examples have in common that count as the same text.
func Same(text string) string { return strings.ToLower(strings.Trim(text, " .!?¿¡")) }

// groups are the threshold groups.
var groups = []string{"money", "normal", "howto"}

// Topic validates what was written. At stands before the fields in error messages ("topics[3]."). A topic has a name, and a
// safe text where it needs one, in each of the languages served; examples may be in any that is known.
func (y *Form) Topic(at string, served, known []string) (Topic, error) {
	var none Topic
	if !keyPattern.MatchString(y.Key) {
		return none, fault.Field(at+"key", "invalid", "must be 2 to 63 characters of a-z, 0-9 and _, starting with a letter")
	}
	if y.Key == None {
		return none, fault.Field(at+"key", "reserved", "%q is reserved for messages without a topic", None)
	}
	if y.Priority < 1 || y.Priority > 4 {
		return none, fault.Field(at+"priority", "out_of_range", "must be 1 to 4, is %d", y.Priority)
	}
	if y.Team == "" {
		return none, fault.Field(at+"team", "required", "name the team that takes it")
	}
	ai, err := aiPolicy(y.AI)
	if err != nil {
		return none, fault.Field(at+"ai", "invalid", "%s", err)
	}
	sla, err := time.ParseDuration(y.SLA)
	if err != nil || sla <= 0 {
		return none, fault.Field(at+"sla", "invalid", "must be a positive duration such as 5m or 24h, is %q", y.SLA)
	}
	if !slices.Contains(groups, y.Group) {
		return none, fault.Field(at+"group", "invalid", "must be money, normal or howto, is %q", y.Group)
	}
	if !slices.Contains([]string{"consumer", "merchant", "both"}, y.Audience) {
		return none, fault.Field(at+"audience", "invalid", "must be consumer, merchant or both, is %q", y.Audience)
	}
	for _, l := range served {
		if strings.TrimSpace(y.Name[l]) == "" {
			return none, fault.Field(at+"name."+l, "required", "is missing")
		}
		if (ai == AINo || len(y.SafeText) > 0) && strings.TrimSpace(y.SafeText[l]) == "" {
			return none, fault.Field(at+"safe_text."+l, "required", "is missing; a topic with ai \"no\" says this text and nothing else")
		}
	}
	if len(y.Examples) == 0 {
		return none, fault.Field(at+"examples", "required", "give examples in at least one language")
	}
	for _, l := range sortedKeys(y.Examples) {
		if !slices.Contains(known, l) {
			return none, fault.Field(at+"examples."+l, "unknown_language", "is not among languages")
		}
		if err := checkTexts(at+"examples."+l, y.Examples[l]); err != nil {
			return none, err
		}
	}
	return Topic{Key: y.Key, Names: y.Name, Priority: y.Priority, Team: y.Team, AI: ai, SafeText: y.SafeText, SLA: sla,
		AroundTheClock: y.AroundTheClock, Group: y.Group, Audience: y.Audience, Examples: y.Examples}, nil
}

// aiPolicy accepts the three words, and the booleans that some YAML writers turn yes and no into.
func aiPolicy(v any) (AIPolicy, error) {
	switch v {
	case "no", false:
		return AINo, nil
	case "info":
		return AIInfo, nil
	case "yes", true:
		return AIYes, nil
	}
	return "", fmt.Errorf("must be \"no\", \"info\" or \"yes\", is %v", v)
}

func checkTexts(at string, list []string) error {
	if len(list) == 0 {
		return fault.Field(at, "required", "the list is empty")
	}
	for i, s := range list {
		if strings.TrimSpace(s) == "" {
			return fault.Field(fmt.Sprintf("%s[%d]", at, i), "required", "the example is empty")
		}
	}
	return nil
}

// AllExamples returns the examples of topics and those of None, in the order of LoadTopics.
func AllExamples(topics []Topic, none map[string][]string) []Example {
	var all []Example
	for _, t := range topics {
		all = appendExamples(all, t.Key, t.Examples)
	}
	return appendExamples(all, None, none)
}

func appendExamples(to []Example, topic string, by map[string][]string) []Example {
	for _, l := range sortedKeys(by) {
		for _, s := range by[l] {
			to = append(to, Example{Topic: topic, Language: l, Text: s})
		}
	}
	return to
}

// NoneOf returns the examples that belong to no topic, by language: the second argument of Train.
func NoneOf(examples []Example) map[string][]string {
	none := map[string][]string{}
	for _, e := range examples {
		if e.Topic == None {
			none[e.Language] = append(none[e.Language], e.Text)
		}
	}
	return none
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
