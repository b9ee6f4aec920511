package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The size of a plot in its own units, and the frame within it that leaves room for the numbers and names of the axes.
// Type of 11 units stays legible where a plot is as narrow as a telephone.
const (
	plotWidth, plotHeight                     = 340.0, 264.0
	frameLeft, frameRight, frameTop, frameEnd = 46.0, 322.0, 10.0, 220.0
)

// plot draws one picture with both axes beginning at 0. Colours come from the page's style sheet, so that the picture
// follows its light and dark.
type plot struct {
	b          strings.Builder
	xMax, yMax float64
}

// newPlot begins a picture that readers who do not see it are told of by its title and description.
func newPlot(id, title, desc string, xMax, yMax float64) *plot {
	p := &plot{xMax: xMax, yMax: yMax}
	fmt.Fprintf(&p.b, `<svg viewBox="0 0 %v %v" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		plotWidth, plotHeight, id, id, id, html.EscapeString(title), id, html.EscapeString(desc))
	return p
}

// x and y turn values into places; what lies outside the axes is drawn at their end.
func (p *plot) x(v float64) float64 {
	return frameLeft + (frameRight-frameLeft)*min(max(v/p.xMax, 0), 1)
}
func (p *plot) y(v float64) float64 {
	return frameEnd - (frameEnd-frameTop)*min(max(v/p.yMax, 0), 1)
}

// axes draws the grid with a number at each of five steps, and names both axes.
func (p *plot) axes(xName, yName string, number func(float64) string, yNumber func(float64) string) {
	const steps = 5
	for i := range steps + 1 {
		share := float64(i) / steps
		x, y := p.x(share*p.xMax), p.y(share*p.yMax)
		fmt.Fprintf(&p.b, `<path class="grid" d="M%.1f %.1fV%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			x, frameTop, frameEnd, x, frameEnd+16, number(share*p.xMax))
		fmt.Fprintf(&p.b, `<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
			frameLeft, y, frameRight, frameLeft-6, y+4, yNumber(share*p.yMax))
	}
	fmt.Fprintf(&p.b, `<text class="axis" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, (frameLeft+frameRight)/2, plotHeight-8, html.EscapeString(xName))
	middle := (frameTop + frameEnd) / 2
	fmt.Fprintf(&p.b, `<text class="axis" x="11" y="%.1f" text-anchor="middle" transform="rotate(-90 11 %.1f)">%s</text>`, middle, middle, html.EscapeString(yName))
}

// line draws a curve; points closer together than can be seen are left out.
func (p *plot) line(class string, curve []point) {
	var d strings.Builder
	lastX, lastY := math.Inf(-1), math.Inf(-1)
	for i, c := range curve {
		x, y := p.x(c.x), p.y(c.y)
		if i > 0 && i < len(curve)-1 && math.Abs(x-lastX) < 0.7 && math.Abs(y-lastY) < 0.7 {
			continue
		}
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%.1f %.1f", command, x, y)
		lastX, lastY = x, y
	}
	fmt.Fprintf(&p.b, `<path class="%s" d="%s"/>`, class, d.String())
}

// dot marks a value, by a circle of the given radius.
func (p *plot) dot(class string, at point, radius float64) {
	fmt.Fprintf(&p.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/>`, class, p.x(at.x), p.y(at.y), radius)
}

// bar fills the column between two values of x, from one height to another.
func (p *plot) bar(class string, from, to, bottom, top float64) {
	if top <= bottom {
		return
	}
	const gap = 0.8
	fmt.Fprintf(&p.b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, p.x(from)+gap, p.y(top), p.x(to)-p.x(from)-2*gap, p.y(bottom)-p.y(top))
}

// end closes the picture. Every text in it was escaped when it was written.
func (p *plot) end() template.HTML {
	p.b.WriteString("</svg>")
	return template.HTML(p.b.String())
}

// percent writes a share for an axis or a sentence, without a decimal where none is needed.
func percent(v float64) string {
	v = math.Round(v*1000) / 10
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f%%", v)
	}
	return fmt.Sprintf("%.1f%%", v)
}

// roundUp is the least number no less than v whose fifths are short to write, for the end of an axis.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 7.5} {
		if v <= step*scale*(1+1e-9) {
			return step * scale
		}
	}
	return 10 * scale
}
