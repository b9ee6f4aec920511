package web

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// maxFeed is how many changes a feed has.
const maxFeed = 50

type atomFeed struct {
	XMLName xml.Name    `xml:"feed"`
	Space   string      `xml:"xmlns,attr"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Author  atomAuthor  `xml:"author"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomAuthor struct {
	Name string `xml:"name"`
}

type atomEntry struct {
	Lang       string         `xml:"xml:lang,attr"`
	ID         string         `xml:"id"`
	Title      string         `xml:"title"`
	Updated    string         `xml:"updated"`
	Link       atomLink       `xml:"link"`
	Categories []atomCategory `xml:"category"`
	Summary    string         `xml:"summary"`
}

type atomCategory struct {
	Term  string `xml:"term,attr"`
	Label string `xml:"label,attr"`
}

// feedSpace is what the ids of feeds and their entries are made in: random, once, and the same for ever.
var feedSpace = uuid.MustParse("0d9c1f7a-5a0b-4c0e-9d43-6c1b2a5f8e21")

func feedID(parts ...string) string {
	return "urn:uuid:" + uuid.NewSHA1(feedSpace, []byte(strings.Join(parts, "\x00"))).String()
}

// feed is what changed in the help centre as one reader sees it, newest first. An article that was taken down is not in it
// any more, and one that is not valid yet is not in it yet: its change is when it was first shown.
func (p *pageServer) feed(c *gin.Context) error {
	if !p.help.lists.allow(sender(c.ClientIP())) {
		return fault.New(fault.RateLimited, "rate_limited", "Too many requests from your address. Please wait a minute.")
	}
	v := p.view(c)
	entries, err := p.Articles.Contents(c.Request.Context(), v.R.Market, v.R.Locale, v.R.Audience)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e kb.Entry) bool { return e.Audience != v.R.Audience })
	slices.SortFunc(entries, func(a, b kb.Entry) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Slug, b.Slug)) })
	f := atomFeed{Space: "http://www.w3.org/2005/Atom", Lang: v.R.Locale, ID: feedID(p.Site.Company, v.R.Locale, v.R.Market, v.R.Audience),
		Title: fmt.Sprintf("%s: %s", p.Site.Company, helpText(v.R.Locale, "feed_title")), Author: atomAuthor{p.Site.Company}, Updated: time.Unix(0, 0).UTC().Format(time.RFC3339),
		Links: []atomLink{{"self", "application/atom+xml", p.URL + v.R.Link("/help/feed.atom")}, {"alternate", "text/html", p.URL + v.R.Link("/help")}}}
	if len(entries) > 0 {
		f.Updated = entries[0].Since.Format(time.RFC3339)
	}
	for _, e := range entries[:min(len(entries), maxFeed)] {
		what := "new"
		if e.Number > 1 {
			what = "changed"
		}
		f.Entries = append(f.Entries, atomEntry{Lang: e.Locale, ID: feedID(e.ArticleID.String(), e.Locale), Title: e.Title, Updated: e.Since.Format(time.RFC3339),
			Link: atomLink{"alternate", "text/html", p.URL + v.R.Article(e.Slug, "")}, Summary: e.Description,
			Categories: []atomCategory{{what, helpText(v.R.Locale, "feed_"+what)}, {e.Collection, collectionName(v.R.Locale, e.Collection)}}})
	}
	c.Header("Vary", "Accept-Language, Accept-Encoding")
	return xmlPage(c, "application/atom+xml; charset=utf-8", f)
}
