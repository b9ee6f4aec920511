package copilot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// ArticleDraft is what an agent thinks the help centre should say. It is no version of an article: an editor makes one
// of it, or drops it.
type ArticleDraft struct {
	ID        uuid.UUID `json:"id"`
	Agent     string    `json:"agent"` // who wrote it
	Locale    string    `json:"locale"`
	Market    string    `json:"market"`
	Audience  string    `json:"audience"`
	Title     string    `json:"title"`
	Markdown  string    `json:"markdown"`
	State     string    `json:"state"` // open | taken | dropped
	CreatedAt time.Time `json:"created_at"`
}

// Document is the draft as a file that can be imported. Its slug is made of its title, and its collection is "drafts" until
// an editor chooses another.
func (d ArticleDraft) Document() kb.Document {
	return kb.Document{Slug: slug(d.Title, d.ID), Collection: "drafts", Locale: d.Locale, Markets: []string{d.Market}, Audience: d.Audience, Title: d.Title,
		Owner: d.Agent, Markdown: d.Markdown + "\n"}
}

// slug makes a name for an address of a title: its letters and digits, accents taken off.
func slug(title string, id uuid.UUID) string {
	var sb strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(title)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			sb.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		case sb.Len() > 0 && !strings.HasSuffix(sb.String(), "-"):
			sb.WriteByte('-')
		}
		if sb.Len() >= 60 {
			break
		}
	}
	s := strings.Trim(sb.String(), "-")
	if s == "" { // a title in another script
		return "draft-" + id.String()[24:]
	}
	return s
}

const draftColumns = `d.id, a.name, d.locale, d.market, d.audience, d.title, d.markdown, d.state, d.created_at`

// SaveArticle keeps a draft for the editors, for the conversation's market and audience. The locale is the conversation's
// when it is empty.
func (c *Copilot) SaveArticle(ctx context.Context, conversation, agent uuid.UUID, title, markdown, locale string) (ArticleDraft, error) {
	conv, err := c.record.Find(ctx, conversation)
	if err != nil {
		return ArticleDraft{}, err
	}
	if locale == "" {
		locale = conv.Locale
	}
	id := uuid.Must(uuid.NewV7())
	d := ArticleDraft{ID: id, Locale: locale, Market: conv.Market, Audience: conv.Audience, Title: title, Markdown: markdown}
	if err := d.Document().Check(); err != nil { // what could not be imported later is refused now, while its author is there
		return d, err
	}
	return c.articleDraft(ctx, `
		WITH d AS (INSERT INTO article_drafts (id, conversation_id, agent_id, locale, market, audience, title, markdown) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *)
		SELECT `+draftColumns+` FROM d JOIN agents a ON a.id = d.agent_id`, id, conversation, agent, locale, conv.Market, conv.Audience, title, markdown)
}

// ArticleDrafts returns the drafts in a state, the newest first, at most 200.
func (c *Copilot) ArticleDrafts(ctx context.Context, state string) ([]ArticleDraft, error) {
	if err := draftState(state); err != nil {
		return nil, err
	}
	rows, err := c.pool.Query(ctx, `SELECT `+draftColumns+` FROM article_drafts d JOIN agents a ON a.id = d.agent_id WHERE d.state = $1 ORDER BY d.created_at DESC, d.id LIMIT 200`, state)
	if err != nil {
		return nil, err
	}
	drafts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ArticleDraft])
	return append([]ArticleDraft{}, drafts...), err
}

// FindArticleDraft returns one.
func (c *Copilot) FindArticleDraft(ctx context.Context, id uuid.UUID) (ArticleDraft, error) {
	return c.articleDraft(ctx, `SELECT `+draftColumns+` FROM article_drafts d JOIN agents a ON a.id = d.agent_id WHERE d.id = $1`, id)
}

// JudgeArticleDraft says what an editor did with a draft: open, taken or dropped.
func (c *Copilot) JudgeArticleDraft(ctx context.Context, id uuid.UUID, state string) (ArticleDraft, error) {
	if err := draftState(state); err != nil {
		return ArticleDraft{}, err
	}
	return c.articleDraft(ctx, `
		WITH d AS (UPDATE article_drafts SET state = $2 WHERE id = $1 RETURNING *)
		SELECT `+draftColumns+` FROM d JOIN agents a ON a.id = d.agent_id`, id, state)
}

func draftState(state string) error {
	if !slices.Contains([]string{"open", "taken", "dropped"}, state) {
		return fault.Field("state", "unknown_state", "Use open, taken or dropped.")
	}
	return nil
}

func (c *Copilot) articleDraft(ctx context.Context, sql string, args ...any) (ArticleDraft, error) {
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return ArticleDraft{}, err
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[ArticleDraft])
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "article_draft_not_found", "There is no such draft of an article.")
	}
	return d, err
}
