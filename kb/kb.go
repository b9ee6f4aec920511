// Package kb is the knowledge base: articles in several locales and market variants, their published versions, and the
// passages that versions are cut into. It reads and writes articles as Markdown files with front matter, renders them
// as safe HTML, checks them for mistakes, and publishes them so that everything that a reader or the assistant may see
// changes in one transaction.
//
// It never searches, never embeds and never calls a model: package retrieval does that from the passages that stand in
// the database. It never prints.
package kb

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The audiences that an article can be written for. Consumers are never shown an article for merchants; merchants are
// shown consumers' articles where there is none for them, because their own customers ask about those.
const (
	Consumer = "consumer"
	Merchant = "merchant"
)

// SourceLocale is the locale that articles are first written in, and that readers fall back to when an article is not
// translated into theirs.
const SourceLocale = "en"

// State says where a version stands in its life.
type State string

// The states of a version. At most one version of an article is published in a locale.
const (
	Draft     State = "draft"
	InReview  State = "in_review"
	Published State = "published"
	Archived  State = "archived"
)

// Article is what the versions of one (slug, variant) share in all locales.
type Article struct {
	ID         uuid.UUID
	Slug       string
	Variant    string // "" is the base article, otherwise a market variant's name
	Collection string
	Audience   string
	Markets    []string // market codes; empty means every market
	Owner      string
	AIExcluded bool // readable in the help centre, never quoted by the assistant
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Version is an article's text in one locale at one point of its history. Zero times mean "not set".
type Version struct {
	ID          uuid.UUID
	ArticleID   uuid.UUID
	Locale      string
	Number      int // from 1, by article and locale
	State       State
	Title       string
	Description string
	Markdown    string
	Review      time.Time // the day of the next review, midnight UTC
	ValidFrom   time.Time // shown from this instant on
	ValidTo     time.Time // no longer shown from this instant on
	Revision    int64     // of the knowledge base, when the state last changed
	PublishedAt time.Time
	CreatedAt   time.Time

	Questions map[string][]string // how customers ask for it, by language
}

// Page is an article in one locale: what a reader opens.
type Page struct {
	Article Article
	Version Version
}

// Document returns the page as a file would hold it.
func (p Page) Document() Document {
	return Document{
		Slug: p.Article.Slug, Variant: p.Article.Variant, Collection: p.Article.Collection,
		Locale: p.Version.Locale, Markets: p.Article.Markets, Audience: p.Article.Audience,
		Title: p.Version.Title, Description: p.Version.Description, Review: p.Version.Review,
		Owner: p.Article.Owner, AIExcluded: p.Article.AIExcluded,
		ValidFrom: p.Version.ValidFrom, ValidTo: p.Version.ValidTo, Markdown: p.Version.Markdown, Questions: p.Version.Questions,
	}
}

// Passage is a section of a published version: what is retrieved, quoted and cited.
type Passage struct {
	Ordinal  int      // position in the article, from 0
	Headings []string // heading path below the title; empty for the lead
	Anchor   string   // fragment of the last of Headings on the article's page; "" for the lead
	Markdown string   // the section as written, without its heading line
	Text     string   // the same as plain words, one line for each paragraph, list item and table row
	Hash     []byte   // SHA-256 of EmbeddingText, 32 bytes
}

// EmbeddingText returns the text that a passage is embedded as: a breadcrumb line of collection, title and headings
// joined by " > ", then the passage's words. Two passages with the same text have the same vector.
func EmbeddingText(collection, title string, headings []string, text string) string {
	parts := append([]string{strings.ReplaceAll(collection, "-", " "), title}, headings...)
	return strings.Join(parts, " > ") + "\n" + text
}

// embeddingHash returns the SHA-256 of a passage's EmbeddingText.
func embeddingHash(collection, title string, headings []string, text string) []byte {
	sum := sha256.Sum256([]byte(EmbeddingText(collection, title, headings, text)))
	return sum[:]
}
