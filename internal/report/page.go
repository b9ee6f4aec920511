package report

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"format": format}).Parse(pageText))

// WritePage writes a report as one page that needs nothing but itself.
func WritePage(w io.Writer, r Report) error {
	type area struct {
		Title, Thing   string
		Facts, Columns []string
		Entries        []Entry
	}
	var shown []area
	for _, a := range areas {
		if entries := r.of(a); len(entries) > 0 {
			shown = append(shown, area{heads[a].title, heads[a].thing, factColumns(entries), columns(entries), entries})
		}
	}
	return pageTemplate.Execute(w, shown)
}
