package handoff

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Hours says when a team is there: one schedule for each market, or "" for every other.
type Hours struct {
	AlwaysOpen bool                `json:"always_open,omitempty" yaml:"always_open"`
	Markets    map[string]Schedule `json:"markets,omitempty" yaml:"markets"`

	// Closures are what was announced over the hours, also for a team that is always open. They are stored apart, and are
	// filled in where a team is read.
	Closures []Closure `json:"-" yaml:"-"`
}

// Schedule is a week of windows in one time zone, without the holidays.
type Schedule struct {
	TimeZone string       `json:"time_zone" yaml:"time_zone"` // IANA name
	Windows  []Window     `json:"windows" yaml:"windows"`
	Holidays []string     `json:"holidays,omitempty" yaml:"holidays"` // local dates, 2006-01-02, on which no window begins
	Special  []SpecialDay `json:"special,omitempty" yaml:"special"`
}

// SpecialDay has windows of its own in place of the week's: half of a holiday, or a Sunday before it.
type SpecialDay struct {
	Date string `json:"date" yaml:"date"` // local, 2006-01-02
	From string `json:"from" yaml:"from"` // as in Window
	To   string `json:"to" yaml:"to"`
}

// Window is open from From to To, local time, beginning on each of Days (1 is Monday, 7 is Sunday). A To that is not
// later than From is on the next day.
type Window struct {
	Days []int  `json:"days" yaml:"days"`
	From string `json:"from" yaml:"from"` // 15:04
	To   string `json:"to" yaml:"to"`     // 15:04, or 24:00
}

// Validate reports the first mistake.
func (h Hours) Validate() error {
	for market, s := range h.Markets {
		if err := s.validate(); err != nil {
			return fmt.Errorf("hours of market %q: %w", market, err)
		}
	}
	return nil
}

func (s Schedule) validate() error {
	if _, err := zone(s.TimeZone); err != nil {
		return fmt.Errorf("time_zone %q is not known", s.TimeZone)
	}
	for _, w := range s.Windows {
		if err := times(w.From, w.To); err != nil {
			return err
		}
		for _, d := range w.Days {
			if d < 1 || d > 7 {
				return fmt.Errorf("day %d is not between 1 (Monday) and 7 (Sunday)", d)
			}
		}
	}
	for _, d := range s.Holidays {
		if _, err := time.Parse(time.DateOnly, d); err != nil {
			return fmt.Errorf("holiday %q is not a date such as 2026-12-25", d)
		}
	}
	for _, d := range s.Special {
		if _, err := time.Parse(time.DateOnly, d.Date); err != nil {
			return fmt.Errorf("special day %q is not a date such as 2026-12-24", d.Date)
		}
		if slices.Contains(s.Holidays, d.Date) {
			return fmt.Errorf("%s is both a holiday and a special day; keep one of them", d.Date)
		}
		if err := times(d.From, d.To); err != nil {
			return err
		}
	}
	return nil
}

func times(all ...string) error {
	for _, x := range all {
		if _, err := clock(x); err != nil {
			return err
		}
	}
	return nil
}

var zones sync.Map // of *time.Location by name: LoadLocation reads a file each time

func zone(name string) (*time.Location, error) {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, l)
	}
	return l, err
}

// clock parses 15:04 into minutes after midnight.
func clock(s string) (int, error) {
	var h, m int
	if n, err := fmt.Sscanf(s, "%d:%d", &h, &m); n != 2 || err != nil || h < 0 || m < 0 || m > 59 || h*60+m > 24*60 {
		return 0, fmt.Errorf("time %q is not of the form 15:04", s)
	}
	return h*60 + m, nil
}

// lookAhead is how many days are searched for the next opening; no desk closes longer.
const lookAhead = 31

// At tells whether the team is there for a market at t, and if not, when it opens next (zero when it never does within a
// month). Windows are placed on the local calendar, so that daylight saving moves neither opening nor closing.
func (h Hours) At(market string, t time.Time) (open bool, opens time.Time) {
	s, found := h.next(market, t)
	if !found {
		return false, time.Time{}
	}
	if !s.from.After(t) {
		return true, time.Time{}
	}
	return false, s.from.UTC()
}

// Closes is when the team that is open at t closes next; zero where it is closed, or open for longer than a month.
func (h Hours) Closes(market string, t time.Time) time.Time {
	s, found := h.next(market, t)
	if !found || s.from.After(t) || s.to.Sub(t) > lookAhead*24*time.Hour {
		return time.Time{}
	}
	return s.to.UTC()
}

// Changes is when the team opens or closes next; zero when it does neither within a month.
func (h Hours) Changes(market string, t time.Time) time.Time {
	if open, opens := h.At(market, t); !open {
		return opens
	}
	return h.Closes(market, t)
}

// next is the first span that ends after t.
func (h Hours) next(market string, t time.Time) (span, bool) {
	for _, days := range []int{8, lookAhead} { // nearly always within the week
		if s := h.spans(market, t, days); len(s) > 0 && (s[0].to.Before(t.AddDate(0, 0, days-1)) || days == lookAhead) {
			return s[0], true
		}
	}
	return span{}, false
}

// longest is how far Add looks: a target of a working week still ends for a team that is there an hour a week.
const longest = 400

// Add is the moment at which the team will have been there for so long since t. A team that is never there long enough
// counts by the wall clock, so that a deadline exists all the same.
func (h Hours) Add(market string, t time.Time, d time.Duration) time.Time {
	for _, days := range []int{8, 60, longest} {
		left := d
		for _, s := range h.spans(market, t, days) {
			from := later(s.from, t)
			if rest := s.to.Sub(from); rest < left {
				left -= rest
				continue
			}
			return from.Add(left).UTC()
		}
	}
	return t.Add(d)
}

// Between is how long the team is there from a to b, which lie within a year.
func (h Hours) Between(market string, a, b time.Time) (d time.Duration) {
	days := int(b.Sub(a).Hours()/24) + 2
	for _, s := range h.spans(market, a, min(days, longest)) {
		if from, to := later(s.from, a), earlier(s.to, b); to.After(from) {
			d += to.Sub(from)
		}
	}
	return d
}

// span is a time without a gap in which the team is there.
type span struct{ from, to time.Time }

// spans are the times that end after t of which the windows begin up to so many days later, in order, and without what was
// announced as closed. Windows that meet or overlap are one span.
func (h Hours) spans(market string, t time.Time, days int) []span {
	all := h.weekly(market, t, days)
	slices.SortFunc(all, func(a, b span) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	var out []span
	for _, s := range all {
		if n := len(out); n > 0 && !s.from.After(out[n-1].to) {
			out[n-1].to = later(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	for _, c := range h.Closures {
		if c.Market == nil || *c.Market == market {
			out = without(out, span{c.StartsAt, c.EndsAt})
		}
	}
	return slices.DeleteFunc(out, func(s span) bool { return !s.to.After(t) })
}

// weekly are the spans of the schedule, unsorted.
func (h Hours) weekly(market string, t time.Time, days int) (out []span) {
	if h.AlwaysOpen {
		return []span{{t.AddDate(0, 0, -1), t.AddDate(0, 0, days+1)}}
	}
	s, ok := h.Markets[market]
	if !ok {
		if s, ok = h.Markets[""]; !ok {
			return nil
		}
	}
	loc, err := zone(s.TimeZone)
	if err != nil {
		return nil
	}
	local := t.In(loc)
	for day := -1; day <= days; day++ { // yesterday's windows may reach into today
		date := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, loc)
		out = append(out, s.on(date)...)
	}
	return out
}

// on are the windows that begin on a date.
func (s Schedule) on(date time.Time) (out []span) {
	name := date.Format(time.DateOnly)
	if slices.Contains(s.Holidays, name) {
		return nil
	}
	for _, d := range s.Special {
		if d.Date == name {
			out = append(out, placed(date, d.From, d.To))
		}
	}
	if slices.ContainsFunc(s.Special, func(d SpecialDay) bool { return d.Date == name }) {
		return out
	}
	for _, w := range s.Windows {
		if w.on(date) {
			out = append(out, placed(date, w.From, w.To))
		}
	}
	return out
}

// without takes the gap out of the spans.
func without(all []span, gap span) (out []span) {
	for _, s := range all {
		if !gap.from.Before(s.to) || !gap.to.After(s.from) {
			out = append(out, s)
			continue
		}
		if s.from.Before(gap.from) {
			out = append(out, span{s.from, gap.from})
		}
		if s.to.After(gap.to) {
			out = append(out, span{gap.to, s.to})
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Zone is the IANA name of the time zone that the market's hours are in; "" where the team has none.
func (h Hours) Zone(market string) string {
	if s, ok := h.Markets[market]; ok {
		return s.TimeZone
	}
	return h.Markets[""].TimeZone
}

func (w Window) on(date time.Time) bool {
	wd := int(date.Weekday())
	if wd == 0 {
		wd = 7
	}
	for _, d := range w.Days {
		if d == wd {
			return true
		}
	}
	return false
}

// placed puts local times on a date; an end that is not later than the start is on the next day.
func placed(date time.Time, from, to string) span {
	f, _ := clock(from)
	e, _ := clock(to)
	if e <= f {
		e += 24 * 60
	}
	at := func(minutes int) time.Time {
		return time.Date(date.Year(), date.Month(), date.Day(), 0, minutes, 0, 0, date.Location())
	}
	return span{at(f), at(e)}
}
