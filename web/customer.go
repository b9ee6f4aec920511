package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
)

// Limits of what a customer may send.
const (
	maxText     = 4000 // characters in a message
	maxNote     = 1000
	maxClientID = 100
	minKey      = 16 // characters of an Idempotency-Key: fewer are guessed, or thought of twice
)

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this package are passed
	}
	return b
}

func ok(c *gin.Context, status int, v any) error {
	c.Data(status, "application/json; charset=utf-8", mustJSON(v))
	return nil
}

// cleanText checks a text's length and masks what must not be stored.
func cleanText(field, s string, limit int, required bool) (string, error) {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", fault.Field(field, "not_text", "This must be valid text.")
	}
	if s == "" && required {
		return "", fault.Field(field, "required", "This must not be empty.")
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return "", fault.Field(field, "too_long", "This has %d characters; at most %d are allowed. Please split it.", n, limit)
	}
	masked, _ := mask.Mask(s)
	return masked, nil
}

func cleanClientID(s string) error {
	if s == "" || len(s) > maxClientID || strings.ContainsRune(s, 0) {
		return fault.Field("client_id", "required", "Give every message an id of its own, of at most %d characters; the same id is stored once.", maxClientID)
	}
	return nil
}

func (s *Server) market(code string) (Market, bool) {
	i := slices.IndexFunc(s.Site.Markets, func(m Market) bool { return m.Code == code })
	if i < 0 {
		return Market{}, false
	}
	return s.Site.Markets[i], true
}

func (s *Server) startConversation(c *gin.Context) error {
	if err := s.limited(c); err != nil {
		return err
	}
	var in struct {
		Market        string `json:"market"`
		Locale        string `json:"locale"`
		Audience      string `json:"audience"`
		CustomerToken string `json:"customer_token"`
		Session       string `json:"customer_session"`
		Article       string `json:"article"`
		Site          string `json:"site"` // key of the site, of which no page must know one

		Context chat.PageContext `json:"context"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if _, ok := s.market(in.Market); !ok {
		return fault.Field("market", "unknown_market", "Use one of %s.", strings.Join(s.marketCodes(), ", "))
	}
	if !slices.Contains(s.Site.Locales, in.Locale) {
		return fault.Field("locale", "unknown_locale", "Use one of %s.", strings.Join(s.Site.Locales, ", "))
	}
	if in.Audience == "" {
		in.Audience = "consumer"
	}
	if in.Audience != "consumer" && in.Audience != "merchant" {
		return fault.Field("audience", "unknown_audience", "Use consumer or merchant.")
	}
	if in.Article != "" && !slugPattern.MatchString(in.Article) {
		return fault.Field("article", "not_a_slug", "Use the article's slug, such as late-fees, or leave the field out.")
	}
	on, err := s.siteOf(c, in.Site)
	if err != nil {
		return err
	}
	page, err := in.Context.Clean()
	if err != nil {
		return err
	}
	// A key counts for its sender and for this request only: who thinks of the same one, or uses one again for something
	// else, must not get the other conversation.
	key := c.GetHeader("Idempotency-Key")
	if key != "" && len(key) < minKey {
		return fault.Field("Idempotency-Key", "too_short", "Give the header Idempotency-Key %d random characters at least, or leave it out.", minKey)
	}
	if key != "" {
		key = strings.Join([]string{c.ClientIP(), key, in.Market, in.Locale, in.Audience, in.Article, on.Key}, "\x00")
	}
	customer, err := s.starter(c.Request.Context(), in.CustomerToken, in.Session, key)
	if err != nil {
		return err
	}
	if key != "" {
		key += "\x00" + customer.Person.ID
	}
	greeting := fmt.Sprintf(assistant.Text(in.Locale, "greeting"), s.Site.Company)
	conv, err := s.Record.Start(c.Request.Context(), chat.NewConversation{
		Channel: "web", Market: in.Market, Locale: in.Locale, Audience: in.Audience, Customer: customer.Person, CustomerID: customer.id, Greeting: greeting, Article: in.Article, Site: on.Key, Context: page, IdempotencyKey: key,
	})
	if err != nil {
		return err
	}
	hours, err := s.Desk.Hours(c.Request.Context(), conv.Audience, conv.Market)
	if err != nil {
		return err
	}
	// The first generation's, also in the answer to a repetition: who began a conversation that has become a customer's since
	// gets no token of theirs.
	out := gin.H{
		"id": conv.ID, "token": s.Record.Token(conv.ID), "disclosure": assistant.Text(conv.Locale, "disclosure"), "greeting": greeting, "office_hours": hours,
	}
	if customer.session != nil {
		out["session"] = customer.session.Secret
	}
	return ok(c, http.StatusCreated, out)
}

func (s *Server) marketCodes() []string {
	var codes []string
	for _, m := range s.Site.Markets {
		codes = append(codes, m.Code)
	}
	return codes
}

// customerRoutes registers what a customer's chat needs.
func (s *Server) customerRoutes(g groups) {
	g.v1.POST("/conversations", handle(s.startConversation))
	c := g.customer
	c.GET("", handle(s.conversation))
	g.v1.POST("/conversations/:id/messages", s.holder, handle(s.postMessage)) // storing asks for the generation, in the same statement
	c.GET("/messages", handle(s.messages))
	c.GET("/events", handle(s.events))
	c.GET("/transcript", handle(s.transcript))
	c.POST("/handoff", handle(s.askForPerson))
	c.PATCH("/handoff", handle(s.correctSummary))
	c.POST("/intake", handle(s.giveIntake))
	c.GET("/attachments/:aid", handle(s.customerAttachment))
	c.GET("/attachments/:aid/thumbnail", handle(s.customerThumbnail))
	g.v1.POST("/attachments", namedInQuery, s.customer, handle(s.customerUpload))
	c.POST("/typing", handle(s.customerTyping))
	c.POST("/read", handle(s.customerRead))
	c.POST("/rating", handle(s.rate))
	c.POST("/close", handle(s.closeConversation))
	c.POST("/reopen", handle(s.reopenConversation))
}

// turnRef is what a client needs to know of the turn that answers its message.
type turnRef struct {
	ID uuid.UUID `json:"id"`
}

func (s *Server) postMessage(c *gin.Context) error {
	var in struct {
		ClientID    string   `json:"client_id"`
		Text        string   `json:"text"`
		Attachments []string `json:"attachments"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := cleanClientID(in.ClientID); err != nil {
		return err
	}
	files, err := cleanFiles(in.Attachments)
	if err != nil {
		return err
	}
	text, err := cleanText("text", in.Text, maxText, len(files) == 0) // a screenshot may say it all
	if err != nil {
		return err
	}
	id := conversationID(c)
	streaming := strings.Contains(c.GetHeader("Accept"), "text/event-stream")
	var w *chat.Watch
	if streaming { // before the message, so that nothing of its turn is missed
		w = s.Record.Watch(id)
		defer w.Close()
	}
	began := time.Now()
	// A client that leaves now has not been answered; the message is stored all the same, once it is on its way.
	rec, err := s.Record.Receive(context.WithoutCancel(c.Request.Context()), id, chat.Inbound{ClientID: in.ClientID, Text: text, Files: files, Token: generation(c)})
	if fault.Is(err, fault.NotFound) {
		return errBadToken()
	}
	if err != nil {
		return err
	}
	s.metrics.receive.Observe(time.Since(began).Seconds())
	s.Runner.Run(rec.Claim)

	var raised int64
	if rec.TurnID == nil { // also when it was stored before: the first try may have ended between storing and raising
		if raised, err = s.raise(context.WithoutCancel(c.Request.Context()), id, rec.Message.Text); err != nil {
			return err
		}
		if err := s.Desk.CustomerWrote(context.WithoutCancel(c.Request.Context()), id, rec.Message.Seq); err != nil {
			return err
		}
	}

	body := gin.H{"message": rec.Message, "turn": nil}
	if rec.TurnID != nil {
		body["turn"] = turnRef{*rec.TurnID}
	}
	if !streaming {
		return ok(c, http.StatusAccepted, body)
	}
	out := newSSE(c)
	if rec.TurnID == nil && raised > rec.Message.Seq { // what was said to it at once belongs to the answer
		return s.follow(c, w, out, rec.Message.Seq-1, nil, func(e chat.Event) bool { return e.Seq >= raised })
	}
	if rec.TurnID == nil { // a human has the conversation: there is no turn to wait for
		out.event(rec.Message.Seq, chat.KindMessage, mustJSON(rec.Message))
		return out.flush()
	}
	if rec.Duplicate {
		w.Stale()
	}
	turn := *rec.TurnID
	return s.follow(c, w, out, rec.Message.Seq-1, nil, func(e chat.Event) bool { return endsTurn(e, turn) })
}

// raise listens to a message that no turn reads, and has the desk do what must not wait until a person reads it.
func (s *Server) raise(ctx context.Context, id uuid.UUID, text string) (int64, error) {
	if s.Alarm == nil {
		return 0, nil
	}
	conv, err := s.Record.Find(ctx, id)
	if err != nil {
		return 0, err
	}
	a, alarmed := s.Alarm(text, conv.Locale)
	if !alarmed {
		return 0, nil
	}
	return s.Desk.Raise(ctx, id, a)
}

// endsTurn reports whether the entry is the end of the turn.
func endsTurn(e chat.Event, turn uuid.UUID) bool {
	if e.Kind != chat.KindTurn {
		return false
	}
	var t struct {
		ID uuid.UUID `json:"id"`
	}
	return json.Unmarshal(e.Data, &t) == nil && t.ID == turn
}

func (s *Server) events(c *gin.Context) error { return s.streamEvents(c, conversationID(c), nil) }

// conversationView is a conversation as its customer sees it.
type conversationView struct {
	ID       uuid.UUID      `json:"id"`
	Market   string         `json:"market"`
	Locale   string         `json:"locale"`
	Audience string         `json:"audience"`
	Owner    chat.Owner     `json:"owner"`
	Agent    *chat.AgentRef `json:"agent,omitempty"`
	Status   string         `json:"status"`
	LastSeq  int64          `json:"last_seq"`
	Handoff  *handoff.Event `json:"handoff,omitempty"`
	Created  time.Time      `json:"created_at"`
}

func (s *Server) view(ctx context.Context, id uuid.UUID) (conversationView, error) {
	conv, err := s.Record.Find(ctx, id)
	if err != nil {
		return conversationView{}, err
	}
	v := conversationView{ID: conv.ID, Market: conv.Market, Locale: conv.Locale, Audience: conv.Audience, Owner: conv.Owner, Status: conv.Status,
		LastSeq: conv.LastSeq, Created: conv.CreatedAt}
	if conv.Owner == chat.OwnedByAssistant {
		return v, nil
	}
	h, p, err := s.Desk.Current(ctx, id)
	if fault.Is(err, fault.NotFound) { // it ended between the two reads
		return v, nil
	}
	if err != nil {
		return v, err
	}
	e := handoff.NewEvent(h, p)
	v.Handoff = &e
	if h.AgentID != nil && h.AgentName != nil && h.State == handoff.Accepted {
		v.Agent = &chat.AgentRef{ID: *h.AgentID, Name: *h.AgentName}
	}
	return v, nil
}

func (s *Server) conversation(c *gin.Context) error {
	v, err := s.view(c.Request.Context(), conversationID(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, v)
}

const maxPage = 200

func (s *Server) messages(c *gin.Context) error {
	after, _ := strconv.ParseInt(c.Query("after"), 10, 64)
	limit, err := strconv.Atoi(c.DefaultQuery("limit", "100"))
	if err != nil || limit < 1 || limit > maxPage {
		return fault.Field("limit", "out_of_range", "Use a number from 1 to %d.", maxPage)
	}
	ms, err := s.Record.Messages(c.Request.Context(), conversationID(c), after, limit, false)
	if err != nil {
		return err
	}
	out := gin.H{"messages": append([]chat.Message{}, ms...), "next": nil}
	if len(ms) == limit {
		out["next"] = ms[len(ms)-1].Seq
	}
	return ok(c, http.StatusOK, out)
}

// readNote reads a body that holds nothing but an optional note.
func readNote(c *gin.Context) (string, error) {
	var in struct {
		Note string `json:"note"`
	}
	if err := read(c, &in); err != nil {
		return "", err
	}
	return cleanText("note", in.Note, maxNote, false)
}

func (s *Server) askForPerson(c *gin.Context) error {
	note, err := readNote(c)
	if err != nil {
		return err
	}
	h, p, err := s.Desk.Ask(c.Request.Context(), conversationID(c), note, s.Alarm)
	if err != nil {
		return err
	}
	e := handoff.NewEvent(h, p)
	return ok(c, http.StatusAccepted, gin.H{"handoff": e, "position": e.Position, "wait": e.Wait})
}

func (s *Server) correctSummary(c *gin.Context) error {
	var in struct {
		Summary string `json:"summary"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	summary, err := cleanText("summary", in.Summary, maxNote, true)
	if err != nil {
		return err
	}
	if err := s.Desk.Correct(c.Request.Context(), conversationID(c), summary); err != nil {
		return err
	}
	if _, err := s.raise(context.WithoutCancel(c.Request.Context()), conversationID(c), summary); err != nil { // written to people, as a message is
		return err
	}
	return s.conversation(c)
}

// Signs of life are events like all others, so that they travel with the log; there are few of them.
func (s *Server) sign(c *gin.Context, id uuid.UUID, kind string, data any) error {
	err := s.Record.Do(c.Request.Context(), id, func(ctx context.Context, cs *chat.Session) error { return cs.AddEvent(ctx, kind, data, false) })
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// typingFor is how long one sign of typing counts.
const typingFor = 5 * time.Second

type typingEvent struct {
	Author chat.Author `json:"author"`
	Until  time.Time   `json:"until"`
}

func (s *Server) customerTyping(c *gin.Context) error {
	id := conversationID(c)
	if !s.typing.pass(id) {
		c.Status(http.StatusNoContent)
		return nil
	}
	return s.sign(c, id, chat.KindTyping, typingEvent{chat.Customer, time.Now().Add(typingFor).UTC()})
}

func (s *Server) customerRead(c *gin.Context) error {
	var in struct {
		Seq int64 `json:"seq"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	conv, err := s.Record.Find(c.Request.Context(), conversationID(c))
	if err != nil {
		return err
	}
	if in.Seq < 1 || in.Seq > conv.LastSeq {
		return fault.Field("seq", "out_of_range", "Use the number of a message in this conversation.")
	}
	if err := s.Desk.CustomerRead(c.Request.Context(), conv.ID, in.Seq); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) rate(c *gin.Context) error {
	var in struct {
		Score   int      `json:"score"`
		Comment string   `json:"comment"`
		Reasons []string `json:"reasons"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if in.Score < 1 || in.Score > 5 {
		return fault.Field("score", "out_of_range", "Use a number from 1 to 5.")
	}
	comment, err := cleanText("comment", in.Comment, maxNote, false)
	if err != nil {
		return err
	}
	if err := cleanReasons(in.Reasons); err != nil {
		return err
	}
	if err := s.Desk.Rate(c.Request.Context(), conversationID(c), in.Score, comment, in.Reasons...); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) closeConversation(c *gin.Context) error { return s.setStatus(c, "closed") }

func (s *Server) reopenConversation(c *gin.Context) error { return s.setStatus(c, "open") }

func (s *Server) setStatus(c *gin.Context, status string) error {
	err := s.Record.Do(c.Request.Context(), conversationID(c), func(ctx context.Context, cs *chat.Session) error {
		if status == "closed" && cs.Owner != chat.OwnedByAssistant {
			return fault.New(fault.Conflict, "with_an_agent", "A person is taking care of this conversation; it stays open until they have answered.")
		}
		if status == "closed" && cs.TurnID != nil { // closing cancels the turn, but not when it would have brought help
			if urgent, err := s.Desk.Urgent(ctx, cs, s.Alarm); err != nil {
				return err
			} else if urgent {
				return fault.New(fault.Conflict, "being_answered", "Your message is being answered; the conversation can be closed after that.")
			}
		}
		return cs.SetStatus(ctx, status)
	})
	if err != nil {
		return err
	}
	return s.conversation(c)
}
