package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/assistant/evaluate"
	"github.com/firstline/firstline/internal/fault"
)

// shownMistakes is how many mistakes of the labels are told at once.
const shownMistakes = 5

// checkLabels holds the labels against the markets, languages and sections that there are. A label that nothing can meet
// would count as a wrong answer, and a market that nobody is in would be asked as if it had no articles of its own. The
// error names each conversation, the field, and the remedy.
func (a *app) checkLabels(ctx context.Context, l evaluate.Labels) error {
	sections, err := a.publishedSections(ctx)
	if err != nil {
		return err
	}
	site := a.site()
	var markets, mistakes []string
	for _, m := range site.Markets {
		markets = append(markets, m.Code)
	}
	wrong := func(id, format string, args ...any) {
		mistakes = append(mistakes, fmt.Sprintf("%s: ", id)+fmt.Sprintf(format, args...))
	}
	seen := map[string]bool{}
	check := func(id, market, locale, audience string, answers []string) {
		if seen[id] {
			wrong(id, `"id" is given twice; every conversation needs one of its own`)
		}
		seen[id] = true
		if !slices.Contains(markets, market) {
			wrong(id, `"market" is %q, want one of %s`, market, strings.Join(markets, ", "))
		}
		if !slices.Contains(site.Locales, locale) {
			wrong(id, `"locale" is %q, want one of %s`, locale, strings.Join(site.Locales, ", "))
		}
		if audience != "consumer" && audience != "merchant" {
			wrong(id, `"audience" is %q, want consumer or merchant`, audience)
		}
		for _, s := range answers {
			if !sections[s] {
				wrong(id, `"answers" has %q, which is no section of a published article; import the articles, or correct the label`, s)
			}
		}
	}
	for _, q := range l.Questions {
		check(q.ID, q.Market, q.Locale, q.Audience, q.Answers)
	}
	for _, d := range l.Dialogues {
		var answers []string
		for _, t := range d.Turns {
			answers = append(answers, t.Answers...)
		}
		check(d.ID, d.Market, d.Locale, d.Audience, answers)
	}
	if len(mistakes) == 0 {
		return nil
	}
	told := strings.Join(mistakes[:min(shownMistakes, len(mistakes))], "\n  ")
	if more := len(mistakes) - shownMistakes; more > 0 {
		told += fmt.Sprintf("\n  and %d more", more)
	}
	return fault.Field("--suite", "wrong_labels", "the labels do not fit what is published:\n  %s", told)
}

// publishedSections are the sections of the published articles as labels name them: slug#anchor, and "slug#" for what
// stands above the first heading, whether or not anything does.
func (a *app) publishedSections(ctx context.Context) (map[string]bool, error) {
	rows, err := a.pool.Query(ctx, `SELECT DISTINCT a.slug, p.anchor FROM passages p
		JOIN article_versions v ON v.id = p.version_id JOIN articles a ON a.id = v.article_id WHERE v.state = 'published'`)
	if err != nil {
		return nil, fmt.Errorf("read the sections: %w", err)
	}
	type section struct{ Slug, Anchor string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[section])
	if err != nil {
		return nil, fmt.Errorf("read the sections: %w", err)
	}
	known := make(map[string]bool, 2*len(all))
	for _, s := range all {
		known[s.Slug+"#"+s.Anchor], known[s.Slug+"#"] = true, true
	}
	return known, nil
}
