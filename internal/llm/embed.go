package llm

import (
	"context"
	"fmt"
	"math"
	"strings"

	openai "github.com/sashabaranov/go-openai"
)

// embedBatch is the number of texts in one request. Providers allow from 32 (small local servers) to 2048; 64 passages
// of 500 tokens stay below the usual limits per request.
const embedBatch = 64

// Embed returns one vector for each text, in the order of the texts. Each batch has the retry rules of Stream;
// Config.Timeout applies to each batch. A vector that is missing, is of the wrong length or is all zeros fails the
// call: a wrong length as ErrRejected, since it means that the configured model is another one.
func (c *Client) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if !c.HasEmbeddings() {
		return nil, fmt.Errorf("llm embed: %w: no embedding model is configured", ErrUnavailable)
	}
	out := make([][]float32, 0, len(texts))
	dims := c.cfg.EmbeddingDimensions
	for len(texts) > 0 {
		n := min(embedBatch, len(texts))
		vectors, err := c.embedBatch(ctx, texts[:n], dims)
		if err != nil {
			return nil, err
		}
		dims = len(vectors[0])
		out = append(out, vectors...)
		texts = texts[n:]
	}
	return out, nil
}

func (c *Client) embedBatch(ctx context.Context, texts []string, dims int) ([][]float32, error) {
	caller, stop := context.WithTimeout(ctx, c.cfg.Timeout)
	defer stop()
	start := c.opts.Now()
	req := openai.EmbeddingRequest{Input: texts, Model: openai.EmbeddingModel(c.cfg.EmbeddingModel)}
	// Only this family shortens its vectors on request; other servers refuse the field.
	if strings.Contains(c.cfg.EmbeddingModel, "text-embedding-3") {
		req.Dimensions = c.cfg.EmbeddingDimensions
	}
	var out [][]float32
	var used Usage
	err := c.call(caller, OpEmbed, []string{c.cfg.EmbeddingModel}, func(t try) error {
		return c.timed(caller, t, func(ctx context.Context) error {
			res, err := c.api.CreateEmbeddings(ctx, req)
			if err != nil {
				return err
			}
			out, err = arrange(res.Data, len(texts), dims)
			used = Usage{PromptTokens: res.Usage.PromptTokens}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if used.PromptTokens == 0 {
		used = Usage{PromptTokens: estimateTokens(texts...), Estimated: true}
	}
	c.opts.Observe(Event{Kind: EventDone, Op: OpEmbed, Model: c.cfg.EmbeddingModel, Elapsed: c.opts.Now().Sub(start), Usage: used})
	return out, nil
}

// arrange puts vectors in the order of their Index and checks that there is one for each text.
func arrange(data []openai.Embedding, n, dims int) ([][]float32, error) {
	malformed := func(format string, args ...any) error {
		return &failure{fault: FaultMalformed, do: retry, counts: true, err: fmt.Errorf(format, args...)}
	}
	if len(data) != n {
		return nil, malformed("%d vectors for %d texts", len(data), n)
	}
	out := make([][]float32, n)
	for _, e := range data {
		if e.Index < 0 || e.Index >= n || out[e.Index] != nil {
			return nil, malformed("vector index %d is out of range or repeated", e.Index)
		}
		if dims == 0 {
			dims = len(e.Embedding)
		}
		if len(e.Embedding) == 0 {
			return nil, malformed("vector %d is empty", e.Index)
		}
		if len(e.Embedding) != dims {
			return nil, &failure{fault: FaultRequest, do: giveUp, rejected: true,
				err: fmt.Errorf("vectors have %d dimensions, %d are expected", len(e.Embedding), dims)}
		}
		if !usable(e.Embedding) {
			return nil, malformed("vector %d has no direction", e.Index)
		}
		out[e.Index] = e.Embedding
	}
	return out, nil
}

// usable reports whether a cosine can be taken of v.
func usable(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum > 0 && !math.IsInf(sum, 0) && !math.IsNaN(sum)
}
