package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstline/firstline/kb"
)

// knowledge is what the benchmark's help centre is made of, and what its customers ask.
type knowledge struct {
	Articles  []article
	Questions []string
	Origin    string // for the report
}

type article struct {
	Title   string `json:"title"`
	Content string `json:"content"`
}

// readKnowledge reads articles.json and questions.json of a folder. Without a folder, or where it has no such files,
// the knowledge is made up.
func readKnowledge(dir string) (knowledge, error) {
	if dir == "" {
		return inventKnowledge(), nil
	}
	k := knowledge{Origin: "articles.json"}
	for name, into := range map[string]any{"articles.json": &k.Articles, "questions.json": &k.Questions} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return inventKnowledge(), nil
		}
		if err != nil {
			return k, err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return k, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(k.Articles) == 0 || len(k.Questions) == 0 {
		return k, fmt.Errorf("no articles or no questions in %s", dir)
	}
	return k, nil
}

// documents makes so many articles of one passage each. When there are fewer originals, they come again with sentences
// of two others put in, so that no two passages are the same. Every article ends with the stub's answer as one sentence,
// which supports it in whole and in parts.
func (k knowledge) documents(n int) []kb.Document {
	rng := rand.New(rand.NewPCG(1, 2)) // the same at every run
	docs := make([]kb.Document, n)
	for i := range docs {
		a := k.Articles[i%len(k.Articles)]
		content := a.Content
		if i >= len(k.Articles) {
			sentences := sentencesOf(content)
			for range 2 {
				other := sentencesOf(k.Articles[rng.IntN(len(k.Articles))].Content)
				at := rng.IntN(len(sentences) + 1)
				sentences = append(sentences[:at:at], append([]string{other[rng.IntN(len(other))]}, sentences[at:]...)...)
			}
			content = strings.Join(sentences, " ")
		}
		docs[i] = kb.Document{
			Slug: fmt.Sprintf("article-%05d", i), Collection: "help", Locale: kb.SourceLocale, Audience: kb.Consumer, Title: a.Title,
			Markdown: plainMarkdown(content) + "\n\n" + answerSentence + "\n",
		}
		if q := editable(k.Questions, i); q != "" {
			docs[i].Questions = map[string][]string{kb.SourceLocale: {q + " {#}"}}
		}
	}
	return docs
}

// editable returns the question that an editor has written down for an article, so that it is answered whatever the
// confidence: among thousands of passages that are nearly the same no question would be sure of its article, and what is
// timed is the cost of answering.
func editable(questions []string, i int) string {
	if i >= len(questions) || i >= screened {
		return ""
	}
	q := strings.Join(strings.Fields(questions[i]), " ")
	if len([]rune(q)) > 150 {
		return ""
	}
	return q
}

// sentencesOf splits a text behind full stops and question marks; it is never empty.
func sentencesOf(text string) []string {
	var out []string
	for _, s := range strings.SplitAfter(strings.NewReplacer(". ", ".\n", "? ", "?\n", "! ", "!\n").Replace(text), "\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return []string{text}
	}
	return out
}

// plainMarkdown keeps a text from meaning anything in Markdown: one line, with a word before whatever could begin a
// heading, a list or a quotation.
func plainMarkdown(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	text = strings.NewReplacer("<", "(", ">", ")", "`", "'", "*", "", "_", " ", "[", "(", "]", ")", "#", "").Replace(text)
	if text == "" || !('a' <= text[0] && text[0] <= 'z' || 'A' <= text[0] && text[0] <= 'Z') {
		text = "Note: " + text
	}
	return text
}

// The parts that made-up articles are put together from: what somebody wants to do, with what, and where it is found.
var (
	madeVerbs = []string{"change", "order", "replace", "rename", "share", "export", "print", "move", "archive", "restore",
		"schedule", "check", "open", "extend", "pause"}
	madeThings = []string{"delivery address", "monthly statement", "gift voucher", "loyalty card", "reading list",
		"opening balance", "invoice template", "calendar view", "language setting", "payment plan", "notification sound",
		"profile picture", "shipping label", "travel pass", "meeting room", "garden sensor", "recipe book", "photo album",
		"training course", "parking permit"}
	madePlaces = []string{"account page", "start screen", "settings menu", "overview"}
)

// inventKnowledge makes 1,200 articles and 300 questions about an ordinary service.
func inventKnowledge() knowledge {
	k := knowledge{Origin: "made-up articles"}
	for _, thing := range madeThings {
		for _, verb := range madeVerbs {
			k.Questions = append(k.Questions, fmt.Sprintf("How do I %s my %s?", verb, thing))
			for i, place := range madePlaces {
				k.Articles = append(k.Articles, article{
					Title: fmt.Sprintf("How to %s your %s from the %s", verb, thing, place),
					Content: fmt.Sprintf("You can %s your %s at any time. On the %s choose the entry for your %s and press the button that says %s. "+
						"The %s shows the new state within %d minutes. When the button is grey, somebody else is working on the same %s; wait until they have finished. "+
						"Every change is kept for %d days, so you can go back to the %s that you had before.",
						verb, thing, place, thing, verb, place, 2+i, thing, 30+10*i, thing),
				})
			}
		}
	}
	return k
}
