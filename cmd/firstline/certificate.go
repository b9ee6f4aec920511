package main

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/kb/demo"
	"github.com/firstline/firstline/retrieval"
	"github.com/firstline/firstline/web"
)

// basis is what a certificate must have been made for, to hold for what runs here.
func (a *app) basis() assistant.Basis {
	b := assistant.Basis{Decision: assistant.DecisionVersion, Retrieval: retrieval.Fingerprint(), Embedding: retrieval.BuiltinModel}
	if a.model.HasEmbeddings() {
		b.Embedding = fmt.Sprintf("%s, %d", a.cfg.EmbeddingModel, a.cfg.EmbeddingDimensions)
	}
	if a.model.HasChat() {
		b.Model, b.Prompt = a.cfg.llm().ChatModel, assistant.PromptVersion
		if a.cfg.FallbackModel != "" {
			b.Model += " or " + a.cfg.FallbackModel
		}
	}
	return b
}

// loadCertificate gives the assistant the newest certificate, where it holds for what runs here, and otherwise the
// conservative thresholds.
func (a *app) loadCertificate(ctx context.Context) error {
	c, err := assistant.LatestCertificate(ctx, a.pool)
	if err != nil {
		return err
	}
	var policy assistant.Policy
	status := "no certificate: the thresholds are conservative priors until firstline eval --certify has been run on labelled questions"
	if c != nil {
		if why := c.Void(a.basis()); why != "" {
			status = "certificate " + c.Name() + " is void, because " + why + ": the thresholds are conservative priors until firstline eval --certify has been run again"
		} else {
			policy = c.Policy()
			status = "certificate " + c.Name() + ": " + certified(c)
		}
	}
	a.assistant.SetPolicy(policy)
	if a.certificate.Swap(&status) == nil || policy.Certificate == "" {
		a.log.Info(status)
	}
	return nil
}

// InForce implements web.ThresholdSource.
func (a *app) InForce(ctx context.Context) (web.Thresholds, error) {
	c, err := assistant.LatestCertificate(ctx, a.pool)
	if err != nil {
		return web.Thresholds{}, err
	}
	t := web.Thresholds{Own: a.cfg.Thresholds, Certificate: c}
	t.Bars, t.Certified = a.assistant.Thresholds()
	if c != nil {
		t.Void = c.Void(a.basis())
	}
	return t, nil
}

// certified says in a few words what a certificate holds.
func certified(c *assistant.Certificate) string {
	var parts []string
	for _, g := range assistant.Groups {
		b := c.Groups[g]
		what := "not certified"
		if b.Certified {
			what = fmt.Sprintf("at most %.1f %% wrong", 100*b.Upper)
		}
		parts = append(parts, fmt.Sprintf("%s from %.2f (%s)", g, b.Threshold, what))
	}
	return strings.Join(parts, ", ")
}

// seedCertificate keeps the demo's certificate, where there is none.
func (a *app) seedCertificate(ctx context.Context) error {
	if c, err := assistant.LatestCertificate(ctx, a.pool); err != nil || c != nil {
		return err
	}
	c, err := demoCertificate()
	if err != nil || c == nil {
		return err
	}
	return assistant.SaveCertificate(ctx, a.pool, c)
}

// demoCertificate reads the certificate that comes with the demo; nil where it has none.
func demoCertificate() (*assistant.Certificate, error) {
	data, err := fs.ReadFile(demo.FS, "certificate.json")
	if err != nil {
		return nil, err
	}
	return assistant.ReadCertificate(data)
}
