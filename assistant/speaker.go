package assistant

import (
	"context"
	"slices"
	"sync"

	"github.com/firstline/firstline/internal/chat"
)

// speaker writes supported text to the log while the model goes on. What arrives during a write goes with the next one,
// so a fast model costs few commits and a slow one shows every sentence at once.
type speaker struct {
	ctx   context.Context
	speak speak

	mu      sync.Mutex
	pending string
	shown   string
	writing bool
	err     error
	idle    sync.Cond
}

// speak shows a piece of text to the customer.
type speak func(ctx context.Context, d chat.DeltaEvent) error

func newSpeaker(ctx context.Context, to speak) *speaker {
	s := &speaker{ctx: ctx, speak: to}
	s.idle.L = &s.mu
	return s
}

// say hands a piece over and returns at once.
func (s *speaker) say(piece string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending += piece
	if !s.writing && s.err == nil {
		s.writing = true
		go s.write()
	}
}

func (s *speaker) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pending != "" && s.err == nil {
		text := s.pending
		s.pending = ""
		s.mu.Unlock()
		err := s.speak(s.ctx, chat.DeltaEvent{Text: text})
		failpoint("spoken")
		s.mu.Lock()
		if err != nil {
			s.err = err
			break
		}
		s.shown += text
	}
	s.writing = false
	s.idle.Broadcast()
}

// failed returns the error of a write, if there was one.
func (s *speaker) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// close waits for the write under way and returns what was shown.
func (s *speaker) close() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing {
		s.idle.Wait()
	}
	return s.shown, s.err
}

func sortCitations(cs []chat.Citation) {
	slices.SortFunc(cs, func(a, b chat.Citation) int { return a.N - b.N })
}
