package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

const (
	maxSitemap     = 5000 // addresses in one file; beyond that there is an index
	listsPerMinute = 120  // sitemaps and feeds that one address may ask for, where there are limits at all
)

// robots tells search engines what is for them: the help centre, without the results of searches.
func (p *pageServer) robots(c *gin.Context) error {
	text := "User-agent: *\nDisallow: /v1/\nDisallow: /chat\nDisallow: /desk\nDisallow: /admin\nDisallow: /account\nDisallow: /signin\nAllow: /\n"
	if p.URL != "" {
		text += "\nSitemap: " + p.URL + "/sitemap.xml\n"
	}
	newAssetOf("text/plain; charset=utf-8", []byte(text)).serve(c)
	return nil
}

// newAssetOf prepares what is made anew for each request.
func newAssetOf(kind string, body []byte) asset {
	return asset{kind: kind, etag: `"` + fingerprint(body) + `"`, body: body, zipped: zipped(body)}
}

// listed is a page for search engines: its address, the same page in other languages, and when it last changed.
type listed struct {
	URL        string
	Alternates []alternate
	Since      time.Time
}

// canonical returns where a reader's page is for search engines: the reader to open it as. The country stands in the
// address only where another country has another page, so that one text has one address.
func (s *Server) canonical(entries []kb.Entry, r reader) (reader, kb.Entry, bool) {
	e, found := kb.Opens(entries, r.Market, r.Locale, r.Audience)
	if !found {
		return r, e, false
	}
	if slices.Contains(s.Site.Locales, e.Locale) { // shown in another language: that page is the one to find
		r.Locale = e.Locale
	}
	r.Audience = e.Audience
	same := func(market string) bool {
		x, opens := kb.Opens(entries, market, r.Locale, r.Audience)
		return opens && x.ArticleID == e.ArticleID && x.Locale == e.Locale
	}
	everywhere := true
	first, home := "", ""
	for _, m := range s.Site.Markets {
		switch {
		case !same(m.Code):
			everywhere = false
		case home == "" && slices.Contains(m.Locales, e.Locale): // rather a country that speaks the language
			home = m.Code
		case first == "":
			first = m.Code
		}
	}
	r.Market = cmp.Or(home, first)
	if everywhere {
		r.Market = ""
	}
	return r, e, true
}

// inLanguages are the addresses of an article's page in the site's languages; without one that is translated there is none.
func (s *Server) inLanguages(entries []kb.Entry, r reader) []alternate {
	var out []alternate
	for _, l := range s.Site.Locales {
		at, e, found := s.canonical(entries, r.In(l))
		if found && e.Locale == l {
			out = append(out, alternate{l, s.URL + at.Article(e.Slug, "")})
		}
	}
	return withDefault(out)
}

// withDefault adds the source language as the one for everybody else.
func withDefault(alternates []alternate) []alternate {
	i := slices.IndexFunc(alternates, func(a alternate) bool { return a.Locale == kb.SourceLocale })
	if i < 0 {
		return alternates
	}
	return append(alternates, alternate{"x-default", alternates[i].URL})
}

// listed are all pages that search engines may have: what somebody can open at this moment, and nothing else.
func (s *Server) listed(ctx context.Context) ([]listed, error) {
	live, err := s.Articles.Live(ctx, "")
	if err != nil {
		return nil, err
	}
	markets := s.marketCodes()
	if len(markets) == 0 {
		markets = []string{""}
	}
	seen := map[string]int{}
	var out []listed
	add := func(l listed) {
		i, has := seen[l.URL]
		if !has {
			seen[l.URL] = len(out)
			out = append(out, l)
		} else if l.Since.After(out[i].Since) {
			out[i].Since = l.Since
		}
	}
	for entries := range bySlug(live) {
		for _, audience := range []string{kb.Consumer, kb.Merchant} {
			for _, locale := range s.Site.Locales {
				if !slices.ContainsFunc(entries, func(e kb.Entry) bool { return e.Locale == locale && e.Audience == audience }) {
					continue // there is no page of its own in this language for these readers
				}
				for _, market := range markets {
					r := reader{locale, market, audience}
					e, found := kb.Opens(entries, market, locale, audience)
					if !found || e.Locale != locale || e.Audience != audience {
						continue
					}
					if m, known := s.market(market); !known || len(m.Locales) == 0 || slices.Contains(m.Locales, locale) {
						add(listed{URL: s.URL + r.Link("/help"), Since: e.Since})
						add(listed{URL: s.URL + r.Collection(e.Collection), Since: e.Since})
					}
					at, _, _ := s.canonical(entries, r)
					url := s.URL + at.Article(e.Slug, "")
					if _, has := seen[url]; !has {
						add(listed{URL: url, Alternates: s.inLanguages(entries, r), Since: e.Since})
					}
				}
			}
		}
	}
	return out, nil
}

// bySlug goes through entries that are in the order of their slugs, one slug at a time.
func bySlug(all []kb.Entry) func(yield func([]kb.Entry) bool) {
	return func(yield func([]kb.Entry) bool) {
		for len(all) > 0 {
			n := slices.IndexFunc(all, func(e kb.Entry) bool { return e.Slug != all[0].Slug })
			if n < 0 {
				n = len(all)
			}
			if !yield(all[:n:n]) {
				return
			}
			all = all[n:]
		}
	}
}

type sitemapURL struct {
	Loc     string        `xml:"loc"`
	LastMod string        `xml:"lastmod,omitempty"`
	Links   []sitemapLink `xml:"xhtml:link"`
}

type sitemapLink struct {
	Rel      string `xml:"rel,attr"`
	HrefLang string `xml:"hreflang,attr"`
	Href     string `xml:"href,attr"`
}

type urlset struct {
	XMLName xml.Name     `xml:"urlset"`
	Space   string       `xml:"xmlns,attr"`
	XHTML   string       `xml:"xmlns:xhtml,attr"`
	URLs    []sitemapURL `xml:"url"`
}

type sitemapIndex struct {
	XMLName xml.Name     `xml:"sitemapindex"`
	Space   string       `xml:"xmlns,attr"`
	Maps    []sitemapURL `xml:"sitemap"`
}

const sitemapSpace = "http://www.sitemaps.org/schemas/sitemap/0.9"

// sitemap lists the help centre's pages for search engines: in one file, or in an index of several.
func (p *pageServer) sitemap(c *gin.Context) error {
	if !p.help.lists.allow(sender(c.ClientIP())) {
		return fault.New(fault.RateLimited, "rate_limited", "Too many requests from your address. Please wait a minute.")
	}
	if p.URL == "" {
		return fault.New(fault.NotFound, "no_url", "Set FIRSTLINE_URL: a sitemap has whole addresses.")
	}
	all, err := p.listed(c.Request.Context())
	if err != nil {
		return err
	}
	part := c.Param("part")
	files := (len(all) + p.perSitemap - 1) / p.perSitemap
	if part == "" && files > 1 {
		index := sitemapIndex{Space: sitemapSpace}
		for i := range files {
			index.Maps = append(index.Maps, sitemapURL{Loc: fmt.Sprintf("%s/sitemap/%d.xml", p.URL, i+1)})
		}
		return xmlPage(c, "application/xml; charset=utf-8", index)
	}
	n := 1
	if part != "" {
		name, isXML := strings.CutSuffix(part, ".xml")
		if n, err = strconv.Atoi(name); err != nil || !isXML || n < 1 || n > max(1, files) || strconv.Itoa(n) != name {
			return errNoRoute
		}
	}
	set := urlset{Space: sitemapSpace, XHTML: "http://www.w3.org/1999/xhtml", URLs: []sitemapURL{}}
	for _, l := range all[min(len(all), (n-1)*p.perSitemap):min(len(all), n*p.perSitemap)] {
		u := sitemapURL{Loc: l.URL, LastMod: l.Since.UTC().Format(time.RFC3339)}
		if len(l.Alternates) > 1 {
			for _, a := range l.Alternates {
				u.Links = append(u.Links, sitemapLink{"alternate", a.Locale, a.URL})
			}
		}
		set.URLs = append(set.URLs, u)
	}
	return xmlPage(c, "application/xml; charset=utf-8", set)
}

// xmlPage writes a document, which caches may keep if they ask each time whether it still holds.
func xmlPage(c *gin.Context, kind string, v any) error {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(v); err != nil {
		return fmt.Errorf("web: %s: %w", kind, err)
	}
	b.WriteByte('\n')
	newAssetOf(kind, b.Bytes()).serve(c)
	return nil
}
