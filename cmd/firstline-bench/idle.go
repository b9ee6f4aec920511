package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// idleReport is the memory of idle event streams, in KB (1,000 bytes) for each stream.
type idleReport struct {
	Streams   int     `json:"streams"`
	Firstline float64 `json:"firstline_kb"`      // growth of the process by the first streams
	Further   float64 `json:"firstline_next_kb"` // by as many again, which free memory of the process can hide no more
	Live      float64 `json:"firstline_live_kb"` // heap and stacks in use, by all of them
	CPU       float64 `json:"firstline_cpu"`     // cores, while all of them are idle
	Floor     float64 `json:"floor_kb"`
}

// idleStreams measures the streams of the server, each of a conversation of its own, and those of the floor. Both processes
// are fresh and have little else in memory: a Go program that has indexed thousands of articles holds so much memory that
// it has freed but not yet given back that streams would seem to cost nothing.
func (b *bench) idleStreams(ctx context.Context, s scenario) (*idleReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.embedding = false // nothing is asked
	if err := b.startServer(ctx, s, idleDatabase); err != nil {
		return nil, err
	}
	defer func() { b.server.stop(); b.server = nil }()
	if err := b.startFloor(ctx, s); err != nil {
		return nil, err
	}
	defer func() { b.floor.stop(); b.floor = nil }()
	r := &idleReport{Streams: b.Idle}
	f := newFirstline(b.base)
	if err := f.prepare(ctx, 2*b.Idle); err != nil {
		return nil, err
	}
	var held []io.Closer
	defer func() { closeAll(held) }()
	live0, err := liveMemory(ctx, b.debug)
	if err != nil {
		return nil, err
	}
	grow := func(pid int, open func(i int) (io.Closer, error)) (float64, error) {
		before, err := processUsage(pid, false)
		if err != nil {
			return 0, err
		}
		for i := range b.Idle {
			c, err := open(i)
			if err != nil {
				return 0, err
			}
			held = append(held, c)
		}
		time.Sleep(b.Rest)
		after, err := processUsage(pid, false)
		return (after.rss - before.rss) / 1000 / float64(b.Idle), err
	}
	server := b.server.pid()
	if r.Firstline, err = grow(server, func(i int) (io.Closer, error) { return f.follow(ctx, f.open[i]) }); err != nil {
		return nil, err
	}
	if r.Further, err = grow(server, func(i int) (io.Closer, error) { return f.follow(ctx, f.open[b.Idle+i]) }); err != nil {
		return nil, err
	}
	before, err := processUsage(server, false)
	if err != nil {
		return nil, err
	}
	time.Sleep(b.Rest)
	after, err := processUsage(server, false)
	if err != nil {
		return nil, err
	}
	r.CPU = (after.cpu - before.cpu) / b.Rest.Seconds()
	live1, err := liveMemory(ctx, b.debug)
	if err != nil {
		return nil, err
	}
	r.Live = (live1 - live0) / 1000 / float64(2*b.Idle)
	floor := newBareFloor(b.floorURL)
	r.Floor, err = grow(b.floor.pid(), func(int) (io.Closer, error) { return floor.follow(ctx) })
	return r, err
}

// liveMemory returns the bytes of heap objects and stacks that a Go process uses after a collection, from the text form
// of its heap profile.
func liveMemory(ctx context.Context, debug string) (float64, error) {
	text, err := fetch(ctx, debug+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, err
	}
	return parseLive(string(text))
}

func parseLive(text string) (float64, error) {
	total, found := 0.0, 0
	for line := range strings.Lines(text) {
		for _, name := range []string{"# HeapAlloc = ", "# Stack = "} {
			rest, ok := strings.CutPrefix(line, name)
			if !ok {
				continue
			}
			number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			x, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return 0, fmt.Errorf("heap profile: %w", err)
			}
			total += x
			found++
		}
	}
	if found != 2 {
		return 0, fmt.Errorf("heap profile: found %d of HeapAlloc and Stack", found)
	}
	return total, nil
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, refused(res)
	}
	return io.ReadAll(res.Body)
}
