package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/kb"
)

// guideBook gives the assistant the guides of articles, and how far customers have come in them.
type guideBook struct {
	*chat.Record
	articles *kb.Store
}

// GuideText implements assistant.Guides.
func (b guideBook) GuideText(ctx context.Context, version uuid.UUID) (markdown string, shown bool, err error) {
	p, err := b.articles.Version(ctx, version)
	if err != nil {
		return "", false, err
	}
	v, now := p.Version, time.Now()
	shown = v.State == kb.Published && !p.Article.AIExcluded && !v.ValidFrom.After(now) && (v.ValidTo.IsZero() || v.ValidTo.After(now))
	return v.Markdown, shown, nil
}
