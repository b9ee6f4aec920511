package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/web/ui"
)

// pageServer serves everything that is a page: the help centre, which needs no script, the shells of the chat and the desk,
// signing in, and their files.
type pageServer struct {
	*Server
	assets    map[string]asset  // by path
	static    map[string]string // paths of our own files by plain name
	templates map[string]*template.Template
}

// pages registers the pages and /openapi.json.
func (s *Server) pages(r *gin.Engine) {
	p, err := newPageServer(s)
	if err != nil {
		panic(err) // what is embedded was wrong when the program was built
	}
	get := func(path string, h func(*gin.Context) error) {
		r.GET(path, p.page(h))
		r.HEAD(path, p.page(h)) // the HTTP server leaves the body out
	}
	get("/", p.root)
	get("/help", p.home)
	get("/help/search", p.search)
	get("/help/c/:collection", p.collection)
	get("/help/:slug", p.article)
	get("/chat", p.shell(ui.Dist, "chat.html"))
	get("/desk", p.shell(ui.Dist, "desk.html"))
	p.signInPages(r)
	p.adminPages(r)
	p.peoplePages(r)
	p.deliveryPages(r)
	p.mailPages(r)
	get("/assets/*file", p.asset)
	get("/static/*file", p.asset)
	r.GET("/openapi.json", p.contract())
}

func newPageServer(s *Server) (*pageServer, error) {
	p := &pageServer{Server: s, assets: map[string]asset{}, templates: map[string]*template.Template{}}
	var err error
	if p.static, err = hashedStatic(p.assets); err != nil {
		return nil, err
	}
	if _, err := fs.Stat(ui.Dist, "assets"); err == nil {
		if err := loadAssets(p.assets, ui.Dist, "assets", "/assets/"); err != nil {
			return nil, fmt.Errorf("web: built files: %w", err)
		}
	}
	for _, name := range []string{"home", "results", "collection", "article", "problem", "signin"} {
		t, err := template.ParseFS(pageFiles, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("web: template: %w", err)
		}
		p.templates[name] = t
	}
	return p, nil
}

// view is what every page's template has.
type view struct {
	Site        Site
	R           reader
	Path        string // where the form for language and country leads
	Query       string // what is searched for
	Title       string
	Description string
	Canonical   string      // "" where a page should not be found by search engines
	Alternates  []alternate // the same page in other locales
	Icon, CSS   string
	Slug        string // of the article on this page, for the chat
	Plain       bool   // without the help centre's header and footer

	Collections []shelf
	Page        any // what the page itself has
}

// alternate is the same page in another locale.
type alternate struct{ Locale, URL string }

// shelf is a collection as a reader sees it.
type shelf struct {
	Key, Name, URL, Count string
}

// T is a text in the reader's language.
func (v view) T(key string, args ...any) string { return pageText(v.R.Locale, key, args...) }

// Dir is the direction that the reader's language is written in.
func (v view) Dir() string { return direction(v.R.Locale) }

// LocaleName is a language in its own words.
func (v view) LocaleName(locale string) string { return localeName(locale) }

// CollectionName is a collection's name in the reader's language.
func (v view) CollectionName(key string) string { return collectionName(v.R.Locale, key) }

// DirOf is the direction that a locale is written in.
func (v view) DirOf(locale string) string { return direction(locale) }

// MarketName is the reader's country.
func (v view) MarketName() string {
	for _, m := range v.Site.Markets {
		if m.Code == v.R.Market {
			return m.Name
		}
	}
	return ""
}

// Merchant reports whether the reader is one.
func (v view) Merchant() bool { return v.R.Audience == kb.Merchant }

// OtherAudience is the help centre for the other audience.
func (v view) OtherAudience() string {
	r := v.R
	if r.Audience = kb.Merchant; v.Merchant() {
		r.Audience = kb.Consumer
	}
	return r.Link("/help")
}

func (p *pageServer) view(c *gin.Context) view {
	r, _ := p.readerOf(c.Request) // in a page, what the site does not have gives way to the default
	return view{Site: p.Site, R: r, Path: "/help", CSS: p.static["help.css"], Icon: p.static["icon.svg"]}
}

// page turns a handler into one of gin's; its errors become pages.
func (p *pageServer) page(h func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := h(c)
		if err == nil {
			return
		}
		_ = c.Error(err)
		if c.Writer.Written() || c.Request.Context().Err() != nil {
			return
		}
		p.fail(c, err)
	}
}

// problemPage is what the page for an error shows.
type problemPage struct {
	Heading, Lead, Code string
	Command             string // for the terminal, where that helps
	Search              bool   // offer the search
}

// fail writes the page for an error. It says no more than the API's problem document does.
func (p *pageServer) fail(c *gin.Context, err error) {
	status := problemOf(err).Status
	v := p.view(c)
	page := problemPage{Heading: v.T("broken"), Lead: v.T("broken_lead")}
	switch status {
	case http.StatusNotFound:
		page = problemPage{Heading: v.T("missing"), Lead: v.T("missing_lead"), Search: true}
		v.Collections, _ = p.shelves(c, v.R) // without them the page is shorter
	case http.StatusTooManyRequests:
		page = problemPage{Heading: v.T("slow_down"), Lead: v.T("slow_down_lead")}
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		c.Header("Retry-After", "5")
	}
	page.Code = fmt.Sprint(status)
	v.Title, v.Page = page.Heading, page
	p.write(c, status, "problem", v)
}

// write renders a page and sends it. Pages may be kept by caches, which must ask each time whether they still hold.
func (p *pageServer) write(c *gin.Context, status int, name string, v view) {
	var b bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&b, "layout", v); err != nil {
		_ = c.Error(fmt.Errorf("web: template %s: %w", name, err))
		c.Data(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("Something went wrong on our side. Please try again.\n"))
		return
	}
	h := c.Writer.Header()
	if h.Get("Cache-Control") == "" {
		if status != http.StatusOK {
			h.Set("Cache-Control", "no-store")
		} else {
			h.Set("Cache-Control", "no-cache")
			h.Set("Vary", "Accept-Language")
			etag := `W/"` + fingerprint(b.Bytes()) + `"`
			h.Set("ETag", etag)
			if matches(c.GetHeader("If-None-Match"), etag) {
				c.Status(http.StatusNotModified)
				return
			}
		}
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

func (p *pageServer) root(c *gin.Context) error {
	to := "/help"
	if c.Request.URL.RawQuery != "" {
		to += "?" + c.Request.URL.Query().Encode()
	}
	c.Redirect(http.StatusFound, to)
	return nil
}

// shelves are the collections of the reader's own audience.
func (p *pageServer) shelves(c *gin.Context, r reader) ([]shelf, error) {
	cs, err := p.Articles.Collections(c.Request.Context(), r.Market, r.Locale, r.Audience)
	if err != nil {
		return nil, err
	}
	out := make([]shelf, len(cs))
	for i, x := range cs {
		out[i] = shelf{Key: x.Key, Name: collectionName(r.Locale, x.Key), URL: r.Collection(x.Key), Count: counted(r.Locale, x.Articles, "one_article", "articles")}
	}
	slices.SortStableFunc(out, func(a, b shelf) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func (p *pageServer) home(c *gin.Context) error {
	if c.Query("q") != "" {
		return p.search(c)
	}
	v := p.view(c)
	var err error
	if v.Collections, err = p.shelves(c, v.R); err != nil {
		return err
	}
	v.Title, v.Description = v.T("help_centre"), v.T("lead")
	p.findable(c, &v, "/help", p.Site.Locales)
	p.write(c, http.StatusOK, "home", v)
	return nil
}

// results is what the page of a search shows.
type results struct {
	Failed bool
	Count  string
	Found  []found
}

func (p *pageServer) search(c *gin.Context) error {
	v := p.view(c)
	v.Query = cleanQuery(c.Query("q"))
	if v.Query == "" {
		c.Redirect(http.StatusFound, v.R.Link("/help"))
		return nil
	}
	status := http.StatusOK
	all, err := p.searchHelp(c.Request.Context(), v.R, v.Query)
	page := results{Found: all, Count: counted(v.R.Locale, len(all), "one_result", "found")}
	v.Title = v.T("results", v.Query)
	if err != nil { // the search failed, which is not the same as nothing found
		_ = c.Error(err)
		page.Failed, status, v.Title = true, http.StatusServiceUnavailable, v.T("failed")
		c.Header("Retry-After", "5")
	} else if len(all) == 0 {
		v.Title = v.T("nothing", v.Query)
	}
	if len(all) == 0 {
		v.Collections, _ = p.shelves(c, v.R) // without them the page is shorter
	}
	v.Page = page
	p.write(c, status, "results", v)
	return nil
}

// collectionPage is what the page of a collection shows.
type collectionPage struct {
	Name     string
	Articles []entryLink
}

// entryLink is an article in a list.
type entryLink struct {
	Slug, Title, Description, URL, Locale string
}

func (p *pageServer) collection(c *gin.Context) error {
	v := p.view(c)
	key := c.Param("collection")
	articles, err := p.inCollection(c, v.R, key)
	if err != nil {
		return err
	}
	if len(articles) == 0 {
		return fault.New(fault.NotFound, "collection_not_found", "There is no such collection.")
	}
	name := collectionName(v.R.Locale, key)
	v.Title, v.Path, v.Page = name, "/help/c/"+key, collectionPage{name, articles}
	p.findable(c, &v, v.Path, p.Site.Locales)
	p.write(c, http.StatusOK, "collection", v)
	return nil
}

// inCollection lists the articles of a collection that a reader may open, each in the locale that they would open it in.
func (p *pageServer) inCollection(c *gin.Context, r reader, key string) ([]entryLink, error) {
	if !slugPattern.MatchString(key) {
		return nil, nil
	}
	all, err := p.Articles.List(c.Request.Context(), kb.Filter{Collection: key, Audience: r.Audience, Market: r.Market, Live: true})
	if err != nil {
		return nil, err
	}
	best := map[string]kb.Page{}
	for _, x := range all {
		if r.rank(x) < 0 || r.Market == "" && len(x.Article.Markets) > 0 {
			continue
		}
		if old, seen := best[x.Article.Slug]; !seen || r.rank(x) < r.rank(old) || r.rank(x) == r.rank(old) && x.Article.Variant > old.Article.Variant {
			best[x.Article.Slug] = x
		}
	}
	out := make([]entryLink, 0, len(best))
	for slug, x := range best {
		out = append(out, entryLink{Slug: slug, Title: x.Version.Title, Description: x.Version.Description, URL: r.Article(slug, ""), Locale: x.Version.Locale})
	}
	slices.SortFunc(out, func(a, b entryLink) int { // the reader's own language first
		return cmp.Or(cmp.Compare(r.rank(best[a.Slug]), r.rank(best[b.Slug])), cmp.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)))
	})
	return out, nil
}

// rank says how well the reader understands a page's locale, as kb.Store.Find has it: 0 is their own; -1 not at all.
func (r reader) rank(p kb.Page) int {
	locale := p.Version.Locale
	switch {
	case locale == r.Locale:
		return 0
	case strings.HasPrefix(r.Locale, locale+"-"):
		return 1
	case locale == kb.SourceLocale:
		return 2
	}
	return -1
}

// articlePage is what an article's page shows.
type articlePage struct {
	Title, Description, Locale, Untranslated string
	Collection                               shelf
	Updated, UpdatedISO, Applies             string
	TOC                                      []kb.Heading
	Body                                     template.HTML
	Related                                  []entryLink
}

// How much stands around an article.
const (
	minContents = 3 // sections that make a table of contents worth its room
	maxRelated  = 5
)

func (p *pageServer) article(c *gin.Context) error {
	v := p.view(c)
	found, err := p.findArticle(c.Request.Context(), v.R, c.Param("slug"))
	if err != nil {
		return err
	}
	a, ver := found.Article, found.Version
	html, toc := v.R.render(found)
	page := articlePage{
		Title: ver.Title, Description: ver.Description, Locale: ver.Locale,
		Collection: shelf{Key: a.Collection, Name: collectionName(v.R.Locale, a.Collection), URL: v.R.of(a).Collection(a.Collection)},
		Updated:    v.T("updated", dateText(v.R.Locale, ver.PublishedAt)), UpdatedISO: ver.PublishedAt.UTC().Format("2006-01-02"),
		Applies: v.T("applies", p.marketNames(v, a.Markets)),
	}
	if base, _, _ := strings.Cut(v.R.Locale, "-"); ver.Locale != v.R.Locale && ver.Locale != base {
		page.Untranslated = v.T("untranslated", localeName(ver.Locale))
	}
	toc = slices.DeleteFunc(toc, func(h kb.Heading) bool { return h.Level != 2 })
	if len(toc) >= minContents {
		page.TOC = toc
	}
	// RenderHTML lets nothing pass that could run or look like another part of the page. A wide table scrolls by itself.
	open := `<div class="scroll" role="region" tabindex="0" aria-label="` + template.HTMLEscapeString(v.T("table")) + `"><table>`
	html = strings.ReplaceAll(strings.ReplaceAll(html, "<table>", open), "</table>", "</table></div>")
	page.Body = template.HTML(html)

	related, err := p.inCollection(c, v.R.of(a), a.Collection)
	if err != nil {
		return err
	}
	page.Related = neighbours(related, a.Slug, maxRelated)

	v.Title, v.Description, v.Path, v.Slug, v.Page = ver.Title, ver.Description, "/help/"+a.Slug, a.Slug, page
	locales, err := p.localesOf(c, v.R, a)
	if err != nil {
		return err
	}
	p.findable(c, &v, v.Path, locales)
	p.write(c, http.StatusOK, "article", v)
	return nil
}

// of is the reader with the article's audience: a merchant who reads a consumer's article sees what stands beside it.
func (r reader) of(a kb.Article) reader { r.Audience = a.Audience; return r }

// neighbours are up to n entries that follow one in a list, and then those before it, so that every article leads to others.
func neighbours(list []entryLink, slug string, n int) []entryLink {
	i := slices.IndexFunc(list, func(e entryLink) bool { return e.Slug == slug })
	if i < 0 {
		return list[:min(n, len(list))]
	}
	rest := append(slices.Clone(list[i+1:]), list[:i]...)
	return rest[:min(n, len(rest))]
}

// localesOf are the site's locales that the reader's variant of an article is there in.
func (p *pageServer) localesOf(c *gin.Context, r reader, a kb.Article) ([]string, error) {
	all, err := p.Articles.List(c.Request.Context(), kb.Filter{Slug: a.Slug, Audience: a.Audience, Market: r.Market, Live: true})
	if err != nil {
		return nil, err
	}
	var locales []string
	for _, x := range all {
		if l := x.Version.Locale; slices.Contains(p.Site.Locales, l) && !slices.Contains(locales, l) && (r.Market != "" || len(x.Article.Markets) == 0) {
			locales = append(locales, l)
		}
	}
	return locales, nil
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

// hostPattern is what a Host header must look like before it is written into a page.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)

// findable gives a page its address for search engines, and its addresses in other locales.
func (p *pageServer) findable(c *gin.Context, v *view, path string, locales []string) {
	origin := ""
	if host := c.Request.Host; hostPattern.MatchString(host) {
		u := url.URL{Scheme: "http", Host: host}
		if p.Secure {
			u.Scheme = "https"
		}
		origin = u.String()
	}
	canonical := v.R
	if len(locales) > 0 && !slices.Contains(locales, canonical.Locale) { // shown in the source locale: that page is the one to find
		canonical.Locale = kb.SourceLocale
	}
	v.Canonical = origin + canonical.Link(path)
	for _, l := range locales {
		v.Alternates = append(v.Alternates, alternate{l, origin + v.R.In(l).Link(path)})
	}
	if slices.Contains(locales, kb.SourceLocale) {
		v.Alternates = append(v.Alternates, alternate{"x-default", origin + v.R.In(kb.SourceLocale).Link(path)})
	}
}

// shell serves a page that the web build made, or says that it did not run.
func (p *pageServer) shell(built fs.FS, name string) func(*gin.Context) error {
	body, err := fs.ReadFile(built, name)
	if err != nil {
		return func(c *gin.Context) error {
			v := p.view(c)
			v.Title = "This page was not built"
			v.Page = problemPage{Heading: v.Title, Lead: "The program was compiled without its web pages. Build them and start again:", Code: "503", Command: "make build"}
			c.Header("Cache-Control", "no-store")
			p.write(c, http.StatusServiceUnavailable, "problem", v)
			return nil
		}
	}
	a := newAsset(name, body, false)
	return func(c *gin.Context) error {
		a.serve(c)
		return nil
	}
}
