package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// The stub's models. The first answers in one long sentence without a full stop, so that an assistant which checks
// sentences shows nothing before the end; the second says the same in five sentences.
const (
	flatModel      = "stub-chat"
	sentencesModel = "stub-chat-sentences"
	embeddingModel = "stub-embed"

	embeddingDimensions = 1536
)

// answerText is what the stub answers, whatever it is asked: sixty words. Every passage of the benchmark says the same, so
// that an assistant which checks its sentences against the passages finds them supported.
const answerText = "Open the app, go to your profile and choose security settings from the menu. " +
	"Select change password, type the old one once and the new one twice. " +
	"We send a link to your email address, and it works for thirty minutes. " +
	"If it is late, look into the spam folder first. " +
	"Otherwise ask our support team, who answer every day."

// answerSentence is the answer of flatModel with a full stop.
var answerSentence = strings.Join(answerWords(flatModel), "") + "."

type stubCommand struct {
	Addr       string        `default:"127.0.0.1:0" help:"Address to serve on; port 0 takes a free one, which is printed."`
	FirstToken time.Duration `help:"Wait before the first token."`
	Token      time.Duration `help:"Wait before every further token."`
}

func (c *stubCommand) Run(ctx context.Context, o output) error {
	s := stub{firstToken: c.FirstToken, token: c.Token}
	return serve(ctx, c.Addr, s.handler(), o.out)
}

// serve answers on an address until the context ends. The first line it prints is the URL.
func serve(ctx context.Context, addr string, h http.Handler, out io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "http://%s\n", l.Addr())
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return srv.Close()
	}
}

// stub is the model: one chunk with one word for each word of the answer, each flushed by itself.
type stub struct{ firstToken, token time.Duration }

func (s stub) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.chat)
	mux.HandleFunc("POST /v1/embeddings", embeddings)
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"object":"list","data":[{"id":%q,"object":"model"},{"id":%q,"object":"model"},{"id":%q,"object":"model"}]}`,
			flatModel, sentencesModel, embeddingModel)
	})
	return mux
}

// answerWords returns the words that a model streams, with their spaces.
func answerWords(model string) []string {
	text := answerText
	if model != sentencesModel {
		text = strings.Join(plainWords(text), " ")
	}
	return strings.SplitAfter(text, " ")
}

func plainWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func (s stub) chat(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model         string
		Stream        bool
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &q)
	}
	if err != nil || len(q.Messages) == 0 {
		http.Error(w, `{"error":{"message":"not a chat request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	words := answerWords(q.Model)
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, len(body)/4, len(words), len(body)/4+len(words))
	if !pause(r.Context(), s.firstToken) {
		return
	}
	if !q.Stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"stub","object":"chat.completion","created":%d,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":%s}`,
			time.Now().Unix(), q.Model, strings.Join(words, ""), usage)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher) // net/http's own writer is one
	head := fmt.Sprintf(`data: {"id":"stub","object":"chat.completion.chunk","created":%d,"model":%q,`, time.Now().Unix(), q.Model)
	for i, word := range words {
		role := ""
		if i == 0 {
			role = `"role":"assistant",`
		} else if !pause(r.Context(), s.token) {
			return
		}
		fmt.Fprintf(w, `%s"choices":[{"index":0,"delta":{%s"content":%q},"finish_reason":null}]}`+"\n\n", head, role, word)
		flusher.Flush()
	}
	fmt.Fprintf(w, `%s"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n", head)
	if q.StreamOptions.IncludeUsage {
		fmt.Fprintf(w, `%s"choices":[],"usage":%s}`+"\n\n", head, usage)
	}
	io.WriteString(w, "data: [DONE]\n\n")
}

// pause waits, and reports false when the caller left meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func embeddings(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model      string
		Input      json.RawMessage
		Dimensions int
		Encoding   string `json:"encoding_format"`
	}
	var texts []string
	err := json.NewDecoder(r.Body).Decode(&q)
	if err == nil && json.Unmarshal(q.Input, &texts) != nil {
		texts = make([]string, 1)
		err = json.Unmarshal(q.Input, &texts[0])
	}
	if err != nil {
		http.Error(w, `{"error":{"message":"not an embeddings request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	if q.Dimensions <= 0 {
		q.Dimensions = embeddingDimensions
	}
	type datum struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	data := make([]datum, len(texts))
	tokens := 0
	for i, t := range texts {
		v := embed(t, q.Dimensions)
		data[i] = datum{Object: "embedding", Index: i, Embedding: v}
		if q.Encoding == "base64" {
			data[i].Embedding = littleEndian(v)
		}
		tokens += len(t)/4 + 1
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the caller has left when this fails
		"object": "list", "model": q.Model, "data": data, "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens},
	})
}

// littleEndian is OpenAI's base64 form of a vector.
func littleEndian(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// embed hashes words and pairs of neighbouring words into a vector of length 1: equal texts have equal vectors, and
// texts that share words are near each other. It stands in for a model, and means nothing.
func embed(text string, dimensions int) []float32 {
	v := make([]float32, dimensions)
	put := func(term string, weight float32) {
		h := fnv.New64a()
		io.WriteString(h, term)
		x := h.Sum64()
		for range 4 { // several places a term, so that hardly any two terms share them all
			at := (x >> 1) % uint64(dimensions)
			if x&1 == 1 {
				v[at] -= weight
			} else {
				v[at] += weight
			}
			x = x*0x9e3779b97f4a7c15 + 0x7f4a7c15
		}
	}
	before := ""
	for _, word := range plainWords(text) {
		put(word, 1)
		if before != "" {
			put(before+" "+word, 0.5)
		}
		before = word
	}
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		v[0] = 1
		return v
	}
	scale := float32(1 / math.Sqrt(square))
	for i := range v {
		v[i] *= scale
	}
	return v
}
