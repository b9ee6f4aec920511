package web

import (
	"cmp"
	"context"
	"html"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// helpTemplates are the pages that everybody may see.
var helpTemplates = []string{"home", "results", "collection", "article", "guide", "contact"}

// helpPages registers what the help centre has beside its reading pages.
func (p *pageServer) helpPages(r *gin.Engine) {
	get := func(path string, h func(*gin.Context) error) {
		r.GET(path, p.page(h))
		r.HEAD(path, p.page(h))
	}
	get("/help/feed.atom", p.feed)
	get("/help/:slug/guide", p.guide)
	get("/contact", p.contactPage)
	get("/sitemap.xml", p.sitemap)
	get("/sitemap/:part", p.sitemap)
	get("/robots.txt", p.robots)
	r.POST("/help/:slug/feedback", p.page(p.judgeForm))
	p.templates["admin_help"] = template.Must(template.ParseFS(pageFiles, "templates/admin_layout.html", "templates/admin_help.html")) // embedded
	get("/admin/help", p.forAdmin(p.adminHelp))
}

// scriptOf is the address of the help centre's script among the files that the web build made.
func scriptOf(assets map[string]asset) string {
	for path := range assets {
		if strings.HasPrefix(path, "/assets/helpcentre-") && strings.HasSuffix(path, ".js") {
			return path
		}
	}
	return ""
}

// inCollection lists the articles of a collection that a reader may open, each in the locale that they would open it in:
// the reader's own language first.
func (p *pageServer) inCollection(ctx context.Context, r reader, key string) ([]entryLink, error) {
	if !slugPattern.MatchString(key) {
		return nil, nil
	}
	all, err := p.Articles.Contents(ctx, r.Market, r.Locale, r.Audience)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e kb.Entry) bool { return e.Collection != key || e.Audience != r.Audience })
	slices.SortFunc(all, func(a, b kb.Entry) int {
		return cmp.Or(cmp.Compare(r.distance(a.Locale), r.distance(b.Locale)), cmp.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)))
	})
	out := make([]entryLink, 0, len(all))
	for _, e := range all {
		out = append(out, entryLink{Slug: e.Slug, Title: e.Title, Description: e.Description, URL: r.Article(e.Slug, ""), Locale: e.Locale})
	}
	return out, nil
}

// inShort describes a collection by its first titles, as many as search engines show.
func inShort(name string, articles []entryLink) string {
	text := name
	for i, a := range articles {
		if len([]rune(text))+len([]rune(a.Title)) > 155 {
			break
		}
		text += []string{": ", " · "}[min(i, 1)] + a.Title
	}
	return text
}

// distance says how well the reader understands a locale: 0 is their own, 1 its language, 2 another.
func (r reader) distance(locale string) int {
	switch {
	case locale == r.Locale:
		return 0
	case strings.HasPrefix(r.Locale, locale+"-"):
		return 1
	}
	return 2
}

// articlePage is what an article's page shows.
type articlePage struct {
	Title, Description, Locale, Untranslated string
	Collection                               shelf
	Updated, UpdatedISO, Applies             string
	TOC                                      []kb.Heading
	Body                                     template.HTML
	Related                                  []entryLink
	Helpful                                  helpfulView
	Guide                                    string // where its guide begins; "" where it has none
	Contact                                  *contactView
}

// How much stands around an article.
const (
	minContents = 3 // sections that make a table of contents worth its room
	maxRelated  = 5
	// nearEnough is the share of the nearest article's score below which another is not related any more.
	nearEnough = 0.4
	// sameShelf is how much more an article of the same collection counts.
	sameShelf = 1.6
)

func (p *pageServer) article(c *gin.Context) error {
	v := p.view(c)
	ctx := c.Request.Context()
	found, err := p.findArticle(ctx, v.R, c.Param("slug"))
	if err != nil {
		return err
	}
	a, ver := found.Article, found.Version
	body, toc := v.R.render(found)
	page := articlePage{
		Title: ver.Title, Description: ver.Description, Locale: ver.Locale,
		Collection: shelf{Key: a.Collection, Name: collectionName(v.R.Locale, a.Collection), URL: v.R.of(a).Collection(a.Collection)},
		Updated:    v.T("updated", dateText(v.R.Locale, ver.PublishedAt)), UpdatedISO: ver.PublishedAt.UTC().Format("2006-01-02"),
		Applies: v.T("applies", p.marketNames(v, a.Markets)),
		Helpful: helpfulOf(c, v.R, a.Slug),
	}
	if base, _, _ := strings.Cut(v.R.Locale, "-"); ver.Locale != v.R.Locale && ver.Locale != base {
		page.Untranslated = v.T("untranslated", localeName(ver.Locale))
	}
	faq := questionsIn(body, toc)
	toc = slices.DeleteFunc(toc, func(h kb.Heading) bool { return h.Level != 2 })
	if len(toc) >= minContents {
		page.TOC = toc
	}
	if kb.GuideIn(ver.Markdown) != nil {
		page.Guide = v.R.Link("/help/" + a.Slug + "/guide")
	}
	page.Contact = p.contactOf(c, v.R.of(a), &found, toc)
	page.Body = template.HTML(v.dress(body)) // RenderHTML lets nothing pass that could run or look like another part of the page
	page.Related = p.related(c, v.R.of(a), found)
	entries, err := p.Articles.Live(ctx, a.Slug)
	if err != nil {
		return err
	}
	v.Title, v.Description, v.Path, v.Slug, v.Kind, v.Page = ver.Title, ver.Description, "/help/"+a.Slug, a.Slug, "article", page
	v.Data = append(v.Data, p.trail(v, step{page.Collection.Name, page.Collection.URL}, step{ver.Title, v.R.Article(a.Slug, "")}))
	if faq != nil {
		v.Data = append(v.Data, faq)
	}
	at, _, _ := p.canonical(entries, v.R)
	p.findable(&v, v.Path, at, p.inLanguages(entries, v.R))
	if c.Query("said") != "" || c.Query("vote") != "" {
		v.Alternates = nil
	}
	if hosts := imageHosts(body); len(hosts) > 0 {
		c.Header("Content-Security-Policy", strings.Replace(contentPolicy, "img-src 'self'", "img-src 'self' "+strings.Join(hosts, " "), 1))
	}
	p.write(c, http.StatusOK, "article", v)
	return nil
}

// of is the reader with the article's audience: a merchant who reads a consumer's article sees what stands beside it.
func (r reader) of(a kb.Article) reader { r.Audience = a.Audience; return r }

// related are the articles that share the most with one: what a search for its title and its description finds, as the same
// reader; what stands in the same collection counts for more. It goes by words alone, so that no page waits for a model. A
// search that fails relates nothing, nor does one before the index is loaded, which would hold the page up.
func (p *pageServer) related(c *gin.Context, r reader, page kb.Page) []entryLink {
	if ready, _ := p.Searcher.Ready(); !ready {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), suggestDeadline)
	defer cancel()
	text := page.Version.Title + ". " + page.Version.Description
	result, err := p.Searcher.Search(ctx, retrieval.Query{Text: text, Market: r.Market, Locale: r.Locale, Audience: r.Audience, Limit: 8 * maxRelated, Reader: true, Words: true})
	if err != nil {
		_ = c.Error(err)
		return nil
	}
	type neighbour struct {
		entryLink
		near float64
	}
	var near []neighbour
	for _, x := range result.Passages {
		if x.Slug == page.Article.Slug || x.Audience != r.Audience || slices.ContainsFunc(near, func(n neighbour) bool { return n.Slug == x.Slug }) {
			continue
		}
		score := x.Lexical
		if x.Collection == page.Article.Collection {
			score *= sameShelf
		}
		near = append(near, neighbour{entryLink{Slug: x.Slug, Title: x.Title, Description: x.Description, URL: r.Article(x.Slug, ""), Locale: x.Locale}, score})
	}
	slices.SortStableFunc(near, func(a, b neighbour) int { return cmp.Compare(b.near, a.near) })
	var out []entryLink
	for _, n := range near[:min(len(near), maxRelated)] {
		if n.near >= near[0].near*nearEnough {
			out = append(out, n.entryLink)
		}
	}
	return out
}

// What is changed in an article's HTML, which RenderHTML wrote: quotes and brackets within texts and attributes are escaped there.
var (
	headingTag = regexp.MustCompile(`(?s)<h([2-4]) id="([^"]+)">(.*?)</h[2-4]>`)
	sizedImage = regexp.MustCompile(`<img src="([^"#]*)#([1-9][0-9]{0,3})x([1-9][0-9]{0,3})"`)
	imageHost  = regexp.MustCompile(`<img src="(https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)[/"?#]`)
	inlineTag  = regexp.MustCompile(`</?(?:a|code|del|em|strong)\b[^>]*>`)
	anyTag     = regexp.MustCompile(`<[^>]*>`)
)

// dress gives an article's HTML what only a page needs: links at headings, tables that scroll by themselves, and room for
// pictures before they are there, where their address ends in their size, as in photo.png#640x360.
func (v view) dress(body string) string {
	open := `<div class="scroll" role="region" tabindex="0" aria-label="` + html.EscapeString(v.T("table")) + `"><table>`
	body = strings.ReplaceAll(strings.ReplaceAll(body, "<table>", open), "</table>", "</table></div>")
	body = sizedImage.ReplaceAllString(body, `<img src="$1" width="$2" height="$3"`)
	return headingTag.ReplaceAllStringFunc(body, func(tag string) string {
		m := headingTag.FindStringSubmatch(tag)
		return `<div class="heading">` + tag + `<a class="anchor" href="#` + m[2] + `" aria-label="` + html.EscapeString(v.T("anchor", plainText(m[3]))) + `"><span aria-hidden="true">#</span></a></div>`
	})
}

// plainText are the words of HTML that RenderHTML wrote, on one line.
func plainText(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(inlineTag.ReplaceAllString(body, ""), " "))), " ")
}

// imageHosts are the other hosts that an article has pictures on, for the page's policy.
func imageHosts(body string) []string {
	var hosts []string
	for _, m := range imageHost.FindAllStringSubmatch(body, -1) {
		if !slices.Contains(hosts, m[1]) && len(hosts) < 10 {
			hosts = append(hosts, m[1])
		}
	}
	return hosts
}

// step is a page on the way to another.
type step struct{ Name, URL string }

// trail is a page's breadcrumb for search engines (schema.org BreadcrumbList).
func (p *pageServer) trail(v view, steps ...step) any {
	type item struct {
		Type     string `json:"@type"`
		Position int    `json:"position"`
		Name     string `json:"name"`
		Item     string `json:"item"`
	}
	items := []item{}
	for i, s := range append([]step{{v.T("help_centre"), v.R.Link("/help")}}, steps...) {
		items = append(items, item{"ListItem", i + 1, s.Name, p.URL + s.URL})
	}
	return map[string]any{"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items}
}

// minQuestions is how many questions make an article a list of them.
const minQuestions = 2

// questionsIn is an article as a list of questions and answers for search engines (schema.org FAQPage), or nil where it is
// not one: all of its sections must be headed by a question, save a last one that says how to reach the company.
func questionsIn(body string, toc []kb.Heading) any {
	type answer struct {
		Type string `json:"@type"`
		Text string `json:"text"`
	}
	type question struct {
		Type   string `json:"@type"`
		Name   string `json:"name"`
		Answer answer `json:"acceptedAnswer"`
	}
	var questions []question
	places := headingTag.FindAllStringSubmatchIndex(body, -1)
	var tops [][]int
	for _, m := range places {
		if body[m[2]:m[3]] == "2" {
			tops = append(tops, m)
		}
	}
	for i, m := range tops {
		name := plainText(body[m[6]:m[7]])
		end := len(body)
		if i+1 < len(tops) {
			end = tops[i+1][0]
		}
		text := plainText(body[m[1]:end])
		if !strings.HasSuffix(name, "?") && !strings.HasSuffix(name, "؟") {
			if i == len(tops)-1 && aboutContact.MatchString(name) {
				break
			}
			return nil
		}
		if text == "" {
			return nil
		}
		questions = append(questions, question{"Question", name, answer{"Answer", text}})
	}
	if len(questions) < minQuestions {
		return nil
	}
	return map[string]any{"@context": "https://schema.org", "@type": "FAQPage", "mainEntity": questions}
}

func (p *pageServer) marketNames(v view, codes []string) string {
	if len(codes) == 0 {
		return v.T("everywhere")
	}
	names := make([]string, len(codes))
	for i, code := range codes {
		names[i] = strings.ToUpper(code)
		if m, known := p.market(code); known {
			names[i] = m.Name
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// findable gives a page its address for search engines, and its addresses in other locales. They begin with the address
// that the installation was given, never with what a request calls it: whoever writes the Host header must not write
// links into pages that others keep.
func (p *pageServer) findable(v *view, path string, at reader, alternates []alternate) {
	v.Canonical, v.Alternates = p.URL+at.Link(path), alternates
	if v.Kind == "" {
		v.Kind = "website"
	}
}

// everyLocale are the addresses of a page that is there in every language of the site.
func (p *pageServer) everyLocale(r reader, path string) []alternate {
	var out []alternate
	for _, l := range p.Site.Locales {
		out = append(out, alternate{l, p.URL + r.In(l).Link(path)})
	}
	return withDefault(out)
}

// OGLocale is the locale that the page's text is in, as the Open Graph writes it.
func (v view) OGLocale() string {
	locale := v.R.Locale
	if a, is := v.Page.(articlePage); is {
		locale = a.Locale
	}
	return strings.ReplaceAll(locale, "-", "_")
}

// Where is the reader's language and country.
func (v view) Where() string {
	if market := v.MarketName(); market != "" {
		return localeName(v.R.Locale) + " · " + market
	}
	return localeName(v.R.Locale)
}

// Reason is why an article did not help, in words.
func (v view) Reason(key string) string { return v.T("reason_" + key) }

// waysView is what the template of contact options needs.
type waysView struct {
	V view
	C *contactView
}

// With puts contact options beside the page.
func (v view) With(c *contactView) waysView { return waysView{v, c} }
