package kb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// descriptionMost is how long a description may be before search results cut it, in characters.
const descriptionMost = 160

// Lint reads a set of documents as the whole help centre and returns what is wrong with it today, by file and line.
// See LintAt.
func Lint(docs []Document) []Problem { return LintAt(docs, time.Now()) }

// LintAt returns what is wrong with a help centre on the day of now. Mistakes: links to articles or headings that do
// not exist, links and images that rendering drops, no review date or one that has passed, two articles with one title
// in a locale, images without description, headings that skip a level, a level 1 heading (the title is one), raw HTML
// (it is not shown), questions asked of a heading that does not exist. Warnings: a description that is missing or too long, a file that is not where an export would put
// it, a translation of an article that the source locale lacks, locales of an article that list its markets in
// different order (an export writes one of them), and a link that some readers of the article cannot follow because
// the other article is not for their market.
func LintAt(docs []Document, now time.Time) []Problem {
	l := linter{docs: docs, now: now, slugs: map[string][]int{}, titles: map[[2]string]int{}, keys: map[documentKey]int{}, anchors: map[int]map[string]bool{}}
	for i, d := range docs {
		l.slugs[d.Slug] = append(l.slugs[d.Slug], i)
		l.keys[d.key()] = i
	}
	for i := range docs {
		l.document(i)
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return l.problems
}

type linter struct {
	docs     []Document
	now      time.Time
	slugs    map[string][]int        // documents by slug
	keys     map[documentKey]int     // document by key
	titles   map[[2]string]int       // first document by locale and lower-case title
	anchors  map[int]map[string]bool // of each document, made when first asked for
	problems []Problem
}

func (l *linter) add(d Document, line int, field, rule, format string, args ...any) {
	l.problems = append(l.problems, Problem{File: d.name(), Line: line, Field: field, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

func (l *linter) warn(d Document, field, rule, format string, args ...any) {
	l.add(d, 0, field, rule, format, args...)
	l.problems[len(l.problems)-1].Warning = true
}

func (l *linter) document(i int) {
	d := l.docs[i]
	switch today := l.now.UTC().Truncate(24 * time.Hour); {
	case d.Review.IsZero():
		l.add(d, 0, "review", "no_review_date", "is missing; add the day of the next review, such as %s", today.AddDate(0, 6, 0).Format(time.DateOnly))
	case d.Review.Before(today):
		l.add(d, 0, "review", "review_overdue", "%s has passed; read the article again and set the next date", d.Review.Format(time.DateOnly))
	}
	title := [2]string{d.Locale, strings.ToLower(d.Title)}
	if first, ok := l.titles[title]; !ok {
		l.titles[title] = i
	} else if other := l.docs[first]; other.Slug != d.Slug {
		l.add(d, 0, "title", "duplicate_title", "is also the title of %s; name what is different", other.name())
	}
	switch n := utf8.RuneCountInString(d.Description); {
	case n == 0:
		l.warn(d, "description", "no_description", "is missing; say in one sentence what the article answers")
	case n > descriptionMost:
		l.warn(d, "description", "long_description", "has %d characters; search results show %d", n, descriptionMost)
	}
	if d.File != "" && d.File != d.Path() && !strings.HasSuffix(d.File, "/"+d.Path()) {
		l.warn(d, "", "misplaced_file", "is not where an export would put it; move it to %s", d.Path())
	}
	source, translated := l.keys[documentKey{d.article(), SourceLocale}]
	switch {
	case !translated:
		l.warn(d, "locale", "no_source", "is a translation of an article that does not exist in %q", SourceLocale)
	case !slices.Equal(d.Markets, l.docs[source].Markets) && sameSet(d.Markets, l.docs[source].Markets):
		l.warn(d, "markets", "markets_order", "are listed in another order than in %s; copy its line", l.docs[source].name())
	}
	for _, lang := range slices.Sorted(maps.Keys(d.Questions)) {
		for _, q := range d.Questions[lang] {
			if _, anchor, marked := SplitQuestion(q); marked && anchor != "" && !l.has(i, anchor) {
				l.add(d, 0, "questions", "question_without_section", "%s in %s is asked of a heading that this version does not have", quote(q), quote(lang))
			}
		}
	}
	l.body(i)
}

// body checks a document's Markdown.
func (l *linter) body(i int) {
	d := l.docs[i]
	src := []byte(d.Markdown)
	level := 1 // the title's
	root := parseMarkdown(src)
	l.lintGuides(d, root, src, func(n ast.Node) int {
		if pos := n.Pos(); d.BodyLine > 0 && pos >= 0 {
			return d.BodyLine + strings.Count(d.Markdown[:pos], "\n")
		}
		return 0
	})
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		line := 0
		if pos := n.Pos(); d.BodyLine > 0 && pos >= 0 && n.Type() != ast.TypeDocument {
			line = d.BodyLine + strings.Count(d.Markdown[:pos], "\n")
		}
		switch n := n.(type) {
		case *ast.Heading:
			switch words := inlineText(n, src); {
			case n.Level == 1:
				l.add(d, line, "body", "level_1_heading", "heading %s has level 1, which is the title's; write it with ##", quote(words))
			case n.Level > level+1:
				l.add(d, line, "body", "heading_skips", "heading %s has level %d below level %d; write it with %s", quote(words), n.Level, level, strings.Repeat("#", level+1))
			case words == "":
				l.add(d, line, "body", "empty_heading", "heading has no words; write some or remove it")
			}
			level = n.Level
		case *ast.Link:
			l.link(i, line, destination(n.Destination))
		case *ast.Image:
			if inlineText(n, src) == "" {
				l.add(d, line, "body", "image_without_description", "image %s has no description; write what it shows between the square brackets", quote(destination(n.Destination)))
			}
			if kind := linkKind(destination(n.Destination)); kind == linkUnsafe || kind == linkContact || strings.HasPrefix(strings.ToLower(destination(n.Destination)), "http:") {
				l.add(d, line, "body", "unsafe_link", "image %s is not shown; use an https address or a path", quote(destination(n.Destination)))
			}
		case *ast.HTMLBlock:
			l.add(d, line, "body", "raw_html", "HTML is not shown; write it as Markdown")
		case *ast.RawHTML:
			if !lineBreak.Match(rawHTML(n, src)) {
				l.add(d, line, "body", "raw_html", "HTML is not shown; write it as Markdown")
			}
		}
		return ast.WalkContinue, nil
	})
}

// link checks where a link leads.
func (l *linter) link(i, line int, dest string) {
	d := l.docs[i]
	switch linkKind(dest) {
	case linkUnsafe:
		l.add(d, line, "body", "unsafe_link", "link %s is not shown; use an https address or a path", quote(dest))
		return
	case linkExternal, linkContact:
		return
	}
	path, fragment, _ := strings.Cut(dest, "#")
	path, _, _ = strings.Cut(path, "?")
	if path == "" {
		if !l.has(i, fragment) {
			l.add(d, line, "body", "broken_link", "link %s leads to a heading that this article does not have", quote(dest))
		}
		return
	}
	slug, ok := strings.CutPrefix(path, "/help/")
	if !ok {
		l.add(d, line, "body", "broken_link", "link %s leads to no article; write articles as /help/<slug> and other sites with https://", quote(dest))
		return
	}
	targets := l.slugs[slug]
	if len(targets) == 0 {
		l.add(d, line, "body", "broken_link", "link %s leads to an article that does not exist", quote(dest))
		return
	}
	if !slices.ContainsFunc(targets, func(t int) bool { return readable(l.docs[t].Audience, d.Audience) }) {
		l.add(d, line, "body", "broken_link", "link %s leads to an article for another audience", quote(dest))
		return
	}
	// A fragment must exist where this document's readers would land: in their locale, or in the source locale.
	if here := slices.DeleteFunc(slices.Clone(targets), func(t int) bool { return l.docs[t].Locale != d.Locale }); len(here) > 0 {
		targets = here
	}
	if fragment != "" && !slices.ContainsFunc(targets, func(t int) bool { return l.has(t, fragment) }) {
		l.add(d, line, "body", "broken_link", "link %s leads to a heading that the article does not have", quote(dest))
	}
	if missing := l.unreachable(d, slug); len(missing) > 0 {
		l.warn(d, "body", "link_other_market", "link %s leads nowhere for readers in %s", quote(dest), strings.Join(missing, ", "))
	}
}

// readable reports whether an article for one audience is shown to a reader of another: merchants are shown consumers'
// articles as well, because they are asked about them.
func readable(article, reader string) bool { return article == reader || article == Consumer }

// has reports whether a document has a heading with this anchor.
func (l *linter) has(i int, anchor string) bool {
	if l.anchors[i] == nil {
		l.anchors[i] = map[string]bool{}
		for _, h := range Anchors(l.docs[i].Markdown) {
			l.anchors[i][h.Anchor] = true
		}
	}
	return l.anchors[i][anchor]
}

// unreachable returns the markets of d, all that any article names when d is for every market, in which no variant of
// slug is shown.
func (l *linter) unreachable(d Document, slug string) []string {
	covered := map[string]bool{}
	for _, t := range l.slugs[slug] {
		if len(l.docs[t].Markets) == 0 {
			return nil
		}
		for _, m := range l.docs[t].Markets {
			covered[m] = true
		}
	}
	markets := d.Markets
	if len(markets) == 0 {
		for _, doc := range l.docs {
			for _, m := range doc.Markets {
				if !slices.Contains(markets, m) {
					markets = append(markets, m)
				}
			}
		}
		slices.Sort(markets)
	}
	return slices.DeleteFunc(slices.Clone(markets), func(m string) bool { return covered[m] })
}
