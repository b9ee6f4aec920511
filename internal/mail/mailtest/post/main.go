// Command post is a mail server for tests that are not written in Go, such as the stories of the pages. It is never part of
// the program. It prints its address and then every mail that it is given, one JSON object a line; each line on its standard
// input is a mail to hand over by SMTP, and is answered by a line too. It ends with its input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/firstline/firstline/internal/mail/mailtest"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// letter is a mail to hand over.
type letter struct {
	Addr string `json:"addr"` // host:port
	From string `json:"from"`
	To   string `json:"to"`
	Raw  string `json:"raw"`
}

func run(in io.Reader, out io.Writer) error {
	srv, stop, err := mailtest.Run(true)
	if err != nil {
		return err
	}
	defer stop()
	var mu sync.Mutex
	say := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(out).Encode(v) // whoever reads may have gone
	}
	say(map[string]any{"addr": srv.Addr})
	done, printed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(printed)
		for n := 0; ; {
			for _, m := range srv.Mails()[n:] {
				say(map[string]any{"from": m.From, "to": m.To, "headers": m.Header, "text": m.Text})
				n++
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l letter
		err := json.Unmarshal(lines.Bytes(), &l)
		if err == nil {
			err = mailtest.Send(l.Addr, l.From, l.To, []byte(l.Raw))
		}
		failure := ""
		if err != nil {
			failure = err.Error()
		}
		say(map[string]any{"sent": err == nil, "error": failure})
	}
	close(done)
	<-printed
	return lines.Err()
}
