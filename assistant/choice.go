package assistant

import (
	"math"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/measure"
)

// The topic groups, by what a wrong answer costs.
const (
	Money  = "money"
	Normal = "normal"
	HowTo  = "howto"
)

// Groups are the topic groups, the most careful first.
var Groups = []string{Money, Normal, HowTo}

// Policy is what decides on answering beside the question itself. It is stored with every decision.
type Policy struct {
	Bars        map[string]float64 `json:"thresholds,omitempty"`  // by topic group; the priors where one is missing
	Certified   map[string]bool    `json:"certified,omitempty"`   // groups whose threshold is certified
	Weights     measure.Logistic   `json:"weights,omitempty"`     // of the probability that the best article is right; see Decision.Inputs
	Among       measure.Logistic   `json:"among,omitempty"`       // of the probability that one of the options is
	Certificate string             `json:"certificate,omitempty"` // its name; "" without a valid one
}

// harm is what a wrong answer costs, in handoffs, by topic group. Without a certificate the threshold is where answering
// becomes cheaper than handing off: 1-1/harm.
var harm = map[string]float64{Money: 4, Normal: 3, HowTo: 2.5}

// prior is the threshold of a group without a certificate.
func prior(group string) float64 { return 1 - 1/harm[group] }

// The costs of the other actions, in handoffs. Asking back costs a customer's minute; an offer costs less than a handoff
// when it is not taken, and nearly as much when it is; an answer leaves a customer who is stuck where they are, and moving
// one to the queue unasked, while an article is sure, takes the choice from them. They were set so that with a sure
// article a second failure brings an offer and a third a person, and are no measurements.
const (
	askCost       = 0.5
	offerCost     = 0.5
	offerStuck    = 2.0 / 3
	answerStuck   = 1.4
	handOffCost   = 1
	unasked       = 0.2
	anySign       = 0.25 // that a customer is stuck, below which nobody is offered in place of an answer
	noCoverage    = 0.25 // weighted share of the question's terms below which the best article is not about it at all
	clarifyAtMost = 1    // questions back since the last answer
	clarifyEver   = 3    // and since the last handoff
)

// Costs are the expected costs of what could be done, in handoffs; 0 for what could not be done.
type Costs struct {
	Answer  float64 `json:"answer"`
	Clarify float64 `json:"clarify,omitempty"`
	Offer   float64 `json:"offer,omitempty"`
	HandOff float64 `json:"hand_off"`
}

// choose weighs what was found: least expected cost among answering, asking back, offering a human and handing off, and
// no answer below the group's threshold.
func (d *Decision) choose() {
	found := len(d.Candidates) > 0
	if found {
		d.PCorrect, d.PAmong = d.probabilities()
	}
	d.PStuck = pStuck(d.Stuck)
	d.Group = d.group()
	d.Threshold = prior(d.Group)
	if bar, ok := d.Policy.Bars[d.Group]; ok {
		d.Threshold = bar
	}
	sure := d.PCorrect >= d.Threshold
	switch {
	case d.Chosen: // what the customer chose themselves is what they asked for
		d.PCorrect, d.PAmong, sure = 1, 1, true
	case found && d.Curated(): // an editor has decided
		d.PCorrect, sure = max(d.PCorrect, curatedRight), true
		d.PAmong = max(d.PAmong, d.PCorrect)
	}
	info := d.TopicInfo != nil && d.TopicInfo.AI == triage.AIInfo // a person follows in any case
	c := Costs{
		Answer:  (1-d.PCorrect)*harm[d.Group] + d.PStuck*answerStuck,
		HandOff: handOffCost,
	}
	if d.PStuck >= anySign {
		c.Offer = offerCost + d.PStuck*offerStuck
	}
	if len(d.Options) > 1 && d.Stuck.InRow < clarifyAtMost && d.Stuck.Clarified < clarifyEver && !info {
		c.Clarify = askCost + (1 - d.PAmong) + d.PStuck*answerStuck
	}
	if sure && d.Stuck.Offered == 0 {
		c.HandOff += unasked
	}
	d.Costs = &c
	switch {
	case d.Failed:
		d.Costs = nil
		d.handOff(RetrievalFailed, "The help centre could not be searched, so nothing could be answered.")
	case !found:
		d.handOff(NoArticle, "No article of the help centre fits the question.")
	case d.outside() && !d.Chosen && !info && d.PStuck < stuckAtLeast && d.Stuck.Offered == 0:
		d.Action, d.Reason, d.Explanation = Offer, NoArticle, "An editor has written down that no article answers this."
	case d.outside() && !d.Chosen:
		d.handOff(NoArticle, "An editor has written down that no article answers this.")
	case sure && info:
		if d.PStuck >= stuckAtLeast {
			d.handOff(Stuck, "The customer is not getting further: "+d.Stuck.words()+".")
			break
		}
		d.Action, d.Reason, d.ThenHuman = Answer, Quoted, true
		d.Explanation = "Topic " + d.TopicInfo.Key + ": the general policy first, then a person."
	case sure && c.Answer <= c.HandOff && (c.Offer == 0 || c.Answer <= c.Offer) && (c.Clarify == 0 || c.Answer <= c.Clarify):
		d.Action, d.Reason, d.Explanation = Answer, Quoted, "An article answers the question."
		if d.Curated() {
			d.Explanation = "An editor has written this question down for the section."
		}
	case c.Clarify > 0 && c.Clarify < c.HandOff && d.PStuck < stuckAtLeast && (!sure || c.Offer == 0 || c.Clarify < c.Offer):
		d.Action, d.Reason, d.Explanation = Clarify, LowConfidence, "Several articles could be meant."
	case d.PStuck >= stuckAtLeast && (!sure || c.Offer == 0 || c.HandOff <= c.Offer):
		d.handOff(Stuck, "The customer is not getting further: "+d.Stuck.words()+".")
	case sure && c.Offer > 0 && c.Offer < c.HandOff:
		d.Action, d.Reason = Offer, Stuck
		d.Explanation = "The customer may be stuck: " + d.Stuck.words() + "."
	case info:
		d.handOff(PriorityTopic, "Topic "+d.TopicInfo.Key+" needs a person, and no article fits well enough to quote first.")
	case max(d.Features.Coverage, d.Features.Ask) < noCoverage:
		d.handOff(NoArticle, "No article of the help centre covers what the question is about.")
	default:
		d.handOff(LowConfidence, "The articles found may not answer the question.")
	}
}

// curatedRight is how often the section was right that an editor had named for the very question: of 96 labelled questions
// of the demo that were one of those written down, readers agreed with 94.
const curatedRight = 0.98

// Curated tells whether the question is, but for spelling and small words, one that an editor has written down for the
// best section, and for no other article. No threshold holds such an answer back.
func (d *Decision) Curated() bool {
	f := d.Features
	return f.Ask >= 0.97 && f.AskSection >= 0.97 && f.AskMargin >= 0.15 && f.Ask-f.Outside >= 0.15
}

// outside tells whether the question is nearly one that an editor has written down for an article that the assistant must
// not quote, and less like any that the best article is asked with.
func (d *Decision) outside() bool {
	f := d.Features
	return f.Outside >= outsideLeast && f.Outside-f.Ask >= outsideMargin
}

const (
	outsideLeast  = 0.75
	outsideMargin = 0.1
)

// stuckAtLeast is the chance that a customer is stuck from which a person costs least whatever was found.
const stuckAtLeast = (handOffCost - offerCost) / offerStuck

// StuckBars are the chances that a customer is stuck from which a person is offered though an article is quite sure, and
// from which one is brought in: where no article is sure, or where an offer was not taken.
func StuckBars() (offer, handOff float64) {
	return offerCost / (answerStuck - offerStuck), stuckAtLeast
}

// group is the more careful of the topic's and of the one that the article's collection is in.
func (d *Decision) group() string {
	topic := ""
	if t := d.TopicInfo; t != nil {
		topic = t.Group
	}
	for _, g := range Groups {
		if topic == g || d.Shelf == g {
			return g
		}
	}
	return Normal
}

// probabilities are those of the best article being right and of one of the options being right. Without weights of a
// company's own they are the general ones, and no option is right more often than any article is.
func (d *Decision) probabilities() (best, among float64) {
	p, x := &d.Policy, d.Inputs()
	best = d.Features.Answerable() * d.Features.Confidence()
	among = min(amongPrior.P(x), d.Features.Answerable())
	if len(p.Weights) == len(x) {
		best = p.Weights.P(x)
	}
	if len(p.Among) == len(x) {
		among = p.Among.P(x)
	}
	return best, max(best, among)
}

// Inputs are what the probabilities are fitted on: a constant, the logits of the general probabilities (that some article
// answers, and that the best one does), the weighted share of the question's terms that the best passage
// has, whether it is in the customer's language, how near the question comes to those that customers ask (three ways), by
// how much the best article (two ways) and within it the best section stand out, how long the question is, how near its vector comes,
// the probability that the message is of no topic, how near the question comes to one that no article may answer, and
// whether the best passage is for readers of another kind.
func (d *Decision) Inputs() []float64 {
	f := d.Features
	locale, reader, none := 0.0, 0.0, 0.0
	if f.LocaleMatch {
		locale = 1
	}
	if f.OtherReader {
		reader = 1
	}
	for _, t := range d.Topics {
		if t.Topic == triage.None {
			none = t.P
		}
	}
	return []float64{1, logit(f.Answerable()), logit(f.Answerable() * f.Confidence()), f.Coverage, locale, f.Ask, f.AskSection, f.AskMargin,
		f.Margin, f.Share, f.OfArticle, float64(min(f.QueryTerms, 15)) / 10, f.DenseTop, none, f.Outside, reader}
}

// generalPrior and amongPrior are the weights that a company's own labels start from: the general probability itself, and
// that one of three articles is right far more often than the first.
var (
	generalPrior = measure.Logistic{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	amongPrior   = measure.Logistic{1, 0.2, 0.7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
)

// logit is the inverse of the logistic function, with ends that stay finite.
func logit(p float64) float64 {
	p = min(max(p, 1e-4), 1-1e-4)
	return math.Log(p / (1 - p))
}
