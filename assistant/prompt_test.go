package assistant

import (
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/retrieval"
)

// BenchmarkPrompt builds the prompt of a question with six passages of 1,500 characters.
func BenchmarkPrompt(b *testing.B) {
	tn := &turn{
		Claim: &chat.Claim{
			Conversation: chat.Conversation{Market: "gb"},
			Messages:     []chat.Message{{Text: "When is the late fee charged?"}},
		},
		decision: &Decision{Language: "en", Question: "When is the late fee for a missed payment charged?"},
	}
	for range 6 {
		tn.passages = append(tn.passages, retrieval.Passage{Title: "Late fees", Headings: []string{"What it costs", "Germany"}, Markdown: strings.Repeat("We charge the fee once. ", 63)})
	}
	b.ReportAllocs()
	for b.Loop() {
		prompt(tn)
	}
}
