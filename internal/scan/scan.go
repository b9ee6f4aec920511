// Package scan asks clamd, ClamAV's server, whether a file holds a virus. It sends the bytes over the connection, so that clamd
// needs no access to where files are kept.
package scan

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	patience  = 20 * time.Second
	chunk     = 64 << 10
	maxAnswer = 4 << 10
)

// Clamd is a server that scans. It is safe for concurrent use; each scan has a connection of its own.
type Clamd struct{ network, address string }

// Open reads clamd:unix:PATH or clamd:tcp:HOST:PORT; nil for "". It does not connect.
func Open(where string) (*Clamd, error) {
	if where == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(where, "clamd:")
	network, address, _ := strings.Cut(rest, ":")
	if !ok || network != "unix" && network != "tcp" || address == "" {
		return nil, errors.New("use clamd:unix:/run/clamav/clamd.ctl or clamd:tcp:127.0.0.1:3310")
	}
	if network == "tcp" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("the address of clamd: %w", err)
		}
	}
	return &Clamd{network, address}, nil
}

// Scan returns the name of what was found, or "" for a file that is clean. An error says that nobody knows.
func (c *Clamd) Scan(ctx context.Context, data []byte) (found string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return "", fmt.Errorf("scan: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	// Each chunk behind its length, and a chunk of no length at the end (clamd(8), INSTREAM).
	send := func(b []byte) {
		if err == nil {
			_, err = conn.Write(b)
		}
	}
	send([]byte("zINSTREAM\x00"))
	for rest := data; len(rest) > 0 && err == nil; {
		n := min(chunk, len(rest))
		send(binary.BigEndian.AppendUint32(nil, uint32(n)))
		send(rest[:n])
		rest = rest[n:]
	}
	send([]byte{0, 0, 0, 0})
	// Where clamd ends a stream early, because of its size for one, it has said why.
	answer, rerr := io.ReadAll(io.LimitReader(conn, maxAnswer))
	text := strings.TrimRight(string(answer), "\x00\n")
	switch {
	case text == "stream: OK" && err == nil:
		return "", nil
	case strings.HasPrefix(text, "stream: ") && strings.HasSuffix(text, " FOUND"):
		return strings.TrimSuffix(strings.TrimPrefix(text, "stream: "), " FOUND"), nil
	case text != "":
		return "", fmt.Errorf("scan: clamd says %.200q", text)
	}
	return "", fmt.Errorf("scan: no answer: %w", errors.Join(err, rerr, ctx.Err(), io.ErrUnexpectedEOF))
}
