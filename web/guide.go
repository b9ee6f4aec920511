package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// guidePage is one step of an article's guide. Where the reader is stands in the address alone (step and trail), so that nothing
// is kept, the browser's way back goes a step back, and no script is needed.
type guidePage struct {
	Title, Locale, Article string // of the article, and its address
	Question               string
	Say                    string
	Answers                []guideAnswer
	Trail                  []guideTried
	Done                   string
	Person                 bool
	Ready                  []string
	Back, Again            string // addresses; "" on the first step
}

// Number is the step's place in what the reader goes through, from 1.
func (g guidePage) Number() int { return len(g.Trail) + 1 }

type guideAnswer struct{ Label, URL string }

type guideTried struct{ Step, Answer string }

// maxGuideTrail bounds the answers that an address carries; who goes round more often begins again.
const maxGuideTrail = 60

// guide shows a step: /help/SLUG/guide?trail=0.1, where the trail is the places of the answers chosen so far, from 0. An address
// that fits the guide no more, because the article was changed meanwhile, begins it again.
func (p *pageServer) guide(c *gin.Context) error {
	v := p.view(c)
	found, err := p.findArticle(c.Request.Context(), v.R, c.Param("slug"))
	if err != nil {
		return err
	}
	g := kb.GuideIn(found.Version.Markdown)
	if g == nil {
		return fault.New(fault.NotFound, "article_not_found", "There is no such article.")
	}
	path := "/help/" + found.Article.Slug + "/guide"
	at := func(trail []int) string {
		q := v.R.values()
		if len(trail) > 0 {
			var all []string
			for _, i := range trail {
				all = append(all, string(rune('0'+i)))
			}
			q.Set("trail", strings.Join(all, "."))
		}
		return path + "?" + q.Encode()
	}
	page, trail := walkGuide(g, c.Query("trail"))
	page.Title, page.Locale, page.Article = found.Version.Title, found.Version.Locale, v.R.Article(found.Article.Slug, "")
	for i := range page.Answers {
		page.Answers[i].URL = at(append(slices.Clone(trail), i))
	}
	if len(trail) > 0 {
		page.Back, page.Again = at(trail[:len(trail)-1]), at(nil)
	}
	v.Title, v.Path, v.Slug, v.Page = found.Version.Title, path, found.Article.Slug, page
	c.Header("X-Robots-Tag", "noindex") // the article is the page to be found
	p.write(c, http.StatusOK, "guide", v)
	return nil
}

// walkGuide follows the answers of a trail and returns the step that they lead to, with the trail as far as it fits.
func walkGuide(g *kb.Guide, trail string) (page guidePage, taken []int) {
	id := g.Start
	for part := range strings.SplitSeq(trail, ".") {
		s := g.Steps[id]
		if len(part) != 1 || part[0] < '0' || int(part[0]-'0') >= len(s.Options) || len(taken) == maxGuideTrail {
			if trail != "" {
				return walkGuide(g, "")
			}
			break
		}
		o := s.Options[part[0]-'0']
		taken = append(taken, int(part[0]-'0'))
		page.Trail = append(page.Trail, guideTried{strings.TrimSpace(s.Say + " " + s.Check), o.Label})
		if o.To == "" {
			if strings.Count(trail, ".")+1 > len(taken) { // answers behind an end
				return walkGuide(g, "")
			}
			page.Done, page.Person = o.Done, o.Contact != nil
			if page.Person {
				page.Ready = o.Contact.Ready
			}
			return page, taken
		}
		id = o.To
	}
	s := g.Steps[id]
	page.Say, page.Question = s.Say, s.Check
	for _, o := range s.Options {
		page.Answers = append(page.Answers, guideAnswer{Label: o.Label})
	}
	return page, taken
}
