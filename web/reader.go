package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// reader is for whom a page of the help centre is made. It stands in the address alone, in no cookie, so that a page can be
// shared and looks the same to whoever opens it.
type reader struct {
	Locale   string // one of the site's
	Market   string // one of the site's; "" where the site has none
	Audience string // kb.Consumer or kb.Merchant
}

// readerOf reads the address; what it leaves open is taken from Accept-Language and then from the site's order. A value that
// the site does not have is an Invalid fault, and the reader returned with it has the default in its place.
func (s *Server) readerOf(req *http.Request) (reader, error) {
	var err error
	refuse := func(f *fault.Error) {
		if err == nil {
			err = f
		}
	}
	q := req.URL.Query()
	tags, _, _ := language.ParseAcceptLanguage(req.Header.Get("Accept-Language"))

	r := reader{Locale: q.Get("locale"), Market: q.Get("market"), Audience: q.Get("audience")}
	if r.Locale != "" && !slices.Contains(s.Site.Locales, r.Locale) {
		refuse(fault.Field("locale", "unknown_locale", "Use one of %s.", strings.Join(s.Site.Locales, ", ")))
		r.Locale = ""
	}
	if r.Locale == "" {
		r.Locale = s.preferredLocale(tags)
	}
	if _, known := s.market(r.Market); r.Market != "" && !known {
		refuse(fault.Field("market", "unknown_market", "Use one of %s.", strings.Join(s.marketCodes(), ", ")))
		r.Market = ""
	}
	if r.Market == "" {
		r.Market = s.likelyMarket(tags, r.Locale)
	}
	switch r.Audience {
	case kb.Consumer, kb.Merchant:
	case "":
		r.Audience = kb.Consumer
	default:
		refuse(fault.Field("audience", "unknown_audience", "Use consumer or merchant."))
		r.Audience = kb.Consumer
	}
	return r, err
}

// preferredLocale is the first of the languages asked for that the site has, by tag or by language alone.
func (s *Server) preferredLocale(tags []language.Tag) string {
	for _, t := range tags {
		base, _ := t.Base()
		for _, want := range []string{t.String(), base.String()} {
			if slices.Contains(s.Site.Locales, want) {
				return want
			}
		}
	}
	if len(s.Site.Locales) == 0 {
		return kb.SourceLocale
	}
	return s.Site.Locales[0]
}

// likelyMarket is the market of a region named in Accept-Language; without one the market where the locale comes first; then
// one that has it at all.
func (s *Server) likelyMarket(tags []language.Tag, locale string) string {
	for _, t := range tags {
		region, sure := t.Region()
		if code := strings.ToLower(region.String()); sure == language.Exact {
			if _, known := s.market(code); known {
				return code
			}
		}
	}
	for _, m := range s.Site.Markets {
		if len(m.Locales) > 0 && m.Locales[0] == locale {
			return m.Code
		}
	}
	for _, m := range s.Site.Markets {
		if slices.Contains(m.Locales, locale) {
			return m.Code
		}
	}
	if len(s.Site.Markets) == 0 {
		return ""
	}
	return s.Site.Markets[0].Code
}

// values are the reader as a query. The consumer is the rule and is not spelled out.
func (r reader) values() url.Values {
	v := url.Values{"locale": {r.Locale}}
	if r.Market != "" {
		v.Set("market", r.Market)
	}
	if r.Audience == kb.Merchant {
		v.Set("audience", r.Audience)
	}
	return v
}

// Link is a path of the help centre as this reader opens it; path may end in a fragment.
func (r reader) Link(path string) string {
	path, fragment, found := strings.Cut(path, "#")
	if path += "?" + r.values().Encode(); found {
		path += "#" + fragment
	}
	return path
}

// Article is the address of an article, or with an anchor of one of its sections.
func (r reader) Article(slug, anchor string) string {
	path := "/help/" + url.PathEscape(slug)
	if anchor != "" {
		path += "#" + anchor
	}
	return r.Link(path)
}

// Collection is the address of a collection.
func (r reader) Collection(key string) string { return r.Link("/help/c/" + url.PathEscape(key)) }

// Chat is the address of the chat, which is told the article that the reader comes from.
func (r reader) Chat(article string) string {
	v := r.values()
	if article != "" {
		v.Set("article", article)
	}
	return "/chat?" + v.Encode()
}

// In is the same reader in another locale.
func (r reader) In(locale string) reader { r.Locale = locale; return r }

// For is the same reader as another audience.
func (r reader) For(audience string) reader { r.Audience = audience; return r }
