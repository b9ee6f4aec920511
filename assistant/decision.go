package assistant

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/retrieval"
)

// Action is what a turn does.
type Action string

// The actions.
const (
	Answer  Action = "answer"
	Reply   Action = "reply" // a fixed reply to thanks, a greeting and the like, which claims nothing
	Clarify Action = "clarify"
	Offer   Action = "offer_human"
	HandOff Action = "hand_off"
)

func (a Action) outcome() chat.Outcome {
	switch a {
	case Clarify:
		return chat.Clarified
	case Offer:
		return chat.OfferedHuman
	case HandOff:
		return chat.HandedOff
	}
	return chat.Answered
}

// Reason says why a conversation is handed off, or how a turn was answered.
type Reason string

// The reasons of handoffs that the assistant gives, and the ways of answering.
const (
	CustomerRequest  Reason = "customer_request"
	PriorityTopic    Reason = "priority_topic"
	LowConfidence    Reason = "low_confidence"
	NoArticle        Reason = "no_article"
	Stuck            Reason = "stuck"
	Vulnerability    Reason = "vulnerability"
	ComplaintOrLegal Reason = "complaint_or_legal"
	ModelUnavailable Reason = "model_unavailable"
	RetrievalFailed  Reason = "retrieval_failed"

	ConflictingArticles Reason = "conflicting_articles"

	Generated Reason = "generated" // by the model, every sentence supported
	Quoted    Reason = "quoted"    // the best section of the best article
	SmallTalk Reason = "small_talk"
)

// decisionVersion names the logic and the constants below; it is stored with every decision, and changes with them.
const decisionVersion = "cost-9"

// Candidate is a passage that the decision saw.
type Candidate struct {
	Passage int64     `json:"passage"`
	Version uuid.UUID `json:"version"`
	Article string    `json:"article"`
	Anchor  string    `json:"anchor,omitempty"`
	Locale  string    `json:"locale"`
	Score   float64   `json:"score"`
	Lexical float64   `json:"lexical"`
	Dense   float64   `json:"dense"`
}

// Said is how saying an answer came out; it can still change what a turn does.
type Said string

// The ways in which an answer comes out.
const (
	SaidAll     Said = "all"     // the model's answer, every sentence supported
	SaidQuote   Said = "quote"   // a section, quoted: no model, or one that failed
	SaidPart    Said = "part"    // the model's answer up to a sentence that was not supported
	SaidNothing Said = "nothing" // the model found no answer in the passages
)

// Decision is everything that a turn's action was chosen from, and the choice. The part from Version to Said is input;
// Decide fills in the rest from it and from nothing else, so that a stored decision can be made again.
type Decision struct {
	Version    string  `json:"version"`
	Classifier string  `json:"classifier"` // hash of the topics and examples
	Model      string  `json:"model"`      // chat model, "" for quoting
	Prompt     string  `json:"prompt"`
	Language   string  `json:"language"`
	Certainty  float64 `json:"language_certainty"`
	Question   string  `json:"question"` // the message, or what it means in the conversation
	Context    string  `json:"context,omitempty"`
	Condensed  bool    `json:"condensed,omitempty"` // the question was made to stand alone by the model
	Sentiment  string  `json:"sentiment"`
	Words      int     `json:"words"`           // distinct ones of the message
	Asks       bool    `json:"asks,omitempty"`  // has the form of a question
	Files      int     `json:"files,omitempty"` // sent with the message; nothing here can read them
	Off        bool    `json:"off,omitempty"`
	GivenUp    bool    `json:"given_up,omitempty"`   // several processes have failed at this turn
	LegalText  string  `json:"legal_text,omitempty"` // what is said to a complaint or a legal right, where one is seen

	Cues       triage.Cues        `json:"cues"`
	Topics     []triage.Score     `json:"topics"` // the three most probable
	TopicInfo  *TopicPolicy       `json:"topic_policy,omitempty"`
	Stuck      StuckSigns         `json:"stuck"`
	Walk       *Walk              `json:"walk,omitempty"` // the guide that the customer is in
	Retrieved  bool               `json:"retrieved"`      // retrieval was tried
	Failed     bool               `json:"retrieval_failed"`
	Degraded   string             `json:"degraded,omitempty"` // what did not answer: a leg of retrieval, the model
	Revision   int64              `json:"kb_revision"`
	Embedding  string             `json:"embedding_model"`
	Retrieval  string             `json:"retrieval_version,omitempty"` // fingerprint; what features mean depends on it
	Features   retrieval.Features `json:"features"`
	Candidates []Candidate        `json:"candidates"`
	Options    []string           `json:"options,omitempty"`     // titles of the best articles, for a clarifying question
	Policy     Policy             `json:"policy"`                // what the certificate, or an admin, says
	Shelf      string             `json:"shelf,omitempty"`       // topic group of the best article's collection
	Chosen     bool               `json:"chosen,omitempty"`      // the message is one of the options that were offered
	Conflict   string             `json:"conflict,omitempty"`    // what another article says otherwise than the best
	Sufficient Sufficiency        `json:"sufficient,omitempty"`  // whether the passages answer, and who says so
	ModelTopic *TopicPolicy       `json:"model_topic,omitempty"` // what the model saw the message to be about
	Said       Said               `json:"said,omitempty"`        // "" when no answer was tried

	// What Decide makes of it.
	PCorrect    float64 `json:"p_correct"` // that the best article answers the question
	PAmong      float64 `json:"p_among"`   // that one of the options does
	PStuck      float64 `json:"p_stuck"`
	Group       string  `json:"group,omitempty"` // of the threshold
	Threshold   float64 `json:"threshold"`
	Costs       *Costs  `json:"costs,omitempty"` // expected, of what could have been done
	Topic       string  `json:"topic,omitempty"`
	Priority    int     `json:"priority"`
	Action      Action  `json:"action"`
	Reason      Reason  `json:"reason"`
	Explanation string  `json:"explanation"`
	ThenHuman   bool    `json:"then_human,omitempty"` // answer with the general policy first, then hand off
	Fixed       string  `json:"fixed,omitempty"`      // fixed text to say instead of an answer
}

// MarshalTrace returns the decision as it is stored with the turn and shown to agents.
func (d *Decision) MarshalTrace() (json.RawMessage, error) { return json.Marshal(d) }

// TopicPolicy is the part of the most urgent credible topic that decides.
type TopicPolicy struct {
	Key      string          `json:"key"`
	P        float64         `json:"p"`
	Priority int             `json:"priority"`
	AI       triage.AIPolicy `json:"ai"`
	Group    string          `json:"group"`
	SafeText string          `json:"safe_text,omitempty"`
}

// fingerprint is that of the retrieval that this program holds.
var fingerprint = sync.OnceValue(retrieval.Fingerprint)

// weigh notes what retrieval brought.
func (d *Decision) weigh(r retrieval.Result, err error, shelves map[string]string) {
	d.Retrieved, d.Failed = true, err != nil
	d.Retrieval = fingerprint()
	d.Revision, d.Embedding, d.Features = r.Revision, r.Model, r.Features
	d.degrade(r.Degraded)
	if len(r.Passages) > 0 {
		d.Shelf = shelves[r.Passages[0].Collection]
	}
	seen := map[string]bool{}
	for _, p := range r.Passages {
		d.Candidates = append(d.Candidates, Candidate{
			Passage: p.ID, Version: p.VersionID, Article: p.Slug, Anchor: p.Anchor, Locale: p.Locale, Score: p.Score, Lexical: p.Lexical, Dense: p.Dense,
		})
		if !seen[p.Slug] && len(d.Options) < 3 {
			seen[p.Slug] = true
			d.Options = append(d.Options, p.Title)
		}
	}
}

// degrade notes something that did not answer.
func (d *Decision) degrade(what string) { d.Degraded = strings.TrimSpace(d.Degraded + " " + what) }

// heard notes how saying the answer came out, and decides again.
func (d *Decision) heard(s Said) {
	d.Said = s
	d.Decide()
}

// Decide chooses the action from the inputs: a pure function, except that it fills in d's own results. Before retrieval
// was tried, only the hard rules decide; where they do not, the action stays "".
func (d *Decision) Decide() {
	d.PCorrect, d.PAmong, d.PStuck, d.Group, d.Threshold, d.Costs, d.Topic, d.Priority = 0, 0, 0, "", 0, nil, "", 4
	d.Action, d.Reason, d.Explanation, d.ThenHuman, d.Fixed = "", "", "", false, ""
	if t := d.TopicInfo; t != nil {
		d.Topic, d.Priority = t.Key, t.Priority
	}
	switch {
	case d.rules(): // they hold for a turn that failed, too
	case d.GivenUp:
		d.handOff(ModelUnavailable, "The turn failed several times and was given up.")
	case d.raised():
	case d.Retrieved:
		d.choose()
		if d.Action == Answer {
			d.conclude()
		}
	}
}

// conclude makes of an answer what came of it.
func (d *Decision) conclude() {
	if d.Conflict != "" { // whichever it quoted, it could be the wrong one
		d.handOff(ConflictingArticles, "Two articles contradict each other: "+d.Conflict)
		return
	}
	switch d.Said {
	case SaidNothing:
		d.handOff(NoArticle, "The model found no answer in the articles.")
		return
	case SaidPart:
		d.handOff(LowConfidence, "Part of the model's answer was not supported by the articles; it was not shown.")
		return
	case SaidAll:
		d.Reason = Generated
	case SaidQuote:
		d.Reason = Quoted
	}
	if d.ThenHuman && d.Said != "" { // a person must also see this topic: the handoff carries the answer
		d.handOff(PriorityTopic, d.Explanation)
	}
}

// optionMark begins the line of an option in a clarifying question.
const optionMark = "- "

func (d *Decision) handOff(r Reason, why string) {
	d.Action, d.Reason, d.Explanation = HandOff, r, why
}

// say is the fixed text of an action that has no answer of its own; "" when the desk's line says it all.
func (d *Decision) say() string {
	switch {
	case d.Fixed != "":
		return d.Fixed
	case d.Action == Clarify:
		var sb strings.Builder
		sb.WriteString(text(d.Language, "clarify"))
		for _, o := range d.Options {
			sb.WriteString("\n" + optionMark + o)
		}
		return sb.String()
	case d.Action == Offer && d.Reason == NoArticle:
		return text(d.Language, "outside")
	case d.Action == Offer:
		return text(d.Language, "offer")
	case d.Action == HandOff:
		switch d.Reason {
		case NoArticle, LowConfidence, ConflictingArticles:
			return text(d.Language, "dont_know")
		case RetrievalFailed, ModelUnavailable:
			return text(d.Language, "unavailable")
		case Stuck:
			return text(d.Language, "stuck")
		}
	}
	return ""
}
