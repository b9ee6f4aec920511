package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pgvector/pgvector-go"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
)

// bareFloor is a target: a handler with the wire {conversation_id, text} in, `data: {"delta": "..."}` out, and
// `data: [DONE]` at the end.
type bareFloor struct {
	base   string
	client *http.Client
}

func newBareFloor(base string) *bareFloor { return &bareFloor{base: base, client: newClient()} }

func (*bareFloor) prepare(context.Context, int) error { return nil }

func (f *bareFloor) turn(ctx context.Context, conversation int, question string) (sample, error) {
	b, err := json.Marshal(map[string]string{"conversation_id": "c" + strconv.Itoa(conversation), "text": question})
	if err != nil {
		return sample{}, err
	}
	begun := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/chat", bytes.NewReader(b))
	if err != nil {
		return sample{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return sample{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return sample{}, refused(res)
	}
	s := sample{outcome: "relayed"}
	done := false
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if s.first == 0 && bytes.HasPrefix(line, []byte("data: {")) {
			s.first = time.Since(begun)
		}
		done = done || bytes.HasPrefix(line, []byte("data: [DONE]"))
		if err == io.EOF {
			break
		}
		if err != nil {
			return sample{}, err
		}
	}
	s.total = time.Since(begun)
	if s.first == 0 || !done {
		return sample{}, errors.New("floor: the stream has no text or no end")
	}
	return s, nil
}

func (f *bareFloor) follow(ctx context.Context) (io.Closer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/idle", nil)
	if err != nil {
		return nil, err
	}
	return openStream(idleClient, req)
}

// floorCommand serves the handler that does the least a turn can do. It reads the tables that loadFloor makes.
type floorCommand struct {
	Addr        string `default:"127.0.0.1:0" help:"Address to serve on; port 0 takes a free one, which is printed."`
	Database    string `required:"" help:"PostgreSQL URL with the floor's tables."`
	Model       string `required:"" help:"Base URL of the model stub, without /v1."`
	Connections int    `default:"16" help:"Connections to PostgreSQL."`
	Embed       bool   `help:"Ask the model for the question's embedding in every turn."`
}

func (c *floorCommand) Run(ctx context.Context, o output) error {
	cfg, err := pgxpool.ParseConfig(c.Database)
	if err != nil {
		return err
	}
	cfg.MaxConns = int32(c.Connections)
	cfg.AfterConnect = pgxvector.RegisterTypes
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	h := &floorHandler{pool: pool, model: c.Model, embed: c.Embed, client: newClient(), relay: floorRelay{readers: map[string]chan string{}}}
	rows, err := pool.Query(ctx, `SELECT embedding FROM floor_queries ORDER BY id`)
	if err != nil {
		return err
	}
	if h.queries, err = pgx.CollectRows(rows, pgx.RowTo[pgvector.HalfVector]); err != nil {
		return err
	}
	if len(h.queries) == 0 {
		return errors.New("floor: no query vectors")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", h.chat)
	mux.HandleFunc("GET /idle", idle)
	mux.HandleFunc("POST /desk", h.tell)
	mux.HandleFunc("GET /desk", h.hear)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	return serve(ctx, c.Addr, mux, o.out)
}

type floorHandler struct {
	pool    *pgxpool.Pool
	model   string
	embed   bool
	client  *http.Client
	queries []pgvector.HalfVector
	asked   atomic.Int64
	relay   floorRelay
}

// chat is the floor's turn: store the message, search five passages, relay the model's stream, store the answer. The
// question's vector is one of those made beforehand, or what the model's embeddings give.
func (h *floorHandler) chat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Conversation string `json:"conversation_id"`
		Text         string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx := r.Context()
	model, err := h.begin(ctx, in.Conversation, in.Text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer model.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher) // net/http's own writer is one
	var answer strings.Builder
	lines := bufio.NewReaderSize(model, 16<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if text := chunkText(line); text != "" {
			answer.WriteString(text)
			delta, _ := json.Marshal(map[string]string{"delta": text}) // a map of strings
			fmt.Fprintf(w, "data: %s\n\n", delta)
			flusher.Flush()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return // cut off: without [DONE] the caller knows
		}
	}
	if _, err := h.pool.Exec(ctx, insertFloorMessage, in.Conversation, "assistant", answer.String()); err != nil {
		return
	}
	io.WriteString(w, "data: [DONE]\n\n")
}

const insertFloorMessage = `INSERT INTO floor_messages (conversation, author, body) VALUES ($1, $2, $3)`

// begin stores the message, searches, and asks the model.
func (h *floorHandler) begin(ctx context.Context, conversation, text string) (io.ReadCloser, error) {
	if _, err := h.pool.Exec(ctx, insertFloorMessage, conversation, "customer", text); err != nil {
		return nil, err
	}
	query := h.queries[int(h.asked.Add(1))%len(h.queries)]
	if h.embed {
		vector, err := h.embedding(ctx, text)
		if err != nil {
			return nil, err
		}
		query = vector
	}
	rows, err := h.pool.Query(ctx, `SELECT body FROM floor_passages ORDER BY embedding <=> $1 LIMIT 5`, query)
	if err != nil {
		return nil, err
	}
	passages, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	body, err := json.Marshal(map[string]any{"model": flatModel, "stream": true, "messages": []message{
		{"system", "Answer from these passages:\n" + strings.Join(passages, "\n\n")}, {"user", text}}})
	if err != nil {
		return nil, err
	}
	return h.ask(ctx, "/v1/chat/completions", body)
}

func (h *floorHandler) ask(ctx context.Context, path string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.model+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := h.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refused(res)
	}
	return res.Body, nil
}

func (h *floorHandler) embedding(ctx context.Context, text string) (pgvector.HalfVector, error) {
	body, err := json.Marshal(map[string]string{"model": embeddingModel, "input": text})
	if err != nil {
		return pgvector.HalfVector{}, err
	}
	res, err := h.ask(ctx, "/v1/embeddings", body)
	if err != nil {
		return pgvector.HalfVector{}, err
	}
	defer res.Close()
	var answer struct {
		Data []struct{ Embedding []float32 }
	}
	if err := json.NewDecoder(res).Decode(&answer); err != nil {
		return pgvector.HalfVector{}, err
	}
	if len(answer.Data) != 1 {
		return pgvector.HalfVector{}, fmt.Errorf("floor: %d embeddings for one text", len(answer.Data))
	}
	return pgvector.NewHalfVector(answer.Data[0].Embedding), nil
}

// chunkText returns the text of a line of an OpenAI stream; "" when it has none.
func chunkText(line []byte) string {
	data, ok := bytes.CutPrefix(line, []byte("data: {"))
	if !ok {
		return ""
	}
	var c struct {
		Choices []struct{ Delta struct{ Content string } }
	}
	if json.Unmarshal(line[len(line)-len(data)-1:], &c) != nil || len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].Delta.Content
}

// idle holds a stream open with a comment every fifteen seconds.
func idle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher) // net/http's own writer is one
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		if _, err := io.WriteString(w, ": idle\n\n"); err != nil {
			return
		}
		flusher.Flush()
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
		}
	}
}
