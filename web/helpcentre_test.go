package web

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

const helpURL = "https://help.larkpay.example"

func withURL(d *Deps) { d.URL = helpURL }

// helpDoors are the outputs that list articles, for a consumer in gb who reads English.
var helpDoors = map[string]string{
	"suggestions":      "/v1/help/suggest?q=zorbl&locale=en&market=gb",
	"titles typed":     "/v1/help/suggest?q=zorblatt+seen&locale=en&market=gb",
	"misspelt":         "/v1/help/suggest?q=zorblat+detials&locale=en&market=gb",
	"feed":             "/help/feed.atom?locale=en&market=gb",
	"related articles": "/help/seen?locale=en&market=gb",
	"search page":      "/help/search?q=zorblatt&locale=en&market=gb",
	"collection":       "/help/c/secrets?locale=en&market=gb",
	"home":             "/help?locale=en&market=gb",
	"chat starters":    "/v1/help/starters?locale=en&market=gb",
	"an article's":     "/v1/help/starters?article=%s&locale=en&market=gb",
	"contact":          "/contact?article=%s&locale=en&market=gb",
}

// TestHiddenEverywhere is promise 6 at the doors of this file: what a reader must not open is in none of them, and what they
// may open shows that the door is open at all.
func TestHiddenEverywhere(t *testing.T) {
	b := setup(t, withURL)
	ctx := t.Context()
	docs := hidden(time.Now())
	seen := docs[0]
	seen.Slug, seen.Title, seen.ValidTo = "seen", "Zorblatt seen", time.Time{}
	other := seen
	other.Slug, other.Title, other.Markdown = "also-seen", "Zorblatt also", "The zorblatt of others is due as well.\n"
	if _, err := b.articles.Publish(ctx, append([]kb.Document{seen, other}, docs...), kb.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.articles.Archive(ctx, "taken-down", ""); err != nil {
		t.Fatal(err)
	}
	b.index()
	for name, path := range helpDoors {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(path, "%s") {
				for _, d := range docs {
					if a := b.do("GET", fmt.Sprintf(path, d.Slug), ""); a.status != 200 || strings.Contains(a.body, d.Slug) {
						t.Errorf("%s is told of (%d)", d.Slug, a.status)
					}
				}
				return
			}
			a := b.do("GET", path, "")
			if a.status != 200 || name != "home" && !strings.Contains(a.body, "seen") {
				t.Errorf("what may be read is not there: %d\n%.1500s", a.status, a.body)
			}
			for _, d := range docs {
				if strings.Contains(a.body, "/"+d.Slug+"?") || strings.Contains(a.body, d.Title) {
					t.Errorf("%s is told of", d.Slug)
				}
			}
		})
	}
	related := b.do("GET", "/help/seen?locale=en&market=gb", "").body
	if !strings.Contains(related, "Zorblatt also") {
		t.Error("the article that shares its words is not related")
	}
	// The map has every page for those who may open it, and under no other address.
	locs := b.sitemap("/sitemap.xml")
	for slug, want := range map[string][]string{
		"expired": nil, "not-yet": nil, "taken-down": nil, "for-merchants": {"/help/for-merchants?audience=merchant&locale=en"},
		"for-sweden": {"/help/for-sweden?locale=en&market=se"}, "in-german": {"/help/in-german?locale=de"}, "seen": {"/help/seen?locale=en"},
	} {
		var got []string
		for _, l := range locs {
			if strings.HasPrefix(l, helpURL+"/help/"+slug+"?") {
				got = append(got, strings.TrimPrefix(l, helpURL))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s in the sitemap (-want +got):\n%s", slug, diff)
		}
	}
	// Votes are no way to find out what there is.
	for _, d := range docs {
		a := b.do("POST", "/v1/help/articles/"+d.Slug+"/feedback?locale=en&market=gb", `{"helpful":true}`)
		f := b.do("POST", "/help/"+d.Slug+"/feedback?locale=en&market=gb", "helpful=yes", "Content-Type", "application/x-www-form-urlencoded")
		if a.status != 404 || f.status != 404 || strings.Contains(a.body+f.body, d.Title) {
			t.Errorf("a vote on %s: %d and %d", d.Slug, a.status, f.status)
		}
	}
	// A validity that ends while a feed is in a cache ends there too: each use asks again.
	first := b.do("GET", "/help/feed.atom?locale=en&market=gb", "")
	if err := b.articles.Archive(ctx, "seen", ""); err != nil {
		t.Fatal(err)
	}
	again := b.do("GET", "/help/feed.atom?locale=en&market=gb", "", "If-None-Match", first.header.Get("ETag"))
	if first.header.Get("Cache-Control") != "no-cache" || again.status != 200 || strings.Contains(again.body, "/seen?") {
		t.Errorf("the feed kept what was taken down: %d %q", again.status, first.header.Get("Cache-Control"))
	}
}

// sitemap returns the addresses of a map, and checks that each leads to a page that calls itself by it.
func (b *bundle) sitemap(path string) []string {
	b.t.Helper()
	a := b.do("GET", path, "")
	var set struct {
		URLs []struct {
			Loc     string `xml:"loc"`
			LastMod string `xml:"lastmod"`
		} `xml:"url"`
	}
	if err := xml.Unmarshal([]byte(a.body), &set); a.status != 200 || err != nil {
		b.t.Fatalf("%d %v\n%.500s", a.status, err, a.body)
	}
	var locs []string
	for _, u := range set.URLs {
		if _, err := time.Parse(time.RFC3339, u.LastMod); err != nil {
			b.t.Errorf("%s: lastmod %q", u.Loc, u.LastMod)
		}
		locs = append(locs, u.Loc)
	}
	return locs
}

// TestSitemap: every address of the map is of a page that calls itself so, and stands there once.
func TestSitemap(t *testing.T) {
	b := setup(t, withURL)
	locs := b.sitemap("/sitemap.xml")
	if len(locs) < 200 || len(slices.Compact(slices.Sorted(slices.Values(locs)))) != len(locs) {
		t.Errorf("%d addresses, some twice", len(locs))
	}
	canonical := regexp.MustCompile(`<link rel="canonical" href="([^"]+)">`)
	for i, loc := range locs {
		if i%7 != 0 { // each takes a page
			continue
		}
		a := b.do("GET", strings.TrimPrefix(loc, helpURL), "")
		m := canonical.FindStringSubmatch(a.body)
		if a.status != 200 || m == nil || strings.ReplaceAll(m[1], "&amp;", "&") != loc {
			t.Errorf("%s: %d, calls itself %v", loc, a.status, m)
		}
	}
	if a := b.do("GET", "/robots.txt", ""); !strings.Contains(a.body, "Sitemap: "+helpURL+"/sitemap.xml\n") || !strings.Contains(a.body, "Disallow: /v1/") {
		t.Errorf("robots.txt: %s", a.body)
	}
	for _, path := range []string{"/sitemap/2.xml", "/sitemap/0.xml", "/sitemap/01.xml", "/sitemap/1", "/sitemap/x.xml", "/sitemap/-1.xml"} {
		if a := b.do("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	// More than fit into one file become an index of files that together have the same.
	p, err := newPageServer(b.server)
	if err != nil {
		t.Fatal(err)
	}
	p.perSitemap = 100
	b.server.engine.GET("/small/sitemap.xml", p.page(p.sitemap))
	b.server.engine.GET("/small/sitemap/:part", p.page(p.sitemap))
	get := func(path string) string {
		resp, err := http.Get(b.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var sb strings.Builder
		if _, err := fmt.Fprint(&sb, resp.StatusCode, " "); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 1<<20)
		n, _ := readFull(resp.Body, body)
		return sb.String() + string(body[:n])
	}
	index := get("/small/sitemap.xml")
	files := (len(locs) + 99) / 100
	if strings.Count(index, "<sitemap>") != files {
		t.Errorf("an index of %d files: %.600s", files, index)
	}
	n := 0
	for i := range files {
		n += strings.Count(get(fmt.Sprintf("/small/sitemap/%d.xml", i+1)), "<url>")
	}
	if n != len(locs) {
		t.Errorf("the files have %d addresses of %d", n, len(locs))
	}
}

func readFull(r interface{ Read([]byte) (int, error) }, p []byte) (n int, err error) {
	for n < len(p) {
		m, err := r.Read(p[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// TestAddressIsTheInstallations: nothing that search engines and caches keep begins with what a request calls the host.
func TestAddressIsTheInstallations(t *testing.T) {
	b := setup(t, withURL)
	b.index()
	for _, path := range []string{"/help?locale=en&market=gb", "/help/c/paying?locale=en&market=gb", "/help/late-fees?locale=en&market=gb", "/contact?locale=en",
		"/help/feed.atom?locale=en&market=gb", "/sitemap.xml", "/robots.txt"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", b.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "evil.example"
		req.Header.Set("X-Forwarded-Host", "evil.example")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 1<<20)
		n, _ := readFull(resp.Body, body)
		_ = resp.Body.Close()
		if text := string(body[:n]); strings.Contains(text, "evil.example") || !strings.Contains(text, helpURL) {
			t.Errorf("%s has %s, or not its own address", path, "evil.example")
		}
	}
}

// TestCanonicalCountry: one text has one address, and a text of another country another.
func TestCanonicalCountry(t *testing.T) {
	b := setup(t, withURL)
	b.index()
	want := func(path, loc string) {
		t.Helper()
		if a := b.do("GET", path, ""); !strings.Contains(a.body, `<link rel="canonical" href="`+helpURL+strings.ReplaceAll(loc, "&", "&amp;")+`">`) {
			t.Errorf("%s does not call itself %s", path, loc)
		}
	}
	want("/help/move-due-date?locale=en&market=se", "/help/move-due-date?locale=en")
	want("/help/late-fees?locale=en&market=gb", "/help/late-fees?locale=en&market=gb")
	want("/help/late-fees?locale=en&market=se", "/help/late-fees?locale=en&market=gb") // the same text as in gb
	want("/help/late-fees?locale=de&market=de", "/help/late-fees?locale=de&market=de")
	want("/help/late-fees?locale=en&market=de", "/help/late-fees?locale=en&market=de")
	want("/help/pay-early?locale=de&market=de", "/help/pay-early?locale=en") // not translated
}

// TestDataForSearchEngines: what stands in a script element is data, whatever an article is called, and says what is true.
func TestDataForSearchEngines(t *testing.T) {
	b := setup(t, withURL)
	title := `</script><script>alert(1)</script> & "quotes" <!--`
	doc := func(slug, markdown string) kb.Document {
		return kb.Document{Slug: slug, Collection: "paying", Locale: "en", Audience: kb.Consumer, Title: title, Description: title, Markdown: markdown}
	}
	_, err := b.articles.Publish(t.Context(), []kb.Document{
		doc("asked", "Lead.\n\n## Is </script> safe?\n\nYes, `</script><img src=x onerror=alert(1)>` is.\n\n## And when?\n\nAlways. 1 < 2 & so on.\n\n## When to contact us\n\nWrite to us.\n"),
		doc("told", "Lead.\n\n## Is it?\n\nYes.\n\n## It is\n\nYes.\n\n## And that?\n\nYes.\n"),
		doc("single", "Lead.\n\n## Is it?\n\nYes.\n"),
		doc("empty-answer", "Lead.\n\n## Is it?\n\n## And that?\n\nYes.\n"),
	}, kb.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.index()
	data := regexp.MustCompile(`(?s)<script type="application/ld\+json">(.*?)</script>`)
	kinds := func(path string) map[string]map[string]any {
		body := b.do("GET", path, "").body
		if strings.Contains(body, "alert(1)</script>") || strings.Contains(body, "<img src=x") || strings.Count(body, "<script") != strings.Count(body, "</script>") {
			t.Errorf("%s: something came out of its element", path)
		}
		out := map[string]map[string]any{}
		for _, m := range data.FindAllStringSubmatch(body, -1) {
			var v map[string]any
			if err := json.Unmarshal([]byte(m[1]), &v); err != nil {
				t.Fatalf("%s: no JSON: %v\n%s", path, err, m[1])
			}
			out[v["@type"].(string)] = v
		}
		return out
	}
	asked := kinds("/help/asked?locale=en&market=gb")
	faq := asked["FAQPage"]
	if faq == nil {
		t.Fatal("an article of questions is not one")
	}
	questions := faq["mainEntity"].([]any)
	first, second := questions[0].(map[string]any), questions[1].(map[string]any)
	if len(questions) != 2 || second["name"] != "And when?" || second["acceptedAnswer"].(map[string]any)["text"] != "Always. 1 < 2 & so on." ||
		!strings.Contains(first["acceptedAnswer"].(map[string]any)["text"].(string), "</script><img src=x onerror=alert(1)>") {
		t.Errorf("the questions: %v", questions)
	}
	crumbs := asked["BreadcrumbList"]["itemListElement"].([]any)
	if last := crumbs[2].(map[string]any); len(crumbs) != 3 || last["name"] != title || last["item"] != helpURL+"/help/asked?locale=en&market=gb" {
		t.Errorf("the way to the article: %v", crumbs)
	}
	for _, slug := range []string{"told", "single", "empty-answer"} {
		if k := kinds("/help/" + slug + "?locale=en&market=gb"); k["FAQPage"] != nil || k["BreadcrumbList"] == nil {
			t.Errorf("%s is %v", slug, k)
		}
	}
	if kinds("/help/c/paying?locale=en&market=gb")["BreadcrumbList"] == nil {
		t.Error("a collection has no way to it")
	}
	var feed struct {
		Entries []struct {
			ID    string `xml:"id"`
			Title string `xml:"title"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(b.do("GET", "/help/feed.atom?locale=en&market=gb", "").body), &feed); err != nil || len(feed.Entries) != maxFeed || feed.Entries[0].Title != title {
		t.Errorf("the feed: %v, %d entries, %q", err, len(feed.Entries), feed.Entries[0].Title)
	}
}

// TestFeedOfChanges: a change comes first and is called one, and an article keeps its id over it.
func TestFeedOfChanges(t *testing.T) {
	b := setup(t, withURL)
	type entry struct {
		ID       string `xml:"id"`
		Title    string `xml:"title"`
		Updated  string `xml:"updated"`
		Category []struct {
			Term string `xml:"term,attr"`
		} `xml:"category"`
	}
	read := func() []entry {
		var feed struct {
			Entries []entry `xml:"entry"`
		}
		if err := xml.Unmarshal([]byte(b.do("GET", "/help/feed.atom?locale=sv&market=se", "").body), &feed); err != nil || len(feed.Entries) == 0 {
			t.Fatal(err, len(feed.Entries))
		}
		return feed.Entries
	}
	doc := kb.Document{Slug: "news", Collection: "paying", Locale: "sv", Audience: kb.Consumer, Title: "Nytt", Description: "Nytt.", Markdown: "Ett.\n"}
	publish := func() {
		t.Helper()
		if _, err := b.articles.Publish(t.Context(), []kb.Document{doc}, kb.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	before := read()[0]
	doc.Title, doc.Markdown = "Nyare", "Två.\n"
	publish()
	after := read()[0]
	if before.Title != "Nytt" || before.Category[0].Term != "new" || after.Title != "Nyare" || after.Category[0].Term != "changed" || before.ID != after.ID || after.Updated < before.Updated {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestHelpSuggestions(t *testing.T) {
	b := setup(t)
	b.index()
	b.run([]scenario{
		{name: "what a chat may begin with", path: "/v1/help/starters?locale=de&market=de", status: 200, want: []string{`"starters":[{"text":"`, `"locale":"de"`}, never: []string{`"locale":"en"`}},
		{name: "the same of an article", path: "/v1/help/starters?locale=en&market=gb&article=late-fees", status: 200, want: []string{`"slug":"late-fees"`}},
		{name: "the same of an article that there is not", path: "/v1/help/starters?locale=en&market=gb&article=no-such-thing", status: 200, want: []string{`"starters":[{"text":"`}},
		{name: "an unfinished word", path: "/v1/help/suggest?q=ref&locale=en&market=gb", status: 200, want: []string{`"collection_name":"Refunds and problems"`, "efund"}},
		{name: "a misspelt word", path: "/v1/help/suggest?q=refnd+not+recieved&locale=en&market=gb", status: 200, want: []string{`"slug":"refund-`}},
		{name: "without accents", path: "/v1/help/suggest?q=zahlung+fruher&locale=de&market=de", status: 200, want: []string{`"suggestions":[{`}},
		{name: "in the reader's language first", path: "/v1/help/suggest?q=avgift&locale=sv&market=se", status: 200, want: []string{`"locale":"sv"`}},
		{name: "one letter", path: "/v1/help/suggest?q=r&locale=en&market=gb", status: 200, want: []string{`"suggestions":[]`}},
		{name: "nothing", path: "/v1/help/suggest?locale=en&market=gb", status: 200, want: []string{`"suggestions":[]`}},
		{name: "no words", path: "/v1/help/suggest?q=%3F%3F%3F&locale=en&market=gb", status: 200, want: []string{`"suggestions":[]`}},
		{name: "words of no article", path: "/v1/help/suggest?q=zorblatt+pizza&locale=en&market=gb", status: 200, want: []string{`"suggestions":[]`}},
		{name: "another country's text", path: "/v1/help/suggest?q=late+payment+costs&locale=en&market=de", status: 200, want: []string{"Germany"}, never: []string{"United Kingdom"}},
		{name: "a merchant's own", path: "/v1/help/suggest?q=settlement&locale=en&market=gb&audience=merchant", status: 200, want: []string{"audience=merchant"}},
		{name: "an unknown locale", path: "/v1/help/suggest?q=fee&locale=xx", status: 422, want: []string{`"field":"locale"`}},
	})
	broken := setup(t, func(d *Deps) {
		gone := pgtest.New(t)
		gone.Close()
		d.Searcher = retrieval.New(gone, nil, retrieval.Options{})
	})
	broken.run([]scenario{{name: "a search that failed is not nothing", path: "/v1/help/suggest?q=refund&locale=en&market=gb", status: 503, want: []string{`"search_failed"`}},
		{name: "an article is read without it", path: "/help/late-fees?locale=en&market=gb", status: 200, want: []string{"days of grace"}, never: []string{`id="related"`}}})
}

// TestHelpIsLimited: one address may not ask for ever.
func TestHelpIsLimited(t *testing.T) {
	b := setup(t, withURL, func(d *Deps) { d.Limit = 1 })
	for _, tt := range []struct {
		method, path, body string
		limit              int
	}{{"GET", "/v1/help/suggest?q=r", "", suggestsPerMinute}, {"GET", "/robots.txt", "", 0}, {"GET", "/help/feed.atom?locale=es&audience=merchant", "", listsPerMinute},
		{"POST", "/v1/help/articles/nope/feedback", `{"helpful":true}`, judgementsOfMinute}} {
		refused := 0
		for range tt.limit + 30 {
			if a := b.do(tt.method, tt.path, tt.body); a.status == 429 {
				refused++
			}
		}
		if (refused > 0) != (tt.limit > 0) || refused > 30 {
			t.Errorf("%s: %d of %d refused", tt.path, refused, tt.limit+30)
		}
	}
}

// TestVotes: by the API and by the form of the page, which needs no script.
func TestVotes(t *testing.T) {
	b := setup(t, withURL)
	b.index()
	const api = "/v1/help/articles/late-fees/feedback?locale=en&market=gb"
	admin := b.person("root@larkpay.example", "admin", "token")
	vote := b.do("POST", api, `{"helpful":false}`)
	if vote.status != 201 {
		t.Fatalf("%d %s", vote.status, vote.body)
	}
	id := vote.json(t)["vote"].(string)
	b.run([]scenario{
		{name: "a reason later", method: "POST", path: api, body: `{"helpful":false,"vote":"` + id + `","reason":"outdated","comment":"I paid with 4111 1111 1111 1111 <b>twice</b>"}`, status: 200, want: []string{id}},
		{name: "it helped", method: "POST", path: api, body: `{"helpful":true}`, status: 201},
		{name: "neither yes nor no", method: "POST", path: api, body: `{}`, status: 422, want: []string{`"field":"helpful"`}},
		{name: "an unknown reason", method: "POST", path: api, body: `{"helpful":false,"reason":"because"}`, status: 422, want: []string{`"field":"reason"`}},
		{name: "a reason for what helped", method: "POST", path: api, body: `{"helpful":true,"reason":"wrong"}`, status: 422, want: []string{`"field":"reason"`}},
		{name: "too long", method: "POST", path: api, body: `{"helpful":false,"comment":"` + strings.Repeat("x", maxNote+1) + `"}`, status: 422, want: []string{`"field":"comment"`}},
		{name: "what is no id", method: "POST", path: api, body: `{"helpful":true,"vote":"1"}`, status: 422, want: []string{`"field":"vote"`}},
		{name: "nobody's vote", method: "POST", path: api, body: `{"helpful":true,"vote":"` + uuid.NewString() + `"}`, status: 404, want: []string{"vote_not_found"}},
		{name: "a vote on another article", method: "POST", path: "/v1/help/articles/move-due-date/feedback?locale=en&market=gb", body: `{"helpful":true,"vote":"` + id + `"}`, status: 404},
		{name: "no such article", method: "POST", path: "/v1/help/articles/nope/feedback?locale=en", body: `{"helpful":true}`, status: 404, want: []string{"article_not_found"}},
		{name: "the form of another site", method: "POST", path: "/help/late-fees/feedback?locale=en&market=gb", body: "helpful=yes", status: 403,
			headers: []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example"}},
		{name: "a form without an answer", method: "POST", path: "/help/late-fees/feedback?locale=en&market=gb", body: "reason=wrong", status: 422, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{name: "what is not the form", method: "POST", path: "/help/late-fees/feedback?locale=en&market=gb", body: `{"helpful":true}`, status: 422},
		{name: "not for customers", path: "/v1/admin/help/feedback", status: 401},
		{name: "too many days", path: "/v1/admin/help/feedback?days=1000", status: 422, want: []string{`"field":"days"`}, headers: []string{"Authorization", "Bearer " + admin}},
	})
	form := func(path string, values url.Values) answer {
		return b.do("POST", path, values.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", b.url, "Sec-Fetch-Site", "same-origin")
	}
	no := form("/help/late-fees/feedback?locale=en&market=gb", url.Values{"helpful": {"no"}})
	to := no.header.Get("Location")
	if no.status != 303 || !strings.HasPrefix(to, "/help/late-fees?locale=en&market=gb&said=no&vote=") || !strings.HasSuffix(to, "#helpful") {
		t.Fatalf("%d %s", no.status, to)
	}
	page := b.do("GET", strings.TrimSuffix(to, "#helpful"), "")
	hiddenVote := regexp.MustCompile(`name="vote" value="([0-9a-f-]{36})"`).FindStringSubmatch(page.body)
	if hiddenVote == nil || !strings.Contains(page.body, "What was the problem?") || page.header.Get("Cache-Control") != "no-store" ||
		!strings.Contains(page.body, `<link rel="canonical" href="`+helpURL+`/help/late-fees?locale=en&amp;market=gb">`) {
		t.Fatalf("the page that asks why: %v", page.header)
	}
	why := form("/help/late-fees/feedback?locale=en&market=gb", url.Values{"helpful": {"no"}, "vote": {hiddenVote[1]}, "reason": {"unclear"}})
	if why.status != 303 || !strings.Contains(why.header.Get("Location"), "said=noted") {
		t.Errorf("%d %s", why.status, why.header.Get("Location"))
	}
	if a := b.do("GET", "/help/late-fees?locale=en&market=gb&said=noted", ""); !strings.Contains(a.body, "The people who write these articles will read it.") {
		t.Error("no thanks")
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE article_feedback SET at = at - interval '2 hours' WHERE id = $1`, hiddenVote[1]); err != nil {
		t.Fatal(err)
	}
	if a := b.do("POST", api, `{"helpful":true,"vote":"`+hiddenVote[1]+`"}`); a.status != 404 {
		t.Errorf("a vote of two hours ago was changed: %d", a.status)
	}
	got := b.do("GET", "/v1/admin/help/feedback", "", "Authorization", "Bearer "+admin)
	var list struct {
		Articles []kb.Judged `json:"articles"`
	}
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || len(list.Articles) != 1 {
		t.Fatalf("%v %s", err, got.body)
	}
	j := list.Articles[0]
	if len(j.Comments) != 1 || strings.Contains(got.body, "4111 1111 1111 1111") || !strings.Contains(j.Comments[0].Comment, "ending 1111]") {
		t.Errorf("the comments: %+v", j.Comments)
	}
	j.Comments, j.Title = nil, ""
	if diff := cmp.Diff(kb.Judged{Slug: "late-fees", Locale: "en", Version: 1, Helpful: 1, NotHelpful: 2, Reasons: map[string]int{"outdated": 1, "unclear": 1}}, j); diff != "" {
		t.Error(diff)
	}
	session := b.person("root@larkpay.example", "admin", "session")
	b.run([]scenario{
		{name: "the admins' page", path: "/admin/help", status: 200, want: []string{"It is out of date: 1", "&lt;b&gt;twice", "What a late payment costs"}, never: []string{"<b>twice"}, headers: []string{"Cookie", "firstline_session=" + session}},
		{name: "only theirs", path: "/admin/help", status: 401, never: []string{"twice"}},
	})
}

// TestContactIsHonest: hours and waits as they are, and unknown where nobody knows.
func TestContactIsHonest(t *testing.T) {
	now := time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC) // a Monday
	at := func(h time.Duration) *time.Time { x := now.Add(h * time.Hour); return &x }
	london := &handoff.Schedule{TimeZone: "Europe/London"}
	for _, tt := range []struct {
		o    contactOption
		want string
	}{
		{contactOption{Open: true, AlwaysOpen: true}, "Open day and night"},
		{contactOption{Open: true, ClosesAt: at(8), Hours: london}, "Open now, until today, 18:00 (London time)"},
		{contactOption{OpensAt: at(23), Hours: london}, "Closed until tomorrow, 09:00 (London time)"},
		{contactOption{OpensAt: at(72), Hours: london}, "Closed until Thursday, 10:00 (London time)"},
		{contactOption{OpensAt: at(24 * 30), Hours: &handoff.Schedule{TimeZone: "America/New_York"}}, "Closed until 2026-04-08, 06:00 (New York time)"},
		{contactOption{}, "Closed at the moment"},
	} {
		if got := openText("en", tt.o, now); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	for _, tt := range []struct {
		w    *handoff.Wait
		want string
	}{{nil, "not known"}, {&handoff.Wait{LowSeconds: 10, HighSeconds: 50}, "about a minute"}, {&handoff.Wait{LowSeconds: 60, HighSeconds: 90}, "about 1 to 2 minutes"},
		{&handoff.Wait{LowSeconds: 170, HighSeconds: 301}, "about 2 to 6 minutes"}, {&handoff.Wait{LowSeconds: 120, HighSeconds: 120}, "about 2 minutes"}} {
		if got := waitText("en", tt.w); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	b := setup(t, withURL)
	b.index()
	if err := b.desk.SaveShelves(t.Context(), map[string]string{"paying": "money", "app": "howto"}); err != nil {
		t.Fatal(err)
	}
	b.run([]scenario{
		{name: "an article about money", path: "/help/late-fees?locale=en&market=gb", status: 200, want: []string{"Talk to a person", "Which purchase it is about", `href="/chat?article=late-fees&amp;locale=en&amp;market=gb"`, "We never ask for your password",
			`<a href="#when-to-contact-us">`}},
		{name: "an article about the app", path: "/help/app-crashes?locale=en&market=gb", status: 200, want: []string{"The e-mail address of your account"}, never: []string{"Which purchase it is about"}},
		{name: "in Swedish", path: "/contact?locale=sv&market=se", status: 200, want: []string{"<h1>Kontakta oss</h1>", "Prata med en människa"}},
		{name: "about an article", path: "/contact?locale=en&market=gb&article=late-fees", status: 200, want: []string{"Which purchase", "article=late-fees"}},
		{name: "the API", path: "/v1/contact-options?locale=en&market=gb&article=late-fees", status: 200, want: []string{`"ready":["email","purchase","reference"]`}},
		{name: "the API about no article", path: "/v1/contact-options?locale=en&market=gb", status: 200, want: []string{`"ready":["email","reference"]`}},
		{name: "the API about an unknown article", path: "/v1/contact-options?locale=en&market=gb&article=nope", status: 422, want: []string{`"field":"article"`}},
	})
}

// TestArticlePage: links at headings, room for pictures, and a policy that lets in the hosts of its pictures alone.
func TestArticlePage(t *testing.T) {
	b := setup(t, withURL)
	_, err := b.articles.Publish(t.Context(), []kb.Document{{Slug: "pictured", Collection: "app", Locale: "en", Audience: kb.Consumer, Title: "Pictured", Description: "With pictures.",
		Markdown: "![A](https://cdn.example/a.png#640x360) ![B](/static/b.png#1x99999) ![C](https://cdn.example/c.png) ![D](https://evil.example;script-src/x.png)\n\n## Is <it> \"so\"?\n\nYes.\n"}}, kb.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.index()
	a := b.do("GET", "/help/pictured?locale=en&market=gb", "")
	for _, want := range []string{`<img src="https://cdn.example/a.png" width="640" height="360"`, `loading="lazy"`, `<a class="anchor" href="#is-so" aria-label="Link to the section “Is &#34;so&#34;?”">`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %s\n%s", want, a.body[strings.Index(a.body, "<article"):])
		}
	}
	if got, want := a.header.Get("Content-Security-Policy"), strings.Replace(contentPolicy, "img-src 'self'", "img-src 'self' https://cdn.example", 1); got != want {
		t.Errorf("the policy is %q", got)
	}
	zipped := b.do("GET", "/help/pictured?locale=en&market=gb", "", "Accept-Encoding", "gzip")
	if zipped.header.Get("Content-Encoding") != "gzip" || zipped.header.Get("ETag") != a.header.Get("ETag") || len(zipped.body)*2 > len(a.body) {
		t.Errorf("%d bytes instead of %d: %v", len(zipped.body), len(a.body), zipped.header)
	}
}
