package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/assistant/evaluate"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres"
	findings "github.com/firstline/firstline/internal/report"
	"github.com/firstline/firstline/internal/wake"
	"github.com/firstline/firstline/kb/demo"
)

// suiteOptions say which labelled questions are asked, of which articles, and what becomes of the certificate.
type suiteOptions struct {
	Suite       []string `help:"Ask the labelled questions of this file or folder, over the articles of the configured database. May be repeated." placeholder:"PATH" sep:"none"`
	Demo        bool     `help:"Ask the demo's labelled questions, over the demo's articles, in a database that is gone afterwards."`
	Certify     bool     `help:"Make a certificate from the labelled questions and keep it in the database: the assistant then answers by it."`
	Certificate string   `help:"Write the certificate to this file." placeholder:"FILE"`
}

// wanted tells whether there is anything to ask.
func (o *suiteOptions) wanted() bool { return o.Demo || len(o.Suite) > 0 }

// check refuses what does not fit together before anything is started.
func (o *suiteOptions) check() error {
	switch {
	case o.Demo && len(o.Suite) > 0:
		return fault.Field("--suite", "not_with_demo", "--demo asks the demo's own questions; leave one of the two out.")
	case !o.wanted() && (o.Certify || o.Certificate != ""):
		return fault.Field("--certify", "no_labels", "A certificate is made from labelled questions: name them with --suite, or use --demo.")
	case o.Demo && o.Certify:
		return fault.Field("--certify", "not_with_demo", "The demo's database is gone afterwards: write the certificate with --certificate FILE.")
	}
	return nil
}

// labels reads the questions.
func (o *suiteOptions) labels() (evaluate.Labels, error) {
	if o.Demo {
		return demoLabels()
	}
	var all evaluate.Labels
	for _, p := range o.Suite {
		l, err := evaluate.Read(os.DirFS(filepath.Dir(p)), filepath.Base(p))
		if err != nil {
			return all, fault.Field("--suite", "unreadable", "%v", err)
		}
		all.Questions, all.Dialogues = append(all.Questions, l.Questions...), append(all.Dialogues, l.Dialogues...)
	}
	return all, nil
}

// demoLabels reads the demo's labelled questions and dialogues.
func demoLabels() (evaluate.Labels, error) {
	questions, err := evaluate.Read(demo.FS, "suites/labelled")
	if err != nil {
		return evaluate.Labels{}, err
	}
	dialogues, err := evaluate.Read(demo.FS, "suites/dialogues")
	return evaluate.Labels{Questions: questions.Questions, Dialogues: dialogues.Dialogues}, err
}

// run asks, certifies, and returns what came of it: of the questions to certify with and of those held back for the
// test, under the policy that is then in force.
func (o *suiteOptions) run(e *env) (_ []findings.Entry, err error) {
	labels, err := o.labels()
	if err != nil {
		return nil, err
	}
	if o.Demo {
		url, stop, err := postgres.Throwaway(e.ctx, "firstline-suite-")
		if err != nil {
			return nil, err
		}
		defer func() { err = cmp.Or(err, stop()) }()
		own, cfg := *e, *e.cfg
		cfg.DatabaseURL = url
		own.cfg = &cfg
		e = &own
	}
	a, err := open(e.ctx, e)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if err := a.forSuite(e, o.Demo); err != nil {
		return nil, err
	}
	if err := a.checkLabels(e.ctx, labels); err != nil {
		return nil, err
	}
	var telling sync.Mutex // questions are asked side by side
	last := time.Now()
	outcomes, err := evaluate.Run(e.ctx, a.assistant, labels.Questions, func(done, total int) {
		telling.Lock()
		defer telling.Unlock()
		if now := time.Now(); now.Sub(last) > time.Second || done == total {
			last = now
			fmt.Fprintf(e.err, "%d of %d labelled questions\n", done, total)
		}
	})
	// A search that was broken off passes for one that failed, and its question for one that is not answered.
	if err = cmp.Or(err, e.ctx.Err()); err != nil {
		return nil, err
	}
	if len(labels.Questions) == 0 && (o.Certify || o.Certificate != "") {
		return nil, fault.Field("--certify", "no_labels", "A certificate is made from labelled questions, and there are dialogues only.")
	}
	basis := a.basis()
	basis.Labels = labels.Hash()
	if o.Certify || o.Certificate != "" {
		c := evaluate.MakeCertificate(outcomes, basis, time.Now())
		if err := o.keep(e, a, &c); err != nil {
			return nil, err
		}
		policy := c.Policy()
		for i := range outcomes {
			outcomes[i] = outcomes[i].Under(policy)
		}
	}
	var entries []findings.Entry
	for _, part := range []evaluate.Part{evaluate.Certify, evaluate.Test} {
		if of := evaluate.Parts(outcomes, part); len(of) > 0 {
			entry := evaluate.Entry("questions to "+string(part), of)
			entry.Facts["certificate"] = outcomes[0].Decision.Policy.Certificate
			entries = append(entries, entry)
		}
	}
	if len(labels.Dialogues) > 0 {
		fmt.Fprintf(e.err, "%d dialogues\n", len(labels.Dialogues))
		heard, err := evaluate.RunDialogues(e.ctx, a.assistant, labels.Dialogues)
		if err = cmp.Or(err, e.ctx.Err()); err != nil {
			return nil, err
		}
		entries = append(entries, heard...)
	}
	if o.Demo {
		states, err := evaluate.ReadStates(demo.FS, "suites/stuck")
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(e.err, "%d conversations in which a customer is stuck or not\n", len(states))
		stuck, err := evaluate.RunStuck(e.ctx, a.assistant, states)
		if err = cmp.Or(err, e.ctx.Err()); err != nil {
			return nil, err
		}
		entries = append(entries, stuck...)
	}
	return entries, nil
}

// forSuite makes an app ready to be asked.
func (a *app) forSuite(e *env, withDemo bool) error {
	if withDemo {
		if err := a.seedDemo(e.ctx, e); err != nil {
			return err
		}
		if err := a.searcher.Embed(e.ctx); err != nil {
			return err
		}
	}
	return errors.Join(a.loadTopics(e.ctx), a.loadCertificate(e.ctx))
}

// keep prints the certificate and puts it where it was asked for.
func (o *suiteOptions) keep(e *env, a *app, c *assistant.Certificate) error {
	fmt.Fprintf(e.out, "Certificate %s, fitted on %d questions\n", c.Name(), c.Fitted)
	for _, g := range append([]string{assistant.Pooled}, assistant.Groups...) {
		b := c.Groups[g]
		fmt.Fprintf(e.out, "  %-7s threshold %.2f, %d of %d labelled questions answered; held back: %d answered, %d wrong, at most %.1f %%; %s\n", g, b.Threshold, b.Answered, b.Cases, b.Held, b.HeldWrong, 100*b.HeldUpper, b.Why)
	}
	if o.Certificate != "" {
		raw, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.Certificate, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.Certify {
		if err := assistant.SaveCertificate(e.ctx, a.pool, c); err != nil {
			return err
		}
		a.bus.Notify(wake.Topics, "") // running servers read it now
		a.bus.Flush(e.ctx)
	}
	return nil
}
