package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

func TestHelpPages(t *testing.T) {
	b := setup(t)
	b.index()
	b.run([]scenario{
		{name: "the root leads to the help centre", path: "/", status: 302, wantHeader: map[string]string{"Location": "/help"}},
		{name: "home", path: "/help?locale=en&market=gb", status: 200,
			want: []string{`<html lang="en" dir="ltr">`, "How can we help?", `action="/help/search"`, "Refunds and problems", `href="/help/c/paying?locale=en&amp;market=gb"`,
				`hreflang="de"`, `hreflang="x-default"`, "For merchants", `<option value="gb" selected>`, `href="/chat?locale=en&amp;market=gb"`, `rel="canonical"`},
			never:      []string{"<script>", "<script src", "style=", "/help/c/merchant"},
			wantHeader: map[string]string{"Content-Security-Policy": contentPolicy, "Cache-Control": "no-cache", "Vary": "Accept-Language, Accept-Encoding"}},
		{name: "the browser's language and region", path: "/help", headers: []string{"Accept-Language", "de-DE,de;q=0.9,en;q=0.5"}, status: 200,
			want: []string{`<html lang="de"`, "Wie können wir helfen?", `<option value="de" selected>`}},
		{name: "a region that is not served", path: "/help", headers: []string{"Accept-Language", "sv-FI"}, status: 200,
			want: []string{`<html lang="sv"`, `<option value="se" selected>`}},
		{name: "nonsense gives way to the default", path: "/help?locale=xx&market=zz&audience=root", status: 200, want: []string{`<html lang="en"`, `<option value="gb" selected>`},
			never: []string{"xx", "zz"}},
		{name: "merchants have their own", path: "/help?locale=en&market=gb&audience=merchant", status: 200,
			want: []string{"Help for merchants", `href="/help/c/merchant?audience=merchant&amp;locale=en&amp;market=gb"`, "For customers"}, never: []string{"/help/c/paying"}},
		{name: "a collection", path: "/help/c/paying?locale=en&market=de", status: 200,
			want: []string{"<h1>Paying</h1>", "What a late payment costs in Germany", `href="/help/late-fees?locale=en&amp;market=de"`}, never: []string{"What a late payment costs in the United"}},
		{name: "a collection in a language that has little", path: "/help/c/paying?locale=sv&market=se", status: 200, want: []string{"<h1>Betala</h1>", `lang="en"`, `lang="sv"`}},
		{name: "no such collection", path: "/help/c/nowhere?locale=en", status: 404, want: []string{"We could not find this page"}},
		{name: "a consumer does not get the merchants' collection", path: "/help/c/merchant?locale=en&market=gb", status: 404, want: []string{"We could not find"}, never: []string{"merchant-fees"}},
		{name: "an article", path: "/help/late-fees?locale=en&market=gb", status: 200,
			want: []string{`<article class="prose" lang="en"`, "What a late payment costs in the United Kingdom", "Last updated ", "Applies to Spain, Sweden, United Kingdom", "On this page",
				`<meta name="description"`, "<h2 id=", `class="scroll" role="region" tabindex="0"`, "More on this topic", `href="/chat?article=late-fees&amp;locale=en&amp;market=gb"`,
				`hreflang="sv"`, `href="/help/c/paying?locale=en&amp;market=gb"`},
			never: []string{"<script>", "<script src", "style=", "<no value>", "EUR 1.20"}},
		{name: "the same for another country", path: "/help/late-fees?locale=en&market=de", status: 200, want: []string{"EUR 1.20", "Applies to Germany"}, never: []string{"GBP"}},
		{name: "in the reader's language", path: "/help/late-fees?locale=de&market=de", status: 200, want: []string{`<html lang="de"`, "Zuletzt aktualisiert am ", "Gilt für Germany", `<article class="prose" lang="de"`},
			never: []string{"noch nicht in Ihrer Sprache"}},
		{name: "not in the reader's language", path: "/help/pay-early?locale=de&market=de", status: 200,
			want: []string{`<html lang="de"`, "Diesen Artikel gibt es noch nicht in Ihrer Sprache. Sie lesen ihn auf English.", `<article class="prose" lang="en"`, `<link rel="canonical" href="/help/pay-early?locale=en">`}},
		{name: "links stay with the reader", path: "/help/late-fees?locale=en&market=de", status: 200,
			want: []string{`href="/help/move-due-date?locale=en&amp;market=de"`}, never: []string{`href="/help/move-due-date"`}},
		{name: "a merchant reads on", path: "/help/merchant-fees?locale=en&market=gb&audience=merchant", status: 200, want: []string{`audience=merchant`, `/help/c/merchant?audience=merchant`}},
		{name: "a slug that cannot be", path: "/help/%00?locale=en", status: 404, want: []string{"We could not find this page", `role="search"`}},
		{name: "no such article", path: "/help/no-such-article?locale=de", status: 404, want: []string{"Diese Seite gibt es nicht", `role="search"`, "Ausland und Währungen"}, wantHeader: map[string]string{"Cache-Control": "no-store"}},
		{name: "what is searched for is marked", path: "/help/search?q=late+fee&locale=en&market=gb", status: 200,
			want: []string{"Results for “late fee”", "<mark>", `href="/help/late-fees?locale=en&amp;market=gb"`, `value="late fee"`, `name="robots" content="noindex"`}},
		{name: "the search of the home page", path: "/help?q=late+fee&locale=en&market=gb", status: 200, want: []string{"Results for “late fee”"}},
		{name: "markup in a search stays text", path: "/help/search?q=" + "%3Cscript%3Ealert(1)%3C/script%3E+late+fee&locale=en&market=gb", status: 200,
			want: []string{"&lt;script&gt;"}, never: []string{"<script>"}},
		{name: "nothing found", path: "/help/search?q=xqzzvk+wqpfkj&locale=en&market=gb", status: 200, want: []string{"Nothing found for “xqzzvk wqpfkj”", "/help/c/paying"}, never: []string{"not working"}},
		{name: "words that no article has", path: "/help/search?q=zorblatt+pizza&locale=en&market=gb", status: 200, want: []string{"Nothing found for"}},
		{name: "misspelt words", path: "/help/search?q=refnd+not+recived&locale=en&market=gb", status: 200, want: []string{"/help/refund-"}, never: []string{"Nothing found"}},
		{name: "a compound", path: "/help/search?q=giftcard&locale=en&market=gb", status: 200, want: []string{"/help/gift-card-refund"}},
		{name: "an empty search", path: "/help/search?q=+&locale=en&market=gb", status: 302, wantHeader: map[string]string{"Location": "/help?locale=en&market=gb"}},
		{name: "a card number is not repeated", path: "/help/search?q=charge+on+4111+1111+1111+1111&locale=en&market=gb", status: 200, never: []string{"4111 1111 1111 1111", "4111111111111111"}},
		{name: "bytes that are no text", path: "/help/search?q=%ff%00late+fee&locale=en&market=gb", status: 200, want: []string{"late fee"}},
		{name: "no such file", path: "/static/help.css", status: 404},
		{name: "no way out of the files", path: "/static/..%2f..%2fweb.go", status: 404, never: []string{"package web"}},
		{name: "the contract", path: "/openapi.json", status: 200, want: []string{`"openapi"`, "/v1/conversations/{id}/events"}, wantHeader: map[string]string{"Content-Type": "application/json"}},
		{name: "an unknown path", path: "/wp-admin", status: 404, want: []string{"no_such_path"}},
	})
}

// TestLinksLead follows every link of the home page, of a collection and of an article.
func TestLinksLead(t *testing.T) {
	b := setup(t)
	b.index()
	link := regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
	seen := map[string]bool{}
	for _, page := range []string{"/help?locale=de&market=de", "/help/c/security?locale=es&market=es", "/help/late-fees?locale=sv&market=se",
		"/help/merchant-fees?locale=en&market=us&audience=merchant", "/help/search?q=refund&locale=en&market=us"} {
		for _, m := range link.FindAllStringSubmatch(b.do("GET", page, "").body, -1) {
			path := strings.ReplaceAll(m[1], "&amp;", "&")
			if seen[path] || strings.HasPrefix(path, "/chat") { // the chat may not be built here
				continue
			}
			seen[path] = true
			if a := b.do("GET", path, ""); a.status != http.StatusOK {
				t.Errorf("%s leads to %s: %d", page, path, a.status)
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d links were found", len(seen))
	}
}

// hidden are articles that a consumer in gb must not see, each with a word that nothing else has.
func hidden(now time.Time) []kb.Document {
	doc := func(slug string, change func(*kb.Document)) kb.Document {
		d := kb.Document{Slug: slug, Collection: "secrets", Locale: "en", Audience: kb.Consumer, Title: "Zorblatt " + slug, Description: "Zorblatt.",
			Markdown: "The zorblatt of " + slug + " is due.\n\n## Zorblatt details\n\nMore on the zorblatt.\n"}
		change(&d)
		return d
	}
	return []kb.Document{
		doc("expired", func(d *kb.Document) { d.ValidTo = now.Add(-time.Hour).UTC().Truncate(time.Second) }),
		doc("not-yet", func(d *kb.Document) { d.ValidFrom = now.Add(time.Hour).UTC().Truncate(time.Second) }),
		doc("for-merchants", func(d *kb.Document) { d.Audience = kb.Merchant }),
		doc("for-sweden", func(d *kb.Document) { d.Markets = []string{"se"} }),
		doc("in-german", func(d *kb.Document) { d.Locale = "de" }),
		doc("taken-down", func(*kb.Document) {}),
	}
}

// TestHiddenArticles is promise 6 at every door of the help centre.
func TestHiddenArticles(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	docs := hidden(time.Now())
	if _, err := b.articles.Publish(ctx, docs, kb.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	b.index()
	if a := b.do("GET", "/help/taken-down?locale=en&market=gb", ""); a.status != 200 {
		t.Fatalf("an article that is published is not served: %d", a.status)
	}
	if a := b.do("GET", "/help/search?q=zorblatt&locale=en&market=gb", ""); !strings.Contains(a.body, "taken-down") {
		t.Fatal("an article that is published is not found")
	}
	if err := b.articles.Archive(ctx, "taken-down", ""); err != nil {
		t.Fatal(err)
	}
	b.index()
	reader := "locale=en&market=gb"
	scenarios := []scenario{
		{name: "search page", path: "/help/search?q=zorblatt&" + reader, status: 200, never: []string{"Zorblatt", "zorblatt of"}},
		{name: "search API", path: "/v1/help/search?q=zorblatt&" + reader, status: 200, never: []string{"Zorblatt", "zorblatt"}},
		{name: "collection", path: "/help/c/secrets?" + reader, status: 404, never: []string{"Zorblatt"}},
		{name: "home", path: "/help?" + reader, status: 200, never: []string{"/help/c/secrets"}},
		{name: "the right market", path: "/help/for-sweden?locale=en&market=se", status: 200, want: []string{"Zorblatt for-sweden"}},
		{name: "the right audience", path: "/help/for-merchants?audience=merchant&" + reader, status: 200, want: []string{"Zorblatt for-merchants"}},
		{name: "the right language", path: "/help/in-german?locale=de&market=gb", status: 200, want: []string{"Zorblatt in-german"}},
		{name: "the right audience in search", path: "/v1/help/search?q=zorblatt&audience=merchant&" + reader, status: 200, want: []string{"for-merchants"}, never: []string{"for-sweden", "expired", "not-yet", "taken-down"}},
	}
	for _, d := range docs {
		scenarios = append(scenarios,
			scenario{name: d.Slug + " page", path: "/help/" + d.Slug + "?" + reader, status: 404, want: []string{"We could not find this page"}, never: []string{"Zorblatt", "zorblatt of"}},
			scenario{name: d.Slug + " API", path: "/v1/help/articles/" + d.Slug + "?" + reader, status: 404, want: []string{`"article_not_found"`}, never: []string{"Zorblatt", "zorblatt of"}})
	}
	b.run(scenarios)
}

func TestHelpAPI(t *testing.T) {
	b := setup(t)
	b.index()
	b.run([]scenario{
		{name: "search", path: "/v1/help/search?q=late+fee&locale=en&market=gb", status: 200, want: []string{`"slug":"late-fees"`, `"url":"/help/late-fees?locale=en\u0026market=gb`}, never: []string{"<mark>", "merchant-fees"}},
		{name: "search without words", path: "/v1/help/search?q=+&locale=en", status: 422, want: []string{`"field":"q"`}},
		{name: "search in another market", path: "/v1/help/search?q=late+fee&locale=en&market=de", status: 200, want: []string{"Germany"}, never: []string{"United Kingdom, Spain"}},
		{name: "an unknown locale", path: "/v1/help/search?q=fee&locale=xx", status: 422, want: []string{`"field":"locale"`, `"unknown_locale"`}},
		{name: "an unknown market", path: "/v1/help/articles/late-fees?market=zz", status: 422, want: []string{`"field":"market"`}},
		{name: "an unknown audience", path: "/v1/help/articles/late-fees?audience=staff", status: 422, want: []string{`"field":"audience"`}},
		{name: "an article", path: "/v1/help/articles/late-fees?locale=en&market=gb", status: 200, want: []string{`"slug":"late-fees"`, `"toc":[{"id":`, `"collection":"paying"`}, never: []string{"<script"}},
		{name: "no such article", path: "/v1/help/articles/nope?locale=en&market=gb", status: 404, want: []string{`"article_not_found"`}, wantHeader: map[string]string{"Content-Type": "application/problem+json"}},
		{name: "contact options", path: "/v1/contact-options?locale=en&market=de", status: 200, want: []string{`"with":"assistant"`, `"with":"person"`, `"General support"`, `"Europe/Berlin"`, `"wait":null`}},
		{name: "contact options of a topic", path: "/v1/contact-options?locale=en&market=gb&topic=unauthorised_transaction", status: 200, want: []string{`"team":"Fraud"`, `"always_open":true`}},
		{name: "contact options of no topic", path: "/v1/contact-options?topic=gardening", status: 422, want: []string{`"field":"topic"`}},
		{name: "contact options of what is no topic", path: "/v1/contact-options?topic=none", status: 422, want: []string{`"field":"topic"`}},
		{name: "config", path: "/v1/config", status: 200, want: []string{`"company":"Larkpay"`}},
	})
}

// TestSearchFailedIsNotNothingFound is promise 9 in the help centre.
func TestSearchFailedIsNotNothingFound(t *testing.T) {
	b := setup(t, func(d *Deps) {
		gone := pgtest.New(t)
		gone.Close()
		d.Searcher = retrieval.New(gone, nil, retrieval.Options{})
	})
	b.run([]scenario{
		{name: "page", path: "/help/search?q=late+fee&locale=en&market=gb", status: 503, want: []string{"Search is not working at the moment", `role="alert"`, "/help/c/paying"}, never: []string{"Nothing found"},
			wantHeader: map[string]string{"Retry-After": "5", "Cache-Control": "no-store"}},
		{name: "page in German", path: "/help/search?q=Gebühr&locale=de&market=de", status: 503, want: []string{"Die Suche funktioniert gerade nicht"}, never: []string{"Nichts gefunden"}},
		{name: "API", path: "/v1/help/search?q=late+fee&locale=en&market=gb", status: 503, want: []string{`"search_failed"`}, never: []string{"results"}, wantHeader: map[string]string{"Retry-After": "5"}},
	})
}

func TestPagesWithoutDatabase(t *testing.T) {
	b := setup(t, func(d *Deps) {
		gone := pgtest.New(t)
		gone.Close()
		d.Articles = kb.NewStore(gone)
	})
	b.run([]scenario{
		{name: "home", path: "/help?locale=sv", status: 503, want: []string{"Något gick fel hos oss"}, never: []string{"pool", "kb:"}, wantHeader: map[string]string{"Retry-After": "5"}},
		{name: "article", path: "/help/late-fees?locale=en", status: 503, want: []string{"Something went wrong on our side"}, never: []string{"could not find"}},
	})
}

func TestFilesAreCached(t *testing.T) {
	b := setup(t)
	home := b.do("GET", "/help?locale=en&market=gb", "")
	css := regexp.MustCompile(`href="(/static/help-[0-9a-f]{16}\.css)"`).FindStringSubmatch(home.body)
	if css == nil {
		t.Fatal("the page has no style sheet with a fingerprint")
	}
	zipped := b.do("GET", css[1], "", "Accept-Encoding", "gzip")
	if zipped.header.Get("Content-Encoding") != "gzip" || zipped.header.Get("Content-Type") != "text/css; charset=utf-8" ||
		zipped.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("headers of the style sheet: %v", zipped.header)
	}
	plain := b.do("GET", css[1], "", "Accept-Encoding", "gzip;q=0")
	if plain.header.Get("Content-Encoding") != "" || len(plain.body) <= len(zipped.body) {
		t.Errorf("refused compression was used: %v", plain.header)
	}
	for _, path := range []string{css[1], "/openapi.json", "/help?locale=en&market=gb"} {
		first := b.do("GET", path, "")
		again := b.do("GET", path, "", "If-None-Match", `"other", `+first.header.Get("ETag"))
		if first.header.Get("ETag") == "" || again.status != http.StatusNotModified || again.body != "" {
			t.Errorf("%s: ETag %q, then %d with %d bytes", path, first.header.Get("ETag"), again.status, len(again.body))
		}
	}
	// A cached page does not outlive its article (promise 6).
	page := b.do("GET", "/help/late-fees?locale=en&market=gb", "")
	if err := b.articles.Unpublish(t.Context(), "late-fees", "", "en"); err != nil {
		t.Fatal(err)
	}
	if a := b.do("GET", "/help/late-fees?locale=en&market=gb", "", "If-None-Match", page.header.Get("ETag")); a.status != http.StatusNotFound {
		t.Errorf("a page that was taken down: %d", a.status)
	}
	if a := b.do("HEAD", "/help?locale=en&market=gb", ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d with %d bytes", a.status, len(a.body))
	}
}

func TestShells(t *testing.T) {
	s := &Server{Deps: Deps{Site: demoSite}}
	p, err := newPageServer(s)
	if err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/chat", p.page(p.shell(fstest.MapFS{"chat.html": {Data: []byte("<title>Chat</title>")}}, "chat.html")))
	r.GET("/desk", p.page(p.shell(fstest.MapFS{}, "desk.html")))
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		return w
	}
	if w := get("/chat"); w.Code != 200 || w.Body.String() != "<title>Chat</title>" || w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("a page that was built: %d %v\n%s", w.Code, w.Header(), w.Body)
	}
	if w := get("/desk"); w.Code != 503 || !strings.Contains(w.Body.String(), "make build") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a page that was not built: %d %v\n%s", w.Code, w.Header(), w.Body)
	}
}

// TestWaits: what the desk knows of its own waits is said to whoever asks how to reach it.
func TestWaits(t *testing.T) {
	b := setup(t)
	b.person("ada@larkpay.example", "agent", "token", "fraud")
	for range 5 {
		id, token := b.conversation("gb", "en")
		if a := b.do("POST", "/v1/conversations/"+id+"/handoff", "{}", "Authorization", "Bearer "+token); a.status != 202 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		_, err := b.pool.Exec(t.Context(), `UPDATE handoffs SET team = 'fraud', state = 'resolved', queued_at = now() - interval '2 hours', accepted_at = now() - interval '10 minutes',
			ended_at = now() WHERE conversation_id = $1`, id)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE agents SET presence = 'online', connected_until = now() + interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	channels, ok := b.do("GET", "/v1/contact-options?locale=en&market=gb&topic=unauthorised_transaction", "").json(t)["channels"].([]any) // whose team is always there
	if !ok || len(channels) != 3 {
		t.Fatal("there are no three channels")
	}
	got, want := channels[2].(map[string]any)["wait"], map[string]any{"low_seconds": 30.0, "high_seconds": 60.0} // she is free
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestTextsAreComplete(t *testing.T) {
	verbs := regexp.MustCompile(`%[sd]`)
	for key, texts := range pageTexts {
		for i, text := range texts {
			if text == "" {
				t.Errorf("%s has no text in %s", key, pageLocales[i])
			}
			if got, want := strings.Join(verbs.FindAllString(text, -1), " "), strings.Join(verbs.FindAllString(texts[0], -1), " "); got != want {
				t.Errorf("%s in %s takes %q, in English %q", key, pageLocales[i], got, want)
			}
		}
	}
	for key, texts := range helpTexts {
		for i, text := range texts {
			if text == "" || strings.Join(regexp.MustCompile(`%[sd]|\{[nq]\}`).FindAllString(text, -1), " ") != strings.Join(regexp.MustCompile(`%[sd]|\{[nq]\}`).FindAllString(texts[0], -1), " ") {
				t.Errorf("%s in %s is %q, in English %q", key, helpLocales[i], text, texts[0])
			}
		}
		if pageTexts[key][0] != "" {
			t.Errorf("%s is in both lists of texts", key)
		}
	}
	// Every key that a template or a handler asks for exists.
	asked := regexp.MustCompile(`\.T "([a-z_]+)"`)
	entries, err := pageFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		body, err := pageFiles.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asked.FindAllStringSubmatch(string(body), -1) {
			if n++; pageTexts[m[1]][0] == "" && helpTexts[m[1]][0] == "" {
				t.Errorf("%s asks for a text %q that does not exist", e.Name(), m[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d texts are asked for", n)
	}
}
