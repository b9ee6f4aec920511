package llm

import (
	"encoding/json"
	"unicode/utf8"

	openai "github.com/sashabaranov/go-openai"
)

// chunk holds the fields of a streamed chunk that matter here. The library's own type decodes content filters, log
// probabilities and tools as well, at several times the cost.
type chunk struct {
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content          string `json:"content"`
			Refusal          string `json:"refusal"`
			ReasoningContent string `json:"reasoning_content"`
			Reasoning        string `json:"reasoning"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *openai.Usage `json:"usage"`
}

// piece is what a chunk says.
type piece struct {
	text    string
	alive   bool // a thought that the customer never sees
	refused bool
	finish  string
	usage   *openai.Usage
}

// decode reads one chunk. What plain does not read, encoding/json does; on what both read they agree.
func decode(raw []byte) (piece, error) {
	if p, ok := plain(raw); ok {
		return p, nil
	}
	return general(raw)
}

func general(raw []byte) (piece, error) {
	var ch chunk
	if err := json.Unmarshal(raw, &ch); err != nil {
		return piece{}, err
	}
	p := piece{usage: ch.Usage}
	for i := range ch.Choices {
		choice := &ch.Choices[i]
		if choice.Index != 0 {
			continue
		}
		p.text += choice.Delta.Content
		p.alive = choice.Delta.ReasoningContent != "" || choice.Delta.Reasoning != ""
		p.refused = p.refused || choice.Delta.Refusal != ""
		if choice.FinishReason != "" && choice.FinishReason != "null" {
			p.finish = choice.FinishReason
		}
	}
	return p, nil
}

// plain reads the chunk that nearly all chunks are: one choice with a delta of text, and beside it strings, whole
// numbers and nulls only. It is not ok for anything else: other types, keys that are written with escapes or twice or
// in capitals, surrogates, invalid UTF-8, malformed text.
func plain(raw []byte) (p piece, ok bool) {
	s := scan{b: raw}
	var choices, usage bool
	s.object(func(key []byte) {
		switch string(key) {
		case "choices":
			if choices {
				s.bad = true
				return
			}
			choices = true
			s.expect('[')
			s.choice(&p)
			s.expect(']')
		case "usage":
			s.bad = s.bad || usage || !s.null()
			usage = true
		default:
			s.skip()
		}
	})
	s.space()
	return p, !s.bad && choices && s.i == len(raw)
}

// Bits for the keys met in an object; a key met twice is left to encoding/json.
const (
	sawIndex = 1 << iota
	sawDelta
	sawFinish
	sawContent
	sawRefusal
	sawReasoningContent
	sawReasoning
)

func (s *scan) choice(p *piece) {
	saw, index := 0, 0
	once := func(bit int) {
		s.bad = s.bad || saw&bit != 0
		saw |= bit
	}
	s.object(func(key []byte) {
		switch string(key) {
		case "index":
			once(sawIndex)
			index = s.integer()
		case "finish_reason":
			once(sawFinish)
			if p.finish = s.text(); p.finish == "null" {
				p.finish = ""
			}
		case "delta":
			once(sawDelta)
			s.object(func(key []byte) {
				switch string(key) {
				case "content":
					once(sawContent)
					p.text = s.text()
				case "refusal":
					once(sawRefusal)
					p.refused = s.text() != ""
				case "reasoning_content":
					once(sawReasoningContent)
					p.alive = s.text() != "" || p.alive
				case "reasoning":
					once(sawReasoning)
					p.alive = s.text() != "" || p.alive
				default:
					s.skip()
				}
			})
		default:
			s.skip()
		}
	})
	if index != 0 {
		*p = piece{}
	}
}

// scan reads JSON from b at i. Once bad it stays bad, and what it returned means nothing.
type scan struct {
	b   []byte
	i   int
	bad bool
}

func (s *scan) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\n' || s.b[s.i] == '\r') {
		s.i++
	}
}

// peek returns the next byte after white space, or 0 at the end.
func (s *scan) peek() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scan) expect(c byte) {
	if s.bad || s.peek() != c {
		s.bad = true
		return
	}
	s.i++
}

// object reads an object and calls value for each key, to read the key's value.
func (s *scan) object(value func(key []byte)) {
	s.expect('{')
	if s.bad {
		return
	}
	if s.peek() == '}' {
		s.i++
		return
	}
	for {
		s.expect('"')
		if s.bad {
			return
		}
		from := s.i
		for s.i < len(s.b) && (s.b[s.i] == '_' || s.b[s.i] >= 'a' && s.b[s.i] <= 'z' || s.b[s.i] >= '0' && s.b[s.i] <= '9') {
			s.i++
		}
		key := s.b[from:s.i]
		if s.i >= len(s.b) || s.b[s.i] != '"' {
			s.bad = true
			return
		}
		s.i++
		s.expect(':')
		if s.bad {
			return
		}
		value(key)
		if s.bad {
			return
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return
		default:
			s.bad = true
			return
		}
	}
}

func (s *scan) null() bool {
	if s.peek() == 'n' && len(s.b)-s.i >= 4 && string(s.b[s.i:s.i+4]) == "null" {
		s.i += 4
		return true
	}
	return false
}

// integer reads a whole number of at most nine digits, or null, which is 0.
func (s *scan) integer() int {
	if s.null() {
		return 0
	}
	s.space()
	from, n := s.i, 0
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' && s.i-from < 9 {
		n = n*10 + int(s.b[s.i]-'0')
		s.i++
	}
	digits := s.i - from
	s.bad = s.bad || digits == 0 || digits > 1 && s.b[from] == '0' // a tenth digit is for the caller to refuse
	return n
}

// skip reads a string without escapes, a whole number or a null.
func (s *scan) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.i++
		for s.i < len(s.b) && s.b[s.i] >= ' ' && s.b[s.i] != '\\' {
			if s.b[s.i] == '"' {
				s.i++
				return
			}
			s.i++
		}
		s.bad = true
	case c >= '0' && c <= '9':
		from := s.i
		for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
			s.i++
		}
		s.bad = s.bad || c == '0' && s.i-from > 1
	default:
		s.bad = s.bad || !s.null()
	}
}

// text reads a string, or null, which is the empty string.
func (s *scan) text() string {
	if s.null() {
		return ""
	}
	s.expect('"')
	from, ascii := s.i, true
	for !s.bad && s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			t := s.b[from:s.i]
			s.i++
			s.bad = !ascii && !utf8.Valid(t)
			return common(t)
		case c == '\\':
			return s.escaped(from)
		case c < ' ':
			s.bad = true
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.i++
	}
	s.bad = true
	return ""
}

// common returns t as a string, without an allocation for what every stream ends with.
func common(t []byte) string {
	switch string(t) {
	case "stop":
		return "stop"
	case "assistant":
		return "assistant"
	}
	return string(t)
}

// escaped reads the rest of a string that began at from and has its first escape at i.
func (s *scan) escaped(from int) string {
	var storage [128]byte
	out := append(storage[:0], s.b[from:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			s.bad = s.bad || !utf8.Valid(out)
			return string(out)
		case c < ' ':
			s.bad = true
			return ""
		case c != '\\':
			out = append(out, c)
			continue
		}
		if s.i >= len(s.b) {
			break
		}
		c = s.b[s.i]
		s.i++
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			r := s.hex()
			if s.bad || r >= 0xD800 && r < 0xE000 {
				s.bad = true // a surrogate
				return ""
			}
			out = utf8.AppendRune(out, r)
		default:
			s.bad = true
			return ""
		}
	}
	s.bad = true
	return ""
}

// hex reads four hexadecimal digits.
func (s *scan) hex() (r rune) {
	if len(s.b)-s.i < 4 {
		s.bad = true
		return 0
	}
	for _, c := range s.b[s.i : s.i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			s.bad = true
			return 0
		}
		r = r<<4 | rune(c)
	}
	s.i += 4
	return r
}
