package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/firstline/firstline/internal/fault"
)

// ServeCmd runs the server.
type ServeCmd struct {
	Addr      string        `env:"FIRSTLINE_ADDR" default:"127.0.0.1:8080" help:"Address to listen on."`
	URL       string        `env:"FIRSTLINE_URL" name:"url" help:"Address that people use, for links; from --addr when not given." placeholder:"URL"`
	Demo      bool          `help:"Load the demo help centre, topics and people when there are none yet, and print sign-in links."`
	Limit     int           `env:"FIRSTLINE_LIMIT" default:"120" help:"Conversations and sign-ins a minute from one address; 0 for no limit."`
	Proxies   []string      `env:"FIRSTLINE_PROXIES" help:"Addresses or networks of proxies whose X-Forwarded-For is believed."`
	Grace     time.Duration `env:"FIRSTLINE_GRACE" default:"15s" help:"How long running turns may take to finish when the server is asked to end."`
	DebugAddr string        `env:"FIRSTLINE_DEBUG_ADDR" help:"Address for profiles (net/http/pprof); loopback only."`
}

// Run serves until the context ends, then shuts down so that nothing is stranded: unready, streams end with a hint to
// resume, turns finish or are given up to other replicas.
func (c *ServeCmd) Run(e *env) error {
	began := time.Now()
	e.serving = true
	spareCollector()
	ln, err := listen(c.Addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	if c.Demo {
		if err := a.seedDemo(e.ctx, e); err != nil {
			return err
		}
	}
	base := strings.TrimSuffix(c.URL, "/")
	if base == "" {
		base = "http://" + ln.Addr().String()
	}
	secure := strings.HasPrefix(base, "https://")
	handler, err := a.server(base, c.Limit, secure, c.Proxies)
	if err != nil {
		return err
	}
	if err := a.start(context.WithoutCancel(e.ctx)); err != nil {
		return err
	}
	stopMail, err := a.serveMail()
	if err != nil {
		return err
	}
	defer stopMail(context.WithoutCancel(e.ctx))
	if c.DebugAddr != "" {
		stop, err := serveProfiles(c.DebugAddr)
		if err != nil {
			return err
		}
		defer stop()
	}
	// The write timeout is each request's; streams move theirs on with every write. Without one, a stream's last deadline
	// would outlive it on a kept-alive connection and cut the next response.
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	if err := a.printDoors(e, base, c.Demo, time.Since(began)); err != nil {
		return err
	}

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-e.ctx.Done():
	}
	fmt.Fprintln(e.err, "Stopping: finishing what is under way. Once more ends it at once.")
	handler.Close()
	ctx, cancel := context.WithTimeout(context.Background(), c.Grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		a.log.Warn("connections cut", "error", err)
		_ = server.Close()
	}
	stopMail(ctx) // before the turns that mails begin are given up
	a.runner.Stop(ctx)
	return nil
}

// listen takes the address before anything else is started, so that a busy port is known at once.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(addr)
		return nil, fault.Wrap(err, fault.Unavailable, "port_busy",
			fmt.Sprintf("Port %s is taken by another program. End that one, or choose another port: firstline serve --addr 127.0.0.1:8081 (or FIRSTLINE_ADDR=127.0.0.1:8081 make run).", port))
	case errors.Is(err, syscall.EACCES):
		return nil, fault.Wrap(err, fault.Unavailable, "port_forbidden", "This user may not listen on "+addr+"; choose a port above 1023 with --addr.")
	}
	return nil, fault.Wrap(err, fault.Invalid, "bad_address", fmt.Sprintf("Cannot listen on %q; use host:port, such as 127.0.0.1:8080.", addr))
}

// serveProfiles offers profiles on an address of this machine only.
func serveProfiles(addr string) (stop func(), err error) {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fault.Field("FIRSTLINE_DEBUG_ADDR", "not_loopback", "Profiles are offered on a loopback address only, such as 127.0.0.1:6060.")
	}
	ln, err := listen(addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(ln) }()
	return func() { _ = s.Close() }, nil
}
