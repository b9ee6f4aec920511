package handoff

import (
	"fmt"
	"time"
)

// Hours says when a team is there: one schedule for each market, or "" for every other.
type Hours struct {
	AlwaysOpen bool                `json:"always_open,omitempty" yaml:"always_open"`
	Markets    map[string]Schedule `json:"markets,omitempty" yaml:"markets"`
}

// Schedule is a week of windows in one time zone, without the holidays.
type Schedule struct {
	TimeZone string   `json:"time_zone" yaml:"time_zone"` // IANA name
	Windows  []Window `json:"windows" yaml:"windows"`
	Holidays []string `json:"holidays,omitempty" yaml:"holidays"` // local dates, 2006-01-02, on which no window begins
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
		if _, err := time.LoadLocation(s.TimeZone); err != nil {
			return fmt.Errorf("hours of market %q: time_zone %q is not known", market, s.TimeZone)
		}
		for _, w := range s.Windows {
			for _, x := range []string{w.From, w.To} {
				if _, err := clock(x); err != nil {
					return fmt.Errorf("hours of market %q: %w", market, err)
				}
			}
			for _, d := range w.Days {
				if d < 1 || d > 7 {
					return fmt.Errorf("hours of market %q: day %d is not between 1 (Monday) and 7 (Sunday)", market, d)
				}
			}
		}
		for _, d := range s.Holidays {
			if _, err := time.Parse(time.DateOnly, d); err != nil {
				return fmt.Errorf("hours of market %q: holiday %q is not a date such as 2026-12-25", market, d)
			}
		}
	}
	return nil
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
	if h.AlwaysOpen {
		return true, time.Time{}
	}
	s, ok := h.Markets[market]
	if !ok {
		if s, ok = h.Markets[""]; !ok {
			return false, time.Time{}
		}
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return false, time.Time{}
	}
	local := t.In(zone)
	for day := -1; day <= lookAhead; day++ { // yesterday's windows may reach into today
		date := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, zone)
		if s.holiday(date) {
			continue
		}
		for _, w := range s.Windows {
			if !w.on(date) {
				continue
			}
			from, to := w.span(date)
			if !t.Before(from) && t.Before(to) {
				return true, time.Time{}
			}
			if from.After(t) && (opens.IsZero() || from.Before(opens)) {
				opens = from
			}
		}
		if !opens.IsZero() && day >= 0 {
			return false, opens.UTC()
		}
	}
	return false, opens
}

// Zone is the IANA name of the time zone that the market's hours are in; "" where the team has none.
func (h Hours) Zone(market string) string {
	if s, ok := h.Markets[market]; ok {
		return s.TimeZone
	}
	return h.Markets[""].TimeZone
}

func (s Schedule) holiday(date time.Time) bool {
	d := date.Format(time.DateOnly)
	for _, h := range s.Holidays {
		if h == d {
			return true
		}
	}
	return false
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

// span places the window on a date.
func (w Window) span(date time.Time) (from, to time.Time) {
	f, _ := clock(w.From)
	e, _ := clock(w.To)
	if e <= f {
		e += 24 * 60
	}
	at := func(minutes int) time.Time {
		return time.Date(date.Year(), date.Month(), date.Day(), 0, minutes, 0, 0, date.Location())
	}
	return at(f), at(e)
}
