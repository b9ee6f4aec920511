package assistant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/firstline/firstline/assistant/ground"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/retrieval"
)

// answer is what a turn says, and what saying it cost.
type answer struct {
	text      string
	citations []chat.Citation
	model     string
	usage     llm.Usage
}

// say answers: by the model where there is one, sentence by sentence and nothing that the passages do not support, and
// otherwise, or when the model fails before it was heard, by quoting. How that went becomes part of the decision, which
// may change with it. The only errors are those of the record.
func (a *Assistant) say(ctx context.Context, t *turn) error {
	d := t.decision
	if !a.model.HasChat() {
		a.quote(t)
		d.Sufficient = ByTerms
		d.heard(SaidQuote)
		return nil
	}
	var said answer
	free, err := a.line(ctx, t)
	if err == nil {
		said, err = a.generate(ctx, t)
		free()
	}
	t.answer.text, t.answer.citations = said.text, said.citations
	switch {
	case err == nil:
		d.heard(SaidAll)
	case errors.Is(err, errRecord):
		return err
	case errors.Is(err, errNoAnswer):
		t.answer.text, t.answer.citations = "", nil
		d.Sufficient = ModelNo
		d.heard(SaidNothing)
	case errors.Is(err, errTopic):
		t.answer.text, t.answer.citations = "", nil
		d.heard(SaidNothing)
	case said.text == "": // nothing was heard: as if there were no model
		d.degrade(modelFault(err))
		a.quote(t)
		d.Sufficient = ByTerms
		d.heard(SaidQuote)
	case errors.Is(err, errUnsupported):
		t.answer.text += "\n\n" + text(d.Language, "broke")
		d.heard(SaidPart)
	default: // cut off in the middle: the source itself completes the answer
		d.degrade(modelFault(err))
		shown := t.answer
		a.quote(t)
		t.answer.text = shown.text + "\n\n" + text(d.Language, "cut") + "\n\n" + t.answer.text
		t.answer.citations = union(shown.citations, t.answer.citations)
		d.heard(SaidQuote)
	}
	return nil
}

// What can end a generation. errRecord wraps failures of the record, ErrLost among them.
var (
	errNoAnswer    = errors.New("no answer in the passages")
	errTopic       = errors.New("a topic for a person")
	errUnsupported = errors.New("unsupported sentence")
	errRecord      = errors.New("record")
)

func modelFault(err error) string {
	switch {
	case errors.Is(err, errUnsupported):
		return "model_unsupported"
	case errors.Is(err, llm.ErrFiltered):
		return "model_filtered"
	case errors.Is(err, llm.ErrRejected):
		return "model_rejected"
	case errors.Is(err, llm.ErrCut):
		return "model_cut"
	case errors.Is(err, errBusy):
		return "model_busy"
	}
	return "model_unavailable"
}

// cite makes citations of the first n passages, numbered from 1.
func cite(ps []retrieval.Passage, c chat.Conversation, n int) []chat.Citation {
	var cs []chat.Citation
	for i, p := range ps[:min(n, len(ps))] {
		cs = append(cs, citation(i+1, p, c))
	}
	return cs
}

// quoteRunes is how much of a passage a citation shows.
const quoteRunes = 240

func citation(n int, p retrieval.Passage, c chat.Conversation) chat.Citation {
	return chat.Citation{
		N: n, Article: p.Slug, Version: p.Version, Title: p.Title, URL: helpURL(p.Slug, p.Anchor, p, c.Market), Anchor: p.Anchor, Quote: shorten(p.Text), Locale: p.Locale,
	}
}

func union(a, b []chat.Citation) []chat.Citation {
	for _, c := range b {
		dup := false
		for _, x := range a {
			dup = dup || x.N == c.N
		}
		if !dup {
			a = append(a, c)
		}
	}
	return a
}

// generate lets the model answer and shows what is supported. What it returns was shown or is about to be committed; the
// rest was never seen by anyone.
func (a *Assistant) generate(ctx context.Context, t *turn) (answer, error) {
	gctx, cancel := context.WithTimeout(ctx, a.cfg.TurnTimeout) // the model's time; what was shown is committed all the same
	defer cancel()
	stream, err := a.model.Stream(gctx, prompt(t))
	if err != nil {
		return answer{}, err
	}
	defer stream.Close()
	t.mark("first_token")
	failpoint("first_token")
	d := t.decision
	d.Model = stream.Model()
	t.answer.model = d.Model

	sources := make([]ground.Source, len(t.passages))
	for i, p := range t.passages {
		sources[i] = ground.Source{N: i + 1, Title: p.Title + " " + strings.Join(p.Headings, " "), Text: p.Text}
	}
	check := ground.NewChecker(sources)
	check.Allow(a.cfg.Company)
	split := ground.NewSplitter(d.Language)
	sp := newSpeaker(ctx, t.speak)
	cited := map[int]bool{}
	var whole strings.Builder
	var pre preface

	// show checks the pieces and passes on what is supported.
	show := func(pieces []string, last bool) error {
		for i, piece := range pieces {
			if pre.take(piece) {
				if t.notice(pre.topic) {
					return errTopic
				}
				if d.Sufficient = pre.verdict(); d.Sufficient == ModelNo {
					return errNoAnswer
				}
				continue
			}
			d.Sufficient = pre.verdict()
			if strings.Contains(piece, noAnswerMark) {
				return errNoAnswer
			}
			v := check.Check(piece)
			if !v.Supported {
				return errUnsupported
			}
			piece = attribute(piece, v)
			for _, n := range append(v.Cited, v.Attributed...) {
				cited[n] = true
			}
			whole.WriteString(piece)
			if last && i == len(pieces)-1 {
				return nil // the commit shows it
			}
			sp.say(piece)
		}
		return nil
	}
	var cause error
	for cause == nil {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			cause = show(split.Flush(), true)
			break
		}
		if err != nil {
			cause = err
			break
		}
		cause = show(split.Push(piece), false)
		if sp.failed() != nil {
			break
		}
	}
	t.answer.usage = stream.Usage()
	shown, err := sp.close()
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	said := answer{text: whole.String()}
	if cause != nil {
		if shown == "" && (errors.Is(cause, errNoAnswer) || errors.Is(cause, errTopic)) {
			return answer{}, cause
		}
		if errors.Is(cause, errNoAnswer) {
			cause = errUnsupported
		}
		said.text = shown
	}
	for n := range cited {
		if n >= 1 && n <= len(t.passages) {
			said.citations = append(said.citations, citation(n, t.passages[n-1], t.Conversation))
		}
	}
	sortCitations(said.citations)
	said.text = strings.TrimSpace(said.text)
	if said.text == "" && cause == nil {
		cause = errUnsupported
	}
	return said, cause
}

// attribute adds the number of the passage that a sentence rests on, where the model forgot it.
func attribute(piece string, v ground.Verdict) string {
	if len(v.Cited) > 0 || len(v.Attributed) == 0 {
		return piece
	}
	body := strings.TrimRight(piece, " \n\t")
	return fmt.Sprintf("%s [%d]%s", body, v.Attributed[0], piece[len(body):])
}
