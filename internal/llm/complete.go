package llm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Completion is a whole answer.
type Completion struct {
	Text   string
	Finish string // finish_reason: "stop", or "length" when MaxTokens cut the text
	Model  string // the configured name of the model that answered
	Usage  Usage
}

// Complete asks the chat model and waits for the whole answer, with the retry rules of Stream. An attempt may use up to
// half of the time that is left, the last one all of it.
func (c *Client) Complete(ctx context.Context, r Request) (Completion, error) {
	if !c.HasChat() {
		return Completion{}, fmt.Errorf("llm complete: %w: no chat model is configured", ErrUnavailable)
	}
	caller, stop := context.WithTimeout(ctx, c.cfg.Timeout)
	defer stop()
	start := c.opts.Now()
	var out Completion
	err := c.call(caller, OpComplete, c.chatModels(), func(t try) error {
		return c.timed(caller, t, func(ctx context.Context) error {
			res, err := c.api.CreateChatCompletion(ctx, c.chatRequest(t.model, r, false))
			if err != nil {
				return err
			}
			if len(res.Choices) == 0 {
				return &failure{fault: FaultMalformed, do: retry, counts: true, err: errors.New("no choices in the answer")}
			}
			choice := res.Choices[0]
			switch {
			case choice.FinishReason == "content_filter" || choice.Message.Refusal != "":
				return &failure{fault: FaultFiltered, do: giveUp, err: errors.New("withheld by the provider")}
			case choice.Message.Content == "" && choice.FinishReason != "length":
				return &failure{fault: FaultEmpty, do: retry, counts: true, err: errors.New("an answer without text")}
			}
			out = Completion{Text: choice.Message.Content, Finish: string(choice.FinishReason), Model: t.model}
			out.Usage = c.usage(&res.Usage, r, func() int { return estimateTokens(out.Text) })
			return nil
		})
	})
	if err != nil {
		return Completion{}, err
	}
	c.opts.Observe(Event{Kind: EventDone, Op: OpComplete, Model: out.Model, Elapsed: c.opts.Now().Sub(start), Usage: out.Usage})
	return out, nil
}

// timed runs a whole exchange as one attempt, with a limit of its own and its error classified.
func (c *Client) timed(caller context.Context, t try, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(caller)
	defer cancel(nil)
	ctx, a := withAttempt(ctx)
	if !t.last {
		timer := time.AfterFunc(c.patience(caller, c.cfg.Timeout, true), func() { cancel(errAttempt) })
		defer timer.Stop()
	}
	if err := do(ctx); err != nil {
		return c.classify(caller, ctx, a, err)
	}
	return nil
}
