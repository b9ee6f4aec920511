package kb

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/internal/fault"
)

const canonical = `---
slug: late-fees
variant: us
collection: paying
locale: en
markets: [us, gb]
audience: consumer
title: "Late fees: what they cost"
description: What a late payment costs, in plain words.
review: 2027-03-01
owner: Payments team
ai_excluded: true
valid_from: 2027-01-01
valid_to: 2027-06-30T22:00:00Z
---

Body with --- and a rule.

---

End without line feed`

func TestParseFileReadsEveryField(t *testing.T) {
	got, err := ParseFile("a.md", []byte(canonical))
	if err != nil {
		t.Fatal(err)
	}
	want := Document{
		Slug: "late-fees", Variant: "us", Collection: "paying", Locale: "en", Markets: []string{"us", "gb"},
		Audience: Consumer, Title: "Late fees: what they cost", Description: "What a late payment costs, in plain words.",
		Review: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), Owner: "Payments team", AIExcluded: true,
		ValidFrom: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), ValidTo: time.Date(2027, 6, 30, 22, 0, 0, 0, time.UTC),
		Markdown: "\nBody with --- and a rule.\n\n---\n\nEnd without line feed",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.BodyLine != 16 {
		t.Errorf("body starts on line %d, want 16", got.BodyLine)
	}
	if d := cmp.Diff(canonical, string(got.Render())); d != "" {
		t.Error("canonical form changed:", d)
	}
}

func TestParseFileReadsOtherSpellings(t *testing.T) {
	// Comments, block lists, quotes, order and a time zone are another spelling of the same document.
	const other = `---
# kept by the payments team
title: 'Late fees: what they cost'
slug:   "late-fees"
variant: us   # market variant
collection: paying
locale: en
audience: consumer
markets:
  - gb
  - us
description: What a late payment costs, in plain words.
ai_excluded: true
owner: Payments team
review: "2027-03-01"
valid_from: 2027-01-01T00:00:00Z
valid_to: 2027-07-01T00:00:00+02:00
---

Body with --- and a rule.

---

End without line feed`
	a, err := ParseFile("a.md", []byte(canonical))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseFile("b.md", []byte(other))
	if err != nil {
		t.Fatal(err)
	}
	if !a.Equal(b) {
		t.Errorf("documents differ:\n%+v\n%+v", a, b)
	}
	b.Title += "!"
	if a.Equal(b) {
		t.Error("documents with different titles are equal")
	}
}

// TestParseFileProblems changes one thing in a good file and expects one problem, on its line, about its field.
func TestParseFileProblems(t *testing.T) {
	const good = "---\nslug: late-fees\ncollection: paying\nlocale: en\nmarkets: [us]\naudience: consumer\ntitle: Late fees\n---\nBody.\n"
	if _, err := ParseFile("good.md", []byte(good)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 201)
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "audience:", "tags: x\naudience:", `:6: tags: is not a known field`},
		{"misspelt key", "audience:", "market: x\naudience:", `did you mean "markets"?`},
		{"hyphen in key", "title:", "ai-excluded: true\ntitle:", `did you mean "ai_excluded"?`},
		{"duplicate key", "title: Late", "title: Early fees\ntitle: Late", `:8: title: stands twice, first on line 7`},
		{"slug missing", "slug: late-fees\n", "", `slug: is missing`},
		{"slug upper case", "late-fees", "Late-Fees", `:2: slug: "Late-Fees" must be lower-case`},
		{"slug double hyphen", "late-fees", "late--fees", `:2: slug: "late--fees" must be`},
		{"slug number", "late-fees", "2027", `:2: slug: is read as a number or a flag; put it in double quotes`},
		{"variant", "collection:", "variant: U.S.\ncollection:", `:3: variant: "U.S." must be`},
		{"variant empty", "collection:", "variant:\ncollection:", `:3: variant: is empty; write a value or remove the line`},
		{"collection missing", "collection: paying\n", "", `collection: is missing`},
		{"collection path", ": paying", ": ../paying", `:3: collection: "../paying" must be`},
		{"locale missing", "locale: en\n", "", `locale: is missing`},
		{"locale", "locale: en", "locale: english", `:4: locale: "english" must be a language code`},
		{"locale underscore", "locale: en", "locale: en_GB", `:4: locale: "en_GB" must be`},
		{"markets missing", "markets: [us]\n", "", `markets: is missing; list the markets`},
		{"markets text", "[us]", "us", `:5: markets: must be a list`},
		{"markets upper", "[us]", "[US]", `:5: markets: "US" must be a code of two lower-case letters`},
		{"markets twice", "[us]", "[us, gb, us]", `:5: markets: "us" is listed twice`},
		{"markets mapping", "[us]", "{us: 1}", `:5: markets: must be a list`},
		{"audience missing", "audience: consumer\n", "", `audience: is missing`},
		{"audience", ": consumer", ": everyone", `:6: audience: "everyone" must be "consumer" or "merchant"`},
		{"title missing", "title: Late fees\n", "", `title: is missing`},
		{"title empty", "title: Late fees", `title: ""`, `:7: title: is empty`},
		{"title long", "Late fees", long, `:7: title: is too long; shorten it to at most 200`},
		{"title spaces", "Late fees", `" Late fees"`, `:7: title: begins or ends with a space`},
		{"title lines", "Late fees", `"Late\nfees"`, `:7: title: has a line break`},
		{"title block", "title: Late fees", "title: |\n  Late fees", `:7: title: must stand on the line of its field`},
		{"title list", "Late fees", "[a, b]", `:7: title: must be plain text`},
		{"title tag", "Late fees", "!!str Late", `:7: title: must be plain text`},
		{"title alias", "title: Late fees", "title: &a Late fees", `:7: title: must be plain text`},
		{"description number", "audience:", "description: 12\naudience:", `:6: description: is read as a number`},
		{"review", "audience:", "review: 2027-02-30\naudience:", `:6: review: "2027-02-30" is not a date; write a day such as 2027-03-01`},
		{"review order", "audience:", "review: 01.03.2027\naudience:", `:6: review: "01.03.2027" is not a date`},
		{"review time", "audience:", "review: 2027-03-01T00:00:00Z\naudience:", `:6: review: "2027-03-01T00:00:00Z" is not a date`},
		{"review year one", "audience:", "review: 0001-01-01\naudience:", `:6: review: "0001-01-01" is not a date`},
		{"valid_from", "audience:", "valid_from: soon\naudience:", `:6: valid_from: "soon" is not a date; write a day such as 2027-03-01, or an instant`},
		{"valid_from fraction", "audience:", "valid_from: 2027-03-01T00:00:00.5Z\naudience:", `:6: valid_from: must lie in`},
		{"valid_to before", "audience:", "valid_from: 2027-03-01\nvalid_to: 2027-03-01\naudience:", `:7: valid_to: must be after valid_from`},
		{"ai_excluded", "audience:", "ai_excluded: yes\naudience:", `:6: ai_excluded: must be true or false`},
		{"body empty", "Body.\n", " \n\n", `:9: body: is empty`},
		{"CRLF", "locale: en\n", "locale: en\r\n", `:4: has a carriage return`},
		{"BOM", "---\nslug", "\ufeff---\nslug", `:1: begins with a byte order mark`},
		{"invalid UTF-8", "Body.", "Bod\xff.", `:9: byte 0xff is not UTF-8`},
		{"NUL", "Body.", "Bo\x00dy.", `:9: has a NUL byte`},
		{"no end", "---\nBody", "--\nBody", `:1: front matter has no end; add a line "---"`},
		{"no front matter", "---\nslug", "slug", `:1: has no front matter`},
		{"not a mapping", good[4:strings.Index(good, "---\nBody")], "- a\n- b\n", `:2: front matter is not a list of fields`},
		{"bad YAML", "Late fees", "Late: fees: x", `:7: front matter is not valid YAML`},
		{"several documents", "title:", "...\ntitle:", `front matter`},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := strings.Replace(good, c.old, c.new, 1)
			if data == good {
				t.Fatal("the case changes nothing")
			}
			_, err := ParseFile("x/late-fees.md", []byte(data))
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("got %v, want Problems", err)
			}
			if len(ps) != 1 || !strings.Contains(ps[0].String(), c.want) || ps[0].File != "x/late-fees.md" || ps[0].Rule == "" {
				t.Errorf("got %d problems:\n%v\nwant one with %q", len(ps), err, c.want)
			}
			if !fault.Is(err, fault.Invalid) {
				t.Error("not a fault of kind invalid")
			}
		})
	}
}

func TestParseFileReportsEverythingAtOnce(t *testing.T) {
	_, err := ParseFile("a.md", []byte("---\nslug: A\nlocale: xx-y\nfoo: 1\nreview: never\n---\n"))
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, p := range ps {
		got[p.Field] = true
	}
	for _, f := range []string{"slug", "locale", "foo", "review", "collection", "markets", "audience", "title", "body"} {
		if !got[f] {
			t.Errorf("nothing about %s in:\n%v", f, err)
		}
	}
}

// oneLine draws strings that look like titles, and strings that look like YAML.
func oneLine(least, most int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.OneOf(
			rapid.StringN(least, most, -1),
			rapid.StringOfN(rapid.RuneFrom([]rune(`ab1 -:#"'\[]{}&*!|>%@,?~=<.éß中`+"`")), least, most, -1),
			rapid.SampledFrom([]string{"yes", "no", "null", "~", "true", "1", "1.5", "0x1f", "1e3", ".inf", "2027-01-01", "- a", "? a", "a: b", "a #b", "'a'", `"a"`, "---", "...", "=", "<<", "!a", "&a", "*a", "|", ">", "%a", "@a", "12:30:45", "0o7", "-", "a:", ":a", "#a", "[a]", "{a}", "\\n", "no one", "¿Qué pasa?", "3 ways"}),
		).Draw(t, "line")
		s = strings.TrimSpace(strings.Map(func(r rune) rune {
			if notOneLine(r) || r == '\ufffd' {
				return -1
			}
			return r
		}, s))
		if s == "" && least > 0 {
			return "x"
		}
		return s
	})
}

func day() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "unset") {
			return time.Time{}
		}
		return time.Date(rapid.IntRange(1900, 9998).Draw(t, "year"), 1, rapid.IntRange(1, 365).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	})
}

func documents() *rapid.Generator[Document] {
	return rapid.Custom(func(t *rapid.T) Document {
		word := rapid.StringMatching(`[a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,2}`)
		d := Document{
			Slug: word.Draw(t, "slug"), Collection: word.Draw(t, "collection"),
			Locale:   rapid.StringMatching(`[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?`).Draw(t, "locale"),
			Markets:  rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{2}`), 0, 5, rapid.ID[string]).Draw(t, "markets"),
			Audience: rapid.SampledFrom([]string{Consumer, Merchant}).Draw(t, "audience"),
			Title:    oneLine(1, 60).Draw(t, "title"), Description: oneLine(0, 60).Draw(t, "description"), Owner: oneLine(0, 20).Draw(t, "owner"),
			AIExcluded: rapid.Bool().Draw(t, "excluded"), Review: day().Draw(t, "review"), ValidFrom: day().Draw(t, "from"),
			Markdown: "x" + strings.NewReplacer("\r", "", "\x00", "", "\ufffd", "").Replace(rapid.String().Draw(t, "body")),
		}
		if rapid.Bool().Draw(t, "has questions") {
			d.Questions = rapid.MapOfN(rapid.SampledFrom([]string{"en", "de", "sv", "pt-BR"}), rapid.SliceOfN(oneLine(1, 40), 1, 4), 1, 4).Draw(t, "questions")
		}
		if rapid.Bool().Draw(t, "is variant") {
			d.Variant = word.Draw(t, "variant")
		}
		if !d.ValidFrom.IsZero() {
			d.ValidTo = d.ValidFrom.Add(time.Duration(rapid.IntRange(1, 1e6).Draw(t, "seconds")) * time.Second)
		}
		return d
	})
}

func TestRenderIsReadBackUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := documents().Draw(t, "document")
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		data := d.Render()
		got, err := ParseFile("a.md", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if !got.Equal(d) {
			t.Fatalf("got %+v\nfrom\n%s", got, data)
		}
		if again := string(got.Render()); again != string(data) {
			t.Fatalf("not canonical: %q, then %q", data, again)
		}
	})
}

// TestParseFileNeverPanics holds for any front matter, and whatever is accepted can be written and read back.
func TestParseFileNeverPanics(t *testing.T) {
	piece := rapid.OneOf(rapid.SampledFrom(fields), rapid.SampledFrom([]string{": ", ":", "\n", "\n  ", "- ", "[", "]", "{", "}", "us", "en", "a", `"`, "'", "|", ">", "&a", "*a", "<<", "!!", "#", "---\n", "2027-01-01", "true", "?", ",", "%", "\t"}), rapid.StringN(0, 3, -1))
	rapid.Check(t, func(t *rapid.T) {
		front := strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "front"), "")
		d, err := ParseFile("a.md", []byte("---\n"+front+"\n---\nbody\n"))
		if err != nil {
			return
		}
		if e, err := ParseFile("b.md", d.Render()); err != nil || !e.Equal(d) {
			t.Fatalf("%v %+v %+v", err, d, e)
		}
	})
}

func TestSplitQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, text, anchor string
		marked             bool
	}{
		{"what does it cost {#late-fee}", "what does it cost", "late-fee", true},
		{"what is it {#}", "what is it", "", true},
		{"what does it cost", "what does it cost", "", false},
		{"is {#this} a mark?", "is {#this} a mark?", "", false},
		{"müssen beide {#größe-ändern}", "müssen beide", "größe-ändern", true},
	} {
		text, anchor, marked := SplitQuestion(c.line)
		if text != c.text || anchor != c.anchor || marked != c.marked {
			t.Errorf("%q: %q, %q, %v", c.line, text, anchor, marked)
		}
	}
}
