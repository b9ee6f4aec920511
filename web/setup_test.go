package web

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/assistant/copilot"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/delivery"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/notify"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/site"
	"github.com/firstline/firstline/internal/wake"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/kb/demo"
	"github.com/firstline/firstline/retrieval"
)

// bundle is a whole server over a database of its own, with the demo's teams, topics and articles, and no model.
type bundle struct {
	t        *testing.T
	pool     *pgxpool.Pool
	server   *Server
	url      string
	client   *http.Client // holds everything against the contract; follows no redirects
	record   *chat.Record
	desk     *handoff.Desk
	articles *kb.Store
	auth     *auth.Store
	searcher *retrieval.Searcher
	delivery *delivery.Service
}

// demoContent is read once for all tests.
var demoContent = sync.OnceValues(func() (c struct {
	docs       []kb.Document
	teams      []handoff.TeamSeed
	topics     []triage.Topic
	none       map[string][]string
	classifier *triage.Classifier
}, err error) {
	articles, err := fs.Sub(demo.FS, "articles")
	if err != nil {
		return c, err
	}
	if c.docs, err = kb.ReadDir(articles); err != nil {
		return c, err
	}
	data, err := fs.ReadFile(demo.FS, "teams.yaml")
	if err != nil {
		return c, err
	}
	var f struct {
		Schedules map[string]any     `yaml:"schedules"`
		Teams     []handoff.TeamSeed `yaml:"teams"`
		Agents    []any              `yaml:"agents"`
	}
	if err = yaml.Unmarshal(data, &f); err != nil {
		return c, err
	}
	c.teams = f.Teams
	topics, examples, err := triage.LoadTopicsFS(demo.FS, "topics.yaml")
	if err != nil {
		return c, err
	}
	c.topics, c.none = topics, triage.NoneOf(examples)
	c.classifier, err = triage.Train(topics, c.none)
	return c, err
})

// demoSite is the demo's company as the program configures it.
var demoSite = Site{Company: "Larkpay", Locales: []string{"en", "de", "es", "sv"}, Markets: []Market{
	{Code: "gb", Name: "United Kingdom", Locales: []string{"en"}}, {Code: "us", Name: "United States", Locales: []string{"en", "es"}},
	{Code: "de", Name: "Germany", Locales: []string{"de", "en"}}, {Code: "es", Name: "Spain", Locales: []string{"es", "en"}},
	{Code: "se", Name: "Sweden", Locales: []string{"sv", "en"}},
}}

type noObserver struct{}

func (noObserver) TurnDone(chat.Outcome, string, map[string]float64, llm.Usage, string) {}

// testDesk lets the assistant hand off to the desk, as the program wires it.
type testDesk struct{ *handoff.Desk }

func (d testDesk) HandOff(ctx context.Context, s *chat.Session, h assistant.Handoff) error {
	trace, err := h.Decision.MarshalTrace()
	if err != nil {
		return err
	}
	_, err = d.Desk.HandOff(ctx, s, handoff.Request{TurnID: &h.Claim.TurnID, Reason: string(h.Reason), Explanation: h.Explanation, Topic: h.Topic,
		Priority: h.Priority, Language: h.Language, Sentiment: h.Sentiment, Articles: h.Articles, Trace: trace})
	return err
}

// setup starts a server; everything ends with the test. Options change what it is made of.
func setup(t *testing.T, options ...func(*Deps)) *bundle {
	t.Helper()
	content, err := demoContent()
	if err != nil {
		t.Fatal(err)
	}
	ctx, pool, log := t.Context(), pgtest.New(t), slog.New(slog.DiscardHandler)
	b := &bundle{t: t, pool: pool, articles: kb.NewStore(pool), auth: auth.NewStore(pool), searcher: retrieval.New(pool, nil, retrieval.Options{Log: log})}
	bus := wake.New(pool, log)
	if b.record, err = chat.Open(ctx, pool, bus, log, chat.Options{}); err != nil {
		t.Fatal(err)
	}
	b.desk = handoff.NewDesk(pool, b.record, bus, log, handoff.Options{})
	if err := b.desk.SaveTeams(ctx, content.teams); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.SaveTopics(ctx, content.topics, content.none); err != nil {
		t.Fatal(err)
	}
	byKey := map[string]triage.Topic{}
	for _, topic := range content.topics {
		byKey[topic.Key] = topic
	}
	b.desk.SetTopics(byKey)
	if _, err := b.articles.Publish(ctx, content.docs, kb.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	model := llm.New(llm.Config{}, llm.Options{Logger: log})
	t.Cleanup(model.Close)
	a := assistant.New(b.record, b.searcher, testDesk{b.desk}, model, log, noObserver{}, assistant.Config{})
	a.SetTriage(&assistant.Triage{Classifier: content.classifier, Topics: byKey})
	runner := assistant.NewRunner(a, b.record, bus, log)
	bus.Start(ctx)
	t.Cleanup(bus.Stop)
	runner.Start()
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		runner.Stop(stop)
	})
	d := Deps{Pool: pool, Sites: site.New(pool, bus, demoSite.Locales), Record: b.record, Runner: runner, Desk: b.desk, Searcher: b.searcher, Articles: b.articles, Auth: b.auth, Bus: bus, Log: log,
		Copilot:  copilot.New(pool, b.record, a, log),
		Registry: prometheus.NewRegistry(), Site: demoSite, Ready: func(context.Context) []Check { return []Check{{Name: "database", OK: true}} }}
	d.Customers = customer.New(pool, b.record, log, customer.Options{Company: demoSite.Company})
	d.Alarm = func(text, locale string) (handoff.Alarm, bool) {
		x, ok := a.Alarm(text, locale)
		return handoff.Alarm{Topic: x.Topic, Priority: x.Priority, Reason: string(x.Reason), Fixed: x.Fixed, Language: x.Language, Sentiment: x.Sentiment,
			Explanation: x.Explanation}, ok
	}
	d.Delivery = delivery.New(pool, b.record, b.desk, bus, log, delivery.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	b.delivery = d.Delivery
	if d.Notify, err = notify.Open(ctx, pool, b.record, log, notify.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		o(&d)
	}
	server, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	b.server = server
	srv := httptest.NewServer(b.server)
	t.Cleanup(srv.Close)
	t.Cleanup(b.server.Close)
	b.url = srv.URL
	b.client = &http.Client{Transport: contract(t), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return b
}

// index loads what is published into the searcher, as the program does before it serves: on a busy machine that can take
// longer than a reader's search may.
func (b *bundle) index() {
	b.t.Helper()
	if _, err := b.searcher.Search(b.t.Context(), retrieval.Query{Text: "late fee", Locale: "en", Audience: kb.Consumer}); err != nil {
		b.t.Fatal(err)
	}
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

// json returns the body as an object.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("not an object: %v\n%s", err, a.body)
	}
	return v
}

// do sends a request; headers are pairs of name and value. A body is sent as JSON unless a header says otherwise.
func (b *bundle) do(method, path, body string, headers ...string) answer {
	b.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, content)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// conversation starts one and returns its id and token.
func (b *bundle) conversation(market, locale string) (id, token string) {
	b.t.Helper()
	a := b.do("POST", "/v1/conversations", `{"market":"`+market+`","locale":"`+locale+`"}`)
	if a.status != http.StatusCreated {
		b.t.Fatalf("no conversation: %d %s", a.status, a.body)
	}
	v := a.json(b.t)
	return v["id"].(string), v["token"].(string)
}

// person creates somebody who works here and returns a secret of the kind for them.
func (b *bundle) person(email, role, kind string, teams ...string) string {
	b.t.Helper()
	a, err := b.auth.Save(b.t.Context(), auth.Agent{Email: email, Role: role, Teams: teams, Capacity: 4})
	if err != nil {
		b.t.Fatal(err)
	}
	secret, err := b.auth.Issue(b.t.Context(), a.ID, kind)
	if err != nil {
		b.t.Fatal(err)
	}
	return secret
}

// scenario is a request and what its answer must and must not hold.
type scenario struct {
	name, method, path, body string
	headers                  []string
	status                   int
	want                     []string
	never                    []string
	wantHeader               map[string]string
}

// run runs scenarios against one server.
func (b *bundle) run(scenarios []scenario) {
	b.t.Helper()
	for _, sc := range scenarios {
		b.t.Run(sc.name, func(t *testing.T) {
			if sc.method == "" {
				sc.method = "GET"
			}
			a := b.do(sc.method, sc.path, sc.body, sc.headers...)
			if a.status != sc.status {
				t.Errorf("status %d, want %d\n%.600s", a.status, sc.status, a.body)
			}
			for _, s := range sc.want {
				if !strings.Contains(a.body, s) {
					t.Errorf("the answer lacks %q\n%.3000s", s, a.body)
				}
			}
			for _, s := range sc.never {
				if strings.Contains(a.body, s) {
					t.Errorf("the answer gives away %q", s)
				}
			}
			for k, v := range sc.wantHeader {
				if got := a.header.Get(k); got != v {
					t.Errorf("header %s is %q, want %q", k, got, v)
				}
			}
		})
	}
}
