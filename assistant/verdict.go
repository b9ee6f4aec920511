package assistant

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/firstline/firstline/handoff/triage"
)

// Sufficiency says whether the passages answer the very question, and who says so.
type Sufficiency string

// The verdicts. "" stands for a turn that came to no answer.
const (
	ModelYes    Sufficiency = "model yes"
	ModelNo     Sufficiency = "model no"
	ModelSilent Sufficiency = "model silent" // it answered without a verdict; its sentences were checked all the same
	ByTerms     Sufficiency = "terms"        // no model was heard: the features of retrieval, which p_correct holds
)

// preface is what the model says before its answer: a topic that it sees, and whether the passages answer. It may only
// make a turn more careful: a topic counts when it is known and more urgent than the one that the rules saw, and nothing
// that stands here can make it less urgent.
type preface struct {
	over    bool // the answer itself has begun
	topic   string
	answers string
}

var prefaceLine = regexp.MustCompile(`(?i)^[\s*_\x60>-]*(topic|answers)[\s*_\x60]*:[\s*_\x60"]*([a-z0-9_-]+)[\s*_\x60".]*$`)

// take reads a line of the preface and reports whether the piece was one.
func (p *preface) take(piece string) bool {
	if p.over {
		return false
	}
	if strings.TrimSpace(piece) == "" {
		return true
	}
	m := prefaceLine.FindStringSubmatch(strings.TrimSpace(piece))
	if m == nil {
		p.over = true
		return false
	}
	line := &p.answers
	if strings.EqualFold(m[1], "topic") {
		line = &p.topic
	}
	if *line != "" { // once each
		p.over = true
		return false
	}
	*line = strings.ToLower(m[2])
	return true
}

// verdict is the sufficiency that the preface states.
func (p *preface) verdict() Sufficiency {
	switch p.answers {
	case "yes":
		return ModelYes
	case "no":
		return ModelNo
	}
	return ModelSilent
}

// priority is that of the topic that the rules saw.
func (d *Decision) seenPriority() int {
	if d.TopicInfo == nil {
		return 4
	}
	return d.TopicInfo.Priority
}

// urgentTopics are the keys of the topics that are more urgent than the one that the rules saw, the most urgent first.
// No other can change anything.
func (t *turn) urgentTopics() []string {
	if t.triage == nil {
		return nil
	}
	var keys []string
	for key, topic := range t.triage.Topics {
		if topic.Priority < t.decision.seenPriority() {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.triage.Topics[a].Priority, t.triage.Topics[b].Priority), cmp.Compare(a, b))
	})
	return keys
}

// notice takes the model's word for a topic into the decision when it is known and more urgent, and reports whether the
// turn must not be answered for it.
func (t *turn) notice(key string) bool {
	if t.triage == nil {
		return false
	}
	topic, ok := t.triage.Topics[key]
	if !ok || topic.Priority >= t.decision.seenPriority() {
		return false
	}
	t.decision.ModelTopic = &TopicPolicy{Key: key, Priority: topic.Priority, AI: topic.AI, Group: topic.Group}
	return topic.AI != triage.AIYes
}

// raised applies the topic that the model saw where it is more urgent than what the rules saw, and reports whether that
// decides the turn. The customer is not told what the model suspects: a person looks at it.
func (d *Decision) raised() bool {
	m := d.ModelTopic
	if m == nil || m.Priority >= d.Priority {
		return false
	}
	d.Topic, d.Priority = m.Key, m.Priority
	if m.AI == triage.AIYes {
		return false
	}
	reason := PriorityTopic
	if m.Key == complaintTopic {
		reason = ComplaintOrLegal
	}
	d.Fixed = text(d.Language, "person")
	d.handOff(reason, "The model took the message to be about "+m.Key+"; a person should look at it.")
	return true
}
