package llm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// agree fails when plain reads raw and encoding/json does not, or not the same.
func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, raw []byte) {
	t.Helper()
	fast, ok := plain(raw)
	if !ok {
		return
	}
	slow, err := general(raw)
	if err != nil {
		t.Fatalf("%q: %v, but was read as %+v", raw, err, fast)
	}
	if d := cmp.Diff(slow, fast, cmp.AllowUnexported(piece{})); d != "" {
		t.Fatalf("%q (-encoding/json +plain):\n%s", raw, d)
	}
}

const (
	head = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":null,`
	tail = `"logprobs":null,"finish_reason":null}]}`
)

func TestPlainChunks(t *testing.T) {
	for raw, want := range map[string]piece{
		head + `"choices":[{"index":0,"delta":{"content":"refund "},` + tail:                                     {text: "refund "},
		head + `"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},` + tail:          {},
		head + `"choices":[{"delta":{"content":"a{\"b\":[1]}\\ \n\u00e4 é 🙂"},"index":0,` + tail:                 {text: "a{\"b\":[1]}\\ \nä é 🙂"},
		head + `"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`:                         {finish: "stop"},
		head + `"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"hm"},` + tail:                 {alive: true},
		head + `"choices":[{"index":0,"delta":{"refusal":"no"},` + tail:                                          {refused: true},
		head + `"choices":[{"index":1,"delta":{"content":"other"},` + tail:                                       {},
		"{ \"choices\" : [ { \"delta\" : { \"content\" : \"x\" } , \"index\" : 0 } ] , \"created\" : 0 }\r\n":    {text: "x"},
		`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"null"}]}`:                               {text: "x"},
		`{"choices":[{"index":0,"delta":{"reasoning":"a","reasoning_content":null,"content":"b"}}],"extra":"é"}`: {text: "b", alive: true},
	} {
		got, ok := plain([]byte(raw))
		if !ok {
			t.Errorf("left to encoding/json: %s", raw)
		} else if d := cmp.Diff(want, got, cmp.AllowUnexported(piece{})); d != "" {
			t.Errorf("%s:\n%s", raw, d)
		}
		agree(t, []byte(raw))
	}
}

// What plain must leave alone.
func TestOtherChunks(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `null`, `[]`, `{`, `{"choices":[]}`, `{"choices":null}`, `{"choices":[{}],}`, `{"choices":[{}]} {}`, `{"choices":[{}]}x`,
		`{"choices":[{"index":0},{"index":0}]}`, `{"choices":[{"index":01}]}`, `{"choices":[{"index":0.5}]}`, `{"choices":[{"index":"0"}]}`, `{"choices":[{"index":-1}]}`,
		`{"choices":[{"index":99999999999999999999}]}`, `{"choices":[{"delta":{"content":1}}]}`, `{"choices":[{"delta":{"content":"a","content":"b"}}]}`,
		`{"choices":[{"delta":{"content":"a"},"delta":{}}]}`, `{"choices":[{}],"choices":[{}]}`, `{"Choices":[{"delta":{"content":"a"}}],"choices":[{}]}`,
		`{"choices":[{"delta":{"Content":"a"}}]}`, `{"choices":[{"delta":{"content":"\ud83d\ude42"}}]}`, `{"choices":[{"delta":{"content":"\ud83d"}}]}`,
		"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}", "{\"choices\":[{\"delta\":{\"content\":\"a\nb\"}}]}", `{"choices":[{"delta":{"content":"\x"}}]}`,
		`{"choices":[{"delta":{"content":"\u12"}}]}`, `{"choices":[{"delta":{"content":"a}}]}`, `{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}`,
		`{"choices":[{"delta":{"content":"a","tool_calls":[]}}]}`, `{"choices":[{"delta":{"c\u006fntent":"a"}}]}`, `{"choices":[{"delta":{"content":nulls}}]}`,
		`{"choices":[{}],"a":1.5}`, `{"choices":[{}],"a":true}`, `{"choices":[{}],"a":"\n"}`, `{"choices":[{}],"a":0x}`,
	} {
		if p, ok := plain([]byte(raw)); ok {
			t.Errorf("read %q as %+v", raw, p)
		}
	}
}

func TestPlainAgreesWithJSON(t *testing.T) {
	str := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "null", "stop", `{"content":"x"}`, "]}", "é", "🙂", "\n", "\"", "\\", "\u2028", "<&>"}))
	quoted := rapid.Custom(func(t *rapid.T) string {
		b, _ := json.Marshal(str.Draw(t, "text"))
		return string(b)
	})
	scalar := rapid.OneOf(quoted, rapid.SampledFrom([]string{"null", "0", "1", "12", "01", "-1", "1.5", "1e3", "true", "{}", "[]", `{"a":[1]}`, `"\ud83d\ude42"`, `"\u00E4\/"`, "\"\xff\"", "nul", `"`, ""}))
	key := rapid.SampledFrom([]string{"id", "index", "delta", "content", "Content", "finish_reason", "refusal", "reasoning", "reasoning_content", "role", "usage", "choices", "logprobs", `c\u006fntent`})
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n", "\t "})
	object := func(value func(t *rapid.T, key string) string) func(t *rapid.T) string {
		return func(t *rapid.T) string {
			var parts []string
			for range rapid.IntRange(0, 5).Draw(t, "fields") {
				k := key.Draw(t, "key")
				parts = append(parts, fmt.Sprintf(`%s"%s"%s:%s%s`, space.Draw(t, "s"), k, space.Draw(t, "s"), value(t, k), space.Draw(t, "s")))
			}
			return "{" + strings.Join(parts, ",") + "}"
		}
	}
	delta := object(func(t *rapid.T, _ string) string { return scalar.Draw(t, "value") })
	choice := object(func(t *rapid.T, k string) string {
		if k == "delta" {
			return delta(t)
		}
		return scalar.Draw(t, "value")
	})
	whole := object(func(t *rapid.T, k string) string {
		if k == "choices" {
			return "[" + choice(t) + "]"
		}
		return scalar.Draw(t, "value")
	})
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(whole(t))
		if rapid.IntRange(0, 3).Draw(t, "spoil") == 0 && len(raw) > 0 {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		agree(t, raw)
	})
	// Well-formed chunks of every text take the short way unless a surrogate was escaped.
	rapid.Check(t, func(t *rapid.T) {
		text := str.Draw(t, "text")
		b, _ := json.Marshal(text)
		raw := []byte(head + `"choices":[{"index":0,"delta":{"content":` + string(b) + `},` + tail)
		agree(t, raw)
		if p, ok := plain(raw); !ok || p.text != strings.ToValidUTF8(text, "\ufffd") {
			t.Fatalf("%q: %v %+v", raw, ok, p)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(head + `"choices":[{"index":0,"delta":{"content":"refund \u00e4\n"},` + tail))
	f.Add([]byte(`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw) })
}
