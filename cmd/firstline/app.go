package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/assistant/copilot"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/delivery"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mailin"
	"github.com/firstline/firstline/internal/notify"
	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/site"
	"github.com/firstline/firstline/internal/wake"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
	"github.com/firstline/firstline/web"
)

// app is the rooms, wired together over one database.
type app struct {
	cfg       *Config
	log       *slog.Logger
	pool      *pgxpool.Pool
	bus       *wake.Bus
	record    *chat.Record
	desk      *handoff.Desk
	model     *llm.Client
	searcher  *retrieval.Searcher
	articles  *kb.Store
	auth      *auth.Store
	assistant *assistant.Assistant
	runner    *assistant.Runner
	registry  *prometheus.Registry
	metrics   *metrics
	learner   *handoff.Learner
	identity  *web.Identity // nil: customers are anonymous
	mail      *mail.Sender  // nil: no e-mail is sent
	delivery  *delivery.Service
	mailin    *mailin.Service // nil: no e-mail is taken in
	notify    *notify.Service

	customers *customer.Store

	certificate atomic.Pointer[string] // what is known of the certificate, for people

	close []func() // in reverse
}

// database opens the database that the configuration names, or the private cluster, and brings it to the schema.
func database(ctx context.Context, e *env, log *slog.Logger) (pool *pgxpool.Pool, done func(), err error) {
	address := e.cfg.DatabaseURL
	done = func() {}
	if address == "" {
		local, err := postgres.StartLocal(ctx, postgres.LocalConfig{Dir: e.cfg.Data, Log: log, Progress: func(s string) { fmt.Fprintln(e.err, s) }})
		if err != nil {
			return nil, nil, err
		}
		address = local.URL()
		done = func() {
			sctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if err := local.Stop(sctx); err != nil {
				log.Warn("the private PostgreSQL did not stop", "error", err)
			}
		}
	} else if err := postgres.Check(ctx, address); err != nil {
		return nil, nil, err
	}
	if err := postgres.Migrate(ctx, address); err != nil {
		done()
		return nil, nil, err
	}
	pool, err = postgres.Open(ctx, address, e.cfg.MaxConns)
	if err != nil {
		done()
		return nil, nil, err
	}
	stop := done
	return pool, func() { pool.Close(); stop() }, nil
}

// open wires the rooms. Nothing runs in the background yet.
func open(ctx context.Context, e *env) (_ *app, err error) {
	a := &app{cfg: e.cfg, log: e.cfg.logger(e), registry: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	pool, done, err := database(ctx, e, a.log)
	if err != nil {
		return nil, err
	}
	a.pool = pool
	a.onClose(done)
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.metrics = newMetrics(a.registry, pool)
	a.bus = wake.New(pool, a.log)
	if a.record, err = chat.Open(ctx, pool, a.bus, a.log, chat.Options{Lease: e.cfg.Lease}); err != nil {
		return nil, err
	}
	if err := e.cfg.FilesConfig.apply(a.record); err != nil {
		return nil, err
	}
	a.auth = auth.NewStore(pool)
	a.desk = handoff.NewDesk(pool, a.record, a.bus, a.log, handoff.Options{OfferFor: e.cfg.Offer, Language: e.cfg.DeskLanguage})
	a.desk.Register(handoff.Ticker{Name: "attachments", Next: a.record.NextLoose, Run: a.record.DropLoose})
	if e.cfg.CustomerKey != "" {
		if a.identity, err = web.NewIdentity(e.cfg.CustomerKey, e.cfg.CustomerAudience); err != nil {
			return nil, err
		}
		a.identity.Once(e.cfg.CustomerOnce).LogTo(a.log)
	}
	if a.mail, err = mail.New(mail.Config{URL: e.cfg.SMTP, From: e.cfg.MailFrom}); err != nil {
		return nil, err
	}
	a.openCustomers()
	a.delivery = delivery.New(pool, a.record, a.desk, a.bus, a.log, delivery.Options{Company: e.cfg.Company, Mail: a.mail, ReplyDomain: e.cfg.ReplyDomain,
		Allow: e.cfg.deliveryAllow()})
	if a.notify, err = a.newNotify(ctx); err != nil {
		return nil, err
	}
	a.articles = kb.NewStore(pool)
	a.articles.OnChange = func() { a.bus.Notify(wake.Knowledge, "") }
	a.model = llm.New(e.cfg.llm(), llm.Options{Logger: a.log, Observe: a.metrics.modelEvent})
	a.onClose(a.model.Close)
	if a.model.HasEmbeddings() {
		a.searcher = retrieval.New(pool, a.model, retrieval.Options{Model: e.cfg.EmbeddingModel, Dimensions: e.cfg.EmbeddingDimensions, Log: a.log})
	} else {
		a.searcher = retrieval.New(pool, nil, retrieval.Options{Log: a.log})
	}
	a.assistant = assistant.New(a.record, a.searcher, deskAdapter{a.desk, a.alarm}, a.model, a.log, a.metrics, assistant.Config{Company: e.cfg.Company, Settle: e.cfg.Settle, Thresholds: e.cfg.Thresholds, Off: e.cfg.Off})
	a.assistant.SetGuides(guideBook{a.record, a.articles})
	a.learner = handoff.NewLearner(a.desk, a.log, a.taught)
	a.runner = assistant.NewRunner(a.assistant, a.record, a.bus, a.log)
	a.bus.Subscribe(wake.Knowledge, func(string) { a.searcher.Refresh() })
	if a.mailin, err = a.newMailin(); err != nil {
		return nil, err
	}
	return a, nil
}

// taught gives the topics and the classifier to the assistant.
func (a *app) taught(l *handoff.Lesson) {
	a.assistant.SetTriage(&assistant.Triage{Classifier: l.Classifier, Topics: l.Set.ByKey(), Shelves: l.Set.Shelves})
}

// loadTopics trains the classifier on the stored topics, where they are others than before.
func (a *app) loadTopics(ctx context.Context) error {
	_, err := a.learner.Learn(ctx)
	return err
}

// start runs what works in the background.
func (a *app) start(ctx context.Context) error {
	if err := a.loadTopics(ctx); err != nil {
		return err
	}
	if err := a.loadCertificate(ctx); err != nil {
		return err
	}
	a.bus.Subscribe(wake.Topics, func(string) { a.metrics.reload(a.reload) })
	a.bus.Start(ctx)
	a.onClose(a.bus.Stop)
	a.learner.Start()
	a.onClose(a.learner.Stop)
	if err := a.searcher.Start(ctx); err != nil {
		return err
	}
	a.onClose(a.searcher.Stop)
	a.record.StartFiles()
	a.onClose(a.record.StopFiles)
	a.desk.Start()
	a.onClose(a.desk.Stop)
	a.delivery.Start()
	a.onClose(a.delivery.Stop)
	a.notify.Start()
	a.onClose(a.notify.Stop)
	a.runner.Start()
	summaries := handoff.NewSummariser(a.desk, a.model, a.log)
	summaries.Start()
	a.onClose(summaries.Stop)
	return nil
}

// reload reads the certificate after a change; what runs keeps what it began with.
func (a *app) reload() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := a.loadCertificate(ctx); err != nil {
		a.log.Error("certificate not reloaded; the former one stays in force", "error", err)
	}
}

func (a *app) onClose(f func()) { a.close = append(a.close, f) }

// Close ends everything in the reverse order. It is idempotent.
func (a *app) Close() {
	for _, f := range slices.Backward(a.close) {
		f()
	}
	a.close = nil
}

// server returns the HTTP handler over the rooms.
func (a *app) server(base string, limit int, secure bool, proxies []string) (*web.Server, error) {
	a.delivery.LinkTo(base)
	a.notify.LinkTo(base)
	return web.New(web.Deps{
		Pool: a.pool, Sites: site.New(a.pool, a.bus, a.site().Locales), Record: a.record, Runner: a.runner, Desk: a.desk, Searcher: a.searcher, Articles: a.articles, Auth: a.auth, Bus: a.bus,
		Copilot: copilot.New(a.pool, a.record, a.assistant, a.log),
		Log:     a.log, Registry: a.registry, Site: a.site(), Ready: a.ready, Limit: limit, Secure: secure, Proxies: proxies, Alarm: a.alarm, Learner: a.learner, InForce: a,
		Identity: a.identity, Customers: a.customers, Delivery: a.delivery, Mailin: a.mailin, Notify: a.notify, Links: a.links(base),
		URL: base, OIDC: a.oidc(base),
	})
}

// links sends sign-in links by e-mail, where there is any.
func (a *app) links(base string) *auth.Links {
	if a.mail == nil {
		return nil
	}
	l := auth.NewLinks(a.auth, letters{a.mail}, base, a.cfg.Company, a.log)
	l.Start()
	a.onClose(l.Stop)
	return l
}

// letters are sent as e-mails of their own.
type letters struct{ mail *mail.Sender }

// Send implements auth.Mailer.
func (l letters) Send(ctx context.Context, to, subject, text string) error {
	return l.mail.Send(ctx, mail.Message{ID: uuid.NewString(), To: to, Subject: subject, Text: text})
}

func (a *app) site() web.Site {
	s := web.Site{Company: a.cfg.Company, Model: a.model.HasChat()}
	for _, m := range a.cfg.Markets {
		p := strings.Split(m, ":")
		locales := strings.Split(p[2], "+")
		s.Markets = append(s.Markets, web.Market{Code: p[0], Name: p[1], Locales: locales})
		for _, l := range locales {
			if !slices.Contains(s.Locales, l) {
				s.Locales = append(s.Locales, l)
			}
		}
	}
	return s
}

// ready is asked by /readyz.
func (a *app) ready(ctx context.Context) []web.Check {
	var checks []web.Check
	applied, known, err := postgres.Version(ctx, a.pool)
	checks = append(checks, web.Check{Name: "database", OK: err == nil, Info: errorText(err)})
	if err == nil {
		checks = append(checks, web.Check{Name: "migrations", OK: applied == known, Info: fmt.Sprintf("%d of %d", applied, known)})
	}
	ok, info := a.searcher.Ready()
	checks = append(checks, web.Check{Name: "index", OK: ok, Info: info})
	if status := a.certificate.Load(); status != nil {
		checks = append(checks, web.Check{Name: "certificate", OK: true, Info: *status}) // for people; without one it serves, too
	}
	return checks
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return "PostgreSQL does not answer"
}

// alarm lets the desk hear what the assistant understands without a turn.
func (a *app) alarm(text, locale string) (handoff.Alarm, bool) {
	x, ok := a.assistant.Alarm(text, locale)
	return handoff.Alarm{Topic: x.Topic, Priority: x.Priority, Reason: string(x.Reason), Fixed: x.Fixed, Language: x.Language, Sentiment: x.Sentiment,
		Explanation: x.Explanation}, ok
}

// deskAdapter lets the assistant hand off without knowing the desk.
type deskAdapter struct {
	desk *handoff.Desk
	ear  handoff.Ear
}

// HandOff implements assistant.Desk.
func (d deskAdapter) HandOff(ctx context.Context, s *chat.Session, h assistant.Handoff) error {
	trace, err := h.Decision.MarshalTrace()
	if err != nil {
		return err
	}
	_, err = d.desk.HandOff(ctx, s, handoff.Request{
		TurnID: &h.Claim.TurnID, Reason: string(h.Reason), Explanation: h.Explanation, Topic: h.Topic, Priority: h.Priority, Language: h.Language,
		Sentiment: h.Sentiment, Articles: h.Articles, Trace: trace,
	})
	if err != nil {
		return err
	}
	return d.desk.Unread(ctx, s, h.Claim.ToSeq, d.ear)
}
