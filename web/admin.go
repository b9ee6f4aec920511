package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
)

// maxExample is the length of an example in characters: what customers write in one message.
const maxExample = 500

// admin lets admins pass, behind signedIn.
func (s *Server) admin(c *gin.Context) {
	if currentAgent(c).Role != "admin" {
		fail(c, errNotAdmin)
		return
	}
	c.Next()
}

var errNotAdmin = fault.New(fault.Forbidden, "not_an_admin", "Only admins may see and change this.")

// adminRoutes registers what only admins may do.
func (s *Server) adminRoutes(g groups) {
	r := g.admin
	r.GET("/topics", handle(s.listTopics))
	r.POST("/topics/try", handle(s.tryTopics))
	r.GET("/topics/:key", handle(s.topic))
	r.PUT("/topics/:key", handle(s.putTopic))
	r.DELETE("/topics/:key", handle(s.deleteTopic))
	r.POST("/topics/:key/examples", handle(s.addExample))
	r.DELETE("/topics/:key/examples", handle(s.removeExample))
	r.PUT("/shelves", handle(s.putShelves))
	r.GET("/thresholds", handle(s.thresholds))
}

// topicView is a topic as admins see and write it; ETag is not written.
type topicView struct {
	Key            string              `json:"key"`
	Name           map[string]string   `json:"name"`
	Priority       int                 `json:"priority"`
	Team           string              `json:"team"`
	AI             triage.AIPolicy     `json:"ai"`
	SLA            string              `json:"sla"`
	AroundTheClock bool                `json:"around_the_clock"`
	Group          string              `json:"group"`
	Audience       string              `json:"audience"`
	SafeText       map[string]string   `json:"safe_text"`
	Examples       map[string][]string `json:"examples"`
	ETag           string              `json:"etag"`
}

func viewTopic(t triage.Topic) topicView {
	return topicView{Key: t.Key, Name: t.Names, Priority: t.Priority, Team: t.Team, AI: t.AI, SLA: t.SLA.String(), AroundTheClock: t.AroundTheClock,
		Group: t.Group, Audience: t.Audience, SafeText: filled(t.SafeText), Examples: filled(t.Examples), ETag: quoted(handoff.Tag(t))}
}

// noneView are the examples that belong to no topic.
type noneView struct {
	Key      string              `json:"key"`
	Examples map[string][]string `json:"examples"`
	ETag     string              `json:"etag"`
}

// viewExamples is the topic with the key as answers show it, or none.
func viewExamples(t triage.Topic) any {
	if t.Key == triage.None {
		return noneView{triage.None, filled(t.Examples), quoted(handoff.Tag(t))}
	}
	return viewTopic(t)
}

func filled[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func quoted(tag string) string { return `"` + tag + `"` }

// training is the classifier in force in this process.
type training struct {
	Classifier string    `json:"classifier"`
	At         time.Time `json:"at"`
	Took       float64   `json:"took_ms"`
}

// learnt puts what is stored in force in this process, and returns it; other replicas follow by themselves. What was saved
// stays saved when the training fails.
func (s *Server) learnt(ctx context.Context) (*training, error) {
	if s.Learner == nil {
		return nil, nil
	}
	l, err := s.Learner.Learn(ctx)
	if err != nil {
		return nil, err
	}
	return trainingOf(l), nil
}

func trainingOf(l *handoff.Lesson) *training {
	if l == nil {
		return nil
	}
	return &training{l.Hash(), l.At, float64(l.Took.Microseconds()) / 1000}
}

func (s *Server) listTopics(c *gin.Context) error {
	set, err := s.Desk.TopicSet(c.Request.Context())
	if err != nil {
		return err
	}
	topics := make([]topicView, len(set.Topics))
	for i, t := range set.Topics {
		topics[i] = viewTopic(t)
	}
	none, _ := set.Find(triage.None)
	out := gin.H{"topics": topics, "none": viewExamples(none), "shelves": gin.H{"groups": filled(set.Shelves), "etag": quoted(handoff.Tag(set.Shelves))},
		"languages": s.knownLanguages(&set), "training": nil}
	if s.Learner != nil {
		out["training"] = trainingOf(s.Learner.Lesson())
	}
	return ok(c, http.StatusOK, out)
}

// topicOf returns what is stored and the topic of the path.
func (s *Server) topicOf(ctx context.Context, key string) (handoff.TopicSet, triage.Topic, error) {
	set, err := s.Desk.TopicSet(ctx)
	if err != nil {
		return set, triage.Topic{}, err
	}
	t, found := set.Find(key)
	if !found {
		return set, t, fault.New(fault.NotFound, "topic_not_found", "There is no such topic.")
	}
	return set, t, nil
}

func (s *Server) topic(c *gin.Context) error {
	_, t, err := s.topicOf(c.Request.Context(), c.Param("key"))
	if err != nil {
		return err
	}
	c.Header("ETag", quoted(handoff.Tag(t)))
	return ok(c, http.StatusOK, gin.H{"topic": viewExamples(t)})
}

// servedLanguages are those in which a topic needs a name: those of the topics that there are, or the site's.
func (s *Server) servedLanguages(set *handoff.TopicSet) []string {
	if len(set.Topics) == 0 {
		return s.Site.Locales
	}
	return set.Served()
}

// knownLanguages are those in which examples may be written: the site's in its order, then what else there is.
func (s *Server) knownLanguages(set *handoff.TopicSet) []string {
	known := slices.Clone(s.Site.Locales)
	more := slices.Concat(s.servedLanguages(set), slices.Collect(maps.Keys(set.None)))
	for _, t := range set.Topics {
		more = slices.AppendSeq(more, maps.Keys(t.Examples))
	}
	slices.Sort(more)
	for _, l := range more {
		if !slices.Contains(known, l) {
			known = append(known, l)
		}
	}
	return known
}

// condition reads If-Match and If-None-Match: the tag that a change needs, handoff.Anything, or "" for "must not be there".
func condition(c *gin.Context, creates bool) (string, error) {
	match := strings.TrimPrefix(strings.TrimSpace(c.GetHeader("If-Match")), "W/")
	switch {
	case match == handoff.Anything:
		return match, nil
	case len(match) > 2 && match[0] == '"' && match[len(match)-1] == '"':
		return match[1 : len(match)-1], nil
	case match != "":
		return "", fault.Field("If-Match", "not_a_tag", "Send one ETag in quotes, or *.")
	case creates && strings.TrimSpace(c.GetHeader("If-None-Match")) == "*":
		return "", nil
	case creates:
		return "", fault.Field("If-Match", "required", "Send If-Match with the topic's ETag to replace it, or If-None-Match: * to create it, so that nobody's change is lost.")
	}
	return "", fault.Field("If-Match", "required", "Send If-Match with the ETag of what you saw, so that nobody's change is lost.")
}

func (s *Server) putTopic(c *gin.Context) error {
	var in struct {
		Name           map[string]string   `json:"name"`
		Priority       int                 `json:"priority"`
		Team           string              `json:"team"`
		AI             string              `json:"ai"`
		SLA            string              `json:"sla"`
		AroundTheClock bool                `json:"around_the_clock"`
		Group          string              `json:"group"`
		Audience       string              `json:"audience"`
		SafeText       map[string]string   `json:"safe_text"`
		Examples       map[string][]string `json:"examples"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	match, err := condition(c, true)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	set, err := s.Desk.TopicSet(ctx)
	if err != nil {
		return err
	}
	form := triage.Form{Key: c.Param("key"), Name: in.Name, Priority: in.Priority, Team: in.Team, AI: in.AI, SLA: in.SLA, AroundTheClock: in.AroundTheClock,
		Group: in.Group, Audience: in.Audience, SafeText: in.SafeText, Examples: in.Examples}
	t, err := form.Topic("", s.servedLanguages(&set), s.knownLanguages(&set))
	if err != nil {
		return err
	}
	if err := cleanTopic(&t); err != nil {
		return err
	}
	if err := s.Desk.SaveTopic(ctx, currentAgent(c), t, match); err != nil {
		return err
	}
	return s.changedTopic(c, t.Key)
}

// cleanTopic bounds and masks what customers may be shown or the classifier learns from.
func cleanTopic(t *triage.Topic) (err error) {
	for _, l := range slices.Sorted(maps.Keys(t.Names)) {
		if t.Names[l], err = cleanText("name."+l, t.Names[l], 80, false); err != nil {
			return err
		}
	}
	for _, l := range slices.Sorted(maps.Keys(t.SafeText)) {
		if t.SafeText[l], err = cleanText("safe_text."+l, t.SafeText[l], maxText, false); err != nil {
			return err
		}
	}
	for _, l := range slices.Sorted(maps.Keys(t.Examples)) {
		for i, x := range t.Examples[l] {
			if t.Examples[l][i], err = cleanText("examples."+l, x, maxExample, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// changedTopic answers with the topic as it is stored now and the classifier that knows it.
func (s *Server) changedTopic(c *gin.Context, key string) error {
	ctx := c.Request.Context()
	trained, err := s.learnt(ctx)
	if err != nil {
		return err
	}
	_, t, err := s.topicOf(ctx, key)
	if err != nil {
		return err
	}
	c.Header("ETag", quoted(handoff.Tag(t)))
	return ok(c, http.StatusOK, gin.H{"topic": viewExamples(t), "training": trained})
}

func (s *Server) deleteTopic(c *gin.Context) error {
	match, err := condition(c, false)
	if err != nil {
		return err
	}
	if err := s.Desk.DeleteTopic(c.Request.Context(), currentAgent(c), c.Param("key"), match); err != nil {
		return err
	}
	if _, err := s.learnt(c.Request.Context()); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// exampleBody is an example as it is sent.
type exampleBody struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// example checks an example of a topic for the fields below at.
func (s *Server) example(set *handoff.TopicSet, at, topic, language, text string) (triage.Example, error) {
	e := triage.Example{Topic: topic, Language: language}
	if known := s.knownLanguages(set); !slices.Contains(known, language) {
		return e, fault.Field(at+"language", "unknown_language", "Use one of %s.", strings.Join(known, ", "))
	}
	var err error
	e.Text, err = cleanText(at+"text", text, maxExample, true)
	if err == nil && triage.Same(e.Text) == "" {
		err = fault.Field(at+"text", "required", "An example needs words.")
	}
	return e, err
}

func (s *Server) addExample(c *gin.Context) error {
	return s.editExample(c, func(set *handoff.TopicSet, in exampleBody) (triage.Example, error) {
		return s.example(set, "", c.Param("key"), in.Language, in.Text)
	}, s.Desk.AddExample)
}

func (s *Server) removeExample(c *gin.Context) error {
	return s.editExample(c, func(_ *handoff.TopicSet, in exampleBody) (triage.Example, error) {
		return triage.Example{Topic: c.Param("key"), Language: in.Language, Text: in.Text}, nil
	}, s.Desk.RemoveExample)
}

func (s *Server) editExample(c *gin.Context, check func(*handoff.TopicSet, exampleBody) (triage.Example, error),
	do func(context.Context, handoff.Agent, triage.Example, string) error) error {
	var in exampleBody
	if err := read(c, &in); err != nil {
		return err
	}
	match := "" // two people may add examples at once
	if c.GetHeader("If-Match") != "" {
		var err error
		if match, err = condition(c, false); err != nil {
			return err
		}
	}
	set, _, err := s.topicOf(c.Request.Context(), c.Param("key"))
	if err != nil {
		return err
	}
	e, err := check(&set, in)
	if err != nil {
		return err
	}
	if err := do(c.Request.Context(), currentAgent(c), e, match); err != nil {
		return err
	}
	return s.changedTopic(c, e.Topic)
}

func (s *Server) putShelves(c *gin.Context) error {
	var in struct {
		Groups map[string]string `json:"groups"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	match, err := condition(c, false)
	if err != nil {
		return err
	}
	for name := range in.Groups {
		if !slugPattern.MatchString(name) {
			return fault.Field("groups", "invalid", "%q is not the name of a collection.", name)
		}
	}
	if err := triage.CheckShelves("groups.", in.Groups); err != nil {
		return err
	}
	if err := s.Desk.EditShelves(c.Request.Context(), currentAgent(c), filled(in.Groups), match); err != nil {
		return err
	}
	if _, err := s.learnt(c.Request.Context()); err != nil {
		return err
	}
	tag := quoted(handoff.Tag(filled(in.Groups)))
	c.Header("ETag", tag)
	return ok(c, http.StatusOK, gin.H{"groups": filled(in.Groups), "etag": tag})
}
