package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// target is a system that answers turns. Conversations are known by their number in the run, from 0.
type target interface {
	// prepare makes so many conversations; it is not part of what is timed.
	prepare(ctx context.Context, conversations int) error
	// turn asks a question in a conversation and reads the answer to its end.
	turn(ctx context.Context, conversation int, question string) (sample, error)
}

// sample is one turn as the customer saw it.
type sample struct {
	first   time.Duration // from the request to the first text of the answer
	total   time.Duration // from the request to the end of the stream
	outcome string
}

// load describes a run: workers take conversations, one each, and ask a conversation's questions one after the other.
type load struct {
	concurrency int
	turns       int // in all; rounded up to whole conversations, and to one conversation for each worker
	perConv     int // turns in a conversation
	limit       time.Duration
	questions   []string
}

func (l load) conversations() int {
	return max((l.turns+l.perConv-1)/l.perConv, l.concurrency)
}

// question picks the question of a turn; neighbouring turns ask different things.
func (l load) question(conversation, turn int) string {
	return l.questions[(conversation*7+turn)%len(l.questions)]
}

// driven is the outcome of a run.
type driven struct {
	samples []sample
	wall    time.Duration
	errors  int
	first   error // the first error
}

// drive runs a load. It stops taking up turns at the limit, and fails when no turn succeeded.
func drive(ctx context.Context, t target, l load) (driven, error) {
	todo := make(chan int, l.conversations())
	for i := range l.conversations() {
		todo <- i
	}
	close(todo)
	var (
		mu   sync.Mutex
		d    driven
		work sync.WaitGroup
	)
	begun := time.Now()
	for range l.concurrency {
		work.Go(func() {
			var own driven
			for conversation := range todo {
				for k := range l.perConv {
					if ctx.Err() != nil || time.Since(begun) > l.limit {
						break
					}
					s, err := t.turn(ctx, conversation, l.question(conversation, k))
					if err != nil {
						own.errors++
						if own.first == nil {
							own.first = err
						}
						continue
					}
					own.samples = append(own.samples, s)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			d.samples = append(d.samples, own.samples...)
			d.errors += own.errors
			if d.first == nil {
				d.first = own.first
			}
		})
	}
	work.Wait()
	d.wall = time.Since(begun)
	if err := ctx.Err(); err != nil {
		return d, err
	}
	if len(d.samples) == 0 {
		if d.first == nil {
			d.first = errors.New("no turn was begun")
		}
		return d, fmt.Errorf("every turn failed: %w", d.first)
	}
	return d, nil
}

// latency is a distribution in milliseconds.
type latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

func latencies(samples []sample, of func(sample) time.Duration) latency {
	ms := make([]float64, len(samples))
	for i, s := range samples {
		ms[i] = float64(of(s)) / float64(time.Millisecond)
	}
	slices.Sort(ms)
	return latency{P50: quantile(ms, 0.50), P95: quantile(ms, 0.95), P99: quantile(ms, 0.99)}
}

// quantile returns the value at rank ceil(p*n) of sorted values (the nearest-rank method); 0 when there are none.
func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// median returns the middle value, or the mean of the two in the middle; 0 when there are none.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// outcomes counts how turns ended.
func outcomes(samples []sample) map[string]int {
	m := map[string]int{}
	for _, s := range samples {
		m[s.outcome]++
	}
	return m
}

// describe words a count of outcomes, the most common first: "answered 980, clarified 20".
func describe(counts map[string]int) string {
	names := slices.Collect(maps.Keys(counts))
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%s %d", n, counts[n])
	}
	return out
}
