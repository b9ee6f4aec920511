package handoff

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/kb/demo"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	x, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func demoHours(t *testing.T) Hours {
	t.Helper()
	var f struct {
		Teams []TeamSeed `yaml:"teams"`
	}
	data, err := fs.ReadFile(demo.FS, "teams.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	for _, team := range f.Teams {
		if err := team.Hours.Validate(); err != nil {
			t.Errorf("%s: %v", team.Key, err)
		}
		if team.Key == "general" {
			return team.Hours
		}
	}
	t.Fatal("no general team")
	return Hours{}
}

// The demo's markets, around both changes of the clocks in 2027, at weekends and on holidays. Times are UTC.
func TestDemoHours(t *testing.T) {
	t.Parallel()
	h := demoHours(t)
	for _, c := range []struct {
		what, market, now string
		open              bool
		opens             string
	}{
		{"a Monday in winter", "gb", "2027-03-22T08:00:00Z", true, ""},
		{"a minute before", "gb", "2027-03-22T07:59:59Z", false, "2027-03-22T08:00:00Z"},
		{"closing is closed", "gb", "2027-03-22T20:00:00Z", false, "2027-03-23T08:00:00Z"},
		{"Good Friday leads to Saturday's hours", "gb", "2027-03-26T10:00:00Z", false, "2027-03-27T09:00:00Z"},
		{"the Sunday on which summer begins: 09:00 is an hour earlier", "gb", "2027-03-28T07:59:00Z", false, "2027-03-28T08:00:00Z"},
		{"and open then", "gb", "2027-03-28T08:00:00Z", true, ""},
		{"Easter Monday leads to Tuesday", "gb", "2027-03-29T10:00:00Z", false, "2027-03-30T07:00:00Z"},
		{"the Sunday on which winter begins", "gb", "2027-10-31T08:59:00Z", false, "2027-10-31T09:00:00Z"},
		{"Saturday before it", "gb", "2027-10-30T08:00:00Z", true, ""},
		{"New York changes two weeks earlier: before", "us", "2027-03-13T12:59:00Z", false, "2027-03-13T13:00:00Z"},
		{"New York, after", "us", "2027-03-14T12:00:00Z", true, ""},
		{"New York, in autumn", "us", "2027-11-07T12:59:00Z", false, "2027-11-07T13:00:00Z"},
		{"New York, at its midnight", "us", "2027-06-02T03:00:00Z", false, "2027-06-02T12:00:00Z"},
		{"Thanksgiving", "us", "2027-11-25T15:00:00Z", false, "2027-11-26T13:00:00Z"},
		{"Berlin, Saturday afternoon to Tuesday after Easter", "de", "2027-03-27T13:00:00Z", false, "2027-03-30T06:00:00Z"},
		{"Berlin, Saturday after the change in autumn", "de", "2027-11-06T08:00:00Z", true, ""},
		{"Madrid has no weekend", "es", "2027-10-29T17:00:00Z", false, "2027-11-02T08:00:00Z"},
		{"Madrid in summer", "es", "2027-07-01T07:00:00Z", true, ""},
		{"Stockholm, midsummer", "se", "2027-06-26T09:00:00Z", false, "2027-06-28T06:00:00Z"},
		{"Stockholm, Saturday", "se", "2027-10-30T08:00:00Z", true, ""},
		{"a market without a schedule", "fr", "2027-03-22T10:00:00Z", false, ""},
	} {
		open, opens := h.At(c.market, at(t, c.now))
		want := time.Time{}
		if c.opens != "" {
			want = at(t, c.opens)
		}
		if open != c.open || !opens.Equal(want) {
			t.Errorf("%s (%s at %s): open %v, opens %s; want %v, %s", c.what, c.market, c.now, open, opens.Format(time.RFC3339), c.open, c.opens)
		}
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	night := Hours{Markets: map[string]Schedule{"": {TimeZone: "Europe/Berlin", Holidays: []string{"2027-06-04"},
		Windows: []Window{{Days: []int{1, 2, 3, 4, 5}, From: "22:00", To: "06:00"}}}}}
	day := Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC", Windows: []Window{{Days: []int{3}, From: "00:00", To: "24:00"}}}}}
	rest := Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC", Windows: []Window{{Days: []int{3}, From: "00:00", To: "00:00"}}}}}
	never := Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC"}}}
	for _, c := range []struct {
		what  string
		hours Hours
		now   string
		open  bool
		opens string
	}{
		{"over midnight, in the evening", night, "2027-06-02T20:00:00Z", true, ""},
		{"over midnight, in the morning", night, "2027-06-03T03:59:00Z", true, ""},
		{"over midnight, after it", night, "2027-06-03T04:00:00Z", false, "2027-06-03T20:00:00Z"},
		{"the window of the day before a holiday reaches into it", night, "2027-06-04T03:00:00Z", true, ""},
		{"a holiday's own window does not begin, and neither do Saturday's and Sunday's", night, "2027-06-04T21:00:00Z", false, "2027-06-07T20:00:00Z"},
		{"Saturday morning after the holiday", night, "2027-06-05T03:00:00Z", false, "2027-06-07T20:00:00Z"},
		{"the night in which summer begins", Hours{Markets: map[string]Schedule{"": {TimeZone: "Europe/Berlin",
			Windows: []Window{{Days: []int{6}, From: "22:00", To: "06:00"}}}}}, "2027-03-28T03:59:00Z", true, ""},
		{"24:00, first minute", day, "2027-06-02T00:00:00Z", true, ""},
		{"24:00, last minute", day, "2027-06-02T23:59:59Z", true, ""},
		{"24:00, over", day, "2027-06-03T00:00:00Z", false, "2027-06-09T00:00:00Z"},
		{"midnight to midnight is a whole day", rest, "2027-06-02T12:00:00Z", true, ""},
		{"never", never, "2027-06-02T12:00:00Z", false, ""},
		{"always", Hours{AlwaysOpen: true}, "2027-12-25T03:00:00Z", true, ""},
	} {
		open, opens := c.hours.At("gb", at(t, c.now))
		want := time.Time{}
		if c.opens != "" {
			want = at(t, c.opens)
		}
		if open != c.open || !opens.Equal(want) {
			t.Errorf("%s: open %v, opens %s; want %v, %s", c.what, open, opens.Format(time.RFC3339), c.open, c.opens)
		}
	}
	month := Schedule{TimeZone: "UTC", Windows: []Window{{Days: []int{1, 2, 3, 4, 5, 6, 7}, From: "09:00", To: "17:00"}}}
	for d := range 40 {
		month.Holidays = append(month.Holidays, time.Date(2027, 7, 1+d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	if open, opens := (Hours{Markets: map[string]Schedule{"": month}}).At("gb", at(t, "2027-07-01T12:00:00Z")); open || !opens.IsZero() {
		t.Errorf("closed for a month: %v, %v", open, opens)
	}
	month.Holidays = month.Holidays[:31]
	if _, opens := (Hours{Markets: map[string]Schedule{"": month}}).At("gb", at(t, "2027-07-01T12:00:00Z")); !opens.Equal(at(t, "2027-08-01T09:00:00Z")) {
		t.Errorf("closed for 31 days: opens %v", opens)
	}
}

func TestHoursValidate(t *testing.T) {
	t.Parallel()
	ok := func() Schedule {
		return Schedule{TimeZone: "Europe/London", Windows: []Window{{Days: []int{1}, From: "08:00", To: "24:00"}}, Holidays: []string{"2027-12-25"}}
	}
	for want, spoil := range map[string]func(*Schedule){
		"":          func(*Schedule) {},
		"time_zone": func(s *Schedule) { s.TimeZone = "Europe/Atlantis" },
		"25:00":     func(s *Schedule) { s.Windows[0].To = "25:00" },
		"08:60":     func(s *Schedule) { s.Windows[0].From = "08:60" },
		"morning":   func(s *Schedule) { s.Windows[0].From = "morning" },
		"day 0":     func(s *Schedule) { s.Windows[0].Days = []int{0} },
		"25.12.":    func(s *Schedule) { s.Holidays = []string{"25.12."} },
	} {
		s := ok()
		spoil(&s)
		err := Hours{Markets: map[string]Schedule{"gb": s}}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// Whatever the windows: who is closed opens when it is said, and not before.
func TestOpensWhenItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		clockTime := rapid.Custom(func(rt *rapid.T) string {
			return time.Date(2027, 1, 1, rapid.IntRange(0, 23).Draw(rt, "h"), rapid.SampledFrom([]int{0, 15, 30}).Draw(rt, "m"), 0, 0, time.UTC).Format("15:04")
		})
		s := Schedule{TimeZone: rapid.SampledFrom([]string{"Europe/London", "America/New_York", "Europe/Berlin", "Asia/Kolkata"}).Draw(rt, "zone")}
		for range rapid.IntRange(1, 3).Draw(rt, "windows") {
			s.Windows = append(s.Windows, Window{Days: rapid.SliceOfN(rapid.IntRange(1, 7), 1, 7).Draw(rt, "days"), From: clockTime.Draw(rt, "from"), To: clockTime.Draw(rt, "to")})
		}
		h := Hours{Markets: map[string]Schedule{"": s}}
		now := time.Date(2027, time.Month(rapid.SampledFrom([]int{3, 6, 10, 11}).Draw(rt, "month")), rapid.IntRange(1, 31).Draw(rt, "day"),
			rapid.IntRange(0, 23).Draw(rt, "hour"), rapid.SampledFrom([]int{0, 7, 30, 59}).Draw(rt, "minute"), 0, 0, time.UTC)
		open, opens := h.At("gb", now)
		if open {
			if !opens.IsZero() {
				rt.Fatalf("open, and opens %v", opens)
			}
			return
		}
		if !opens.After(now) || opens.Sub(now) > 8*24*time.Hour {
			rt.Fatalf("closed at %v, opens %v", now, opens)
		}
		if is, _ := h.At("gb", opens); !is {
			rt.Fatalf("not open at %v", opens)
		}
		for x := now; x.Before(opens); x = x.Add(15 * time.Minute) {
			if is, _ := h.At("gb", x); is {
				rt.Fatalf("open at %v already, not only from %v on", x, opens)
			}
		}
	})
}
