package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/web/ui"
)

// pageServer serves everything that is a page: the help centre, which needs no script, the shells of the chat and the desk,
// signing in, and their files.
type pageServer struct {
	*Server
	assets     map[string]asset  // by path
	static     map[string]string // paths of our own files by plain name
	script     string            // path of the help centre's script; "" where the pages were not built
	perSitemap int
	templates  map[string]*template.Template
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
	p.helpPages(r)
	get("/chat", p.shell(ui.Dist, "chat.html"))
	get("/desk", p.shell(ui.Dist, "desk.html"))
	p.signInPages(r)
	p.adminPages(r)
	p.peoplePages(r)
	p.deliveryPages(r)
	p.sitePages(r)
	p.noticePages(r)
	p.mailPages(r)
	get("/widget.js", p.widget())
	get("/assets/*file", p.asset)
	get("/static/*file", p.asset)
	r.GET("/openapi.json", p.contract())
}

func newPageServer(s *Server) (*pageServer, error) {
	p := &pageServer{Server: s, assets: map[string]asset{}, templates: map[string]*template.Template{}, perSitemap: maxSitemap}
	var err error
	if p.static, err = hashedStatic(p.assets); err != nil {
		return nil, err
	}
	if _, err := fs.Stat(ui.Dist, "assets"); err == nil {
		if err := loadAssets(p.assets, ui.Dist, "assets", "/assets/"); err != nil {
			return nil, fmt.Errorf("web: built files: %w", err)
		}
		p.script = scriptOf(p.assets)
	}
	for _, name := range []string{"home", "results", "collection", "article", "guide", "contact", "problem", "signin"} {
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
	Kind        string      // of the page, for other sites that show it: article or website
	Data        []any       // what search engines are told of it
	Feed        string      // address of what changed, "" for none
	Icon, CSS   string
	Script      string // address of what makes the page quicker to use, "" for none
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
func (v view) T(key string, args ...any) string {
	if _, has := helpTexts[key]; has {
		return helpText(v.R.Locale, key, args...)
	}
	return pageText(v.R.Locale, key, args...)
}

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
	return view{Site: p.Site, R: r, Path: "/help", CSS: p.static["help.css"], Icon: p.static["icon.svg"], Script: p.script}
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
			h.Set("Vary", "Accept-Language, Accept-Encoding")
			etag := `W/"` + fingerprint(b.Bytes()) + `"`
			h.Set("ETag", etag)
			if matches(c.GetHeader("If-None-Match"), etag) {
				c.Status(http.StatusNotModified)
				return
			}
		}
	}
	body := b.Bytes()
	if public := slices.Contains(helpTemplates, name); public && acceptsGzip(c.GetHeader("Accept-Encoding")) { // nothing here is secret, so its size may tell
		if small := zipped(body); small != nil {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	c.Data(status, "text/html; charset=utf-8", body)
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
	v.Feed = v.R.Link("/help/feed.atom")
	p.findable(&v, "/help", v.R, p.everyLocale(v.R, "/help"))
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
	v.Title, v.Description = v.T("results", v.Query), v.T("lead")
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
	articles, err := p.inCollection(c.Request.Context(), v.R, key)
	if err != nil {
		return err
	}
	if len(articles) == 0 {
		return fault.New(fault.NotFound, "collection_not_found", "There is no such collection.")
	}
	name := collectionName(v.R.Locale, key)
	v.Title, v.Path, v.Page = name, "/help/c/"+key, collectionPage{name, articles}
	v.Description = inShort(name, articles)
	v.Data = []any{p.trail(v, step{name, v.R.Collection(key)})}
	p.findable(&v, v.Path, v.R, p.everyLocale(v.R, v.Path))
	p.write(c, http.StatusOK, "collection", v)
	return nil
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
