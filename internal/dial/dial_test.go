package dial

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "2606:4700:4700::1111": true, "172.32.0.1": true, "100.128.0.1": true, "169.253.1.1": true,
		"127.0.0.1": false, "127.9.9.9": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "192.0.0.170": false, "198.18.0.1": false,
		"224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false, "203.0.113.9": false,
		"::1": false, "::": false, "::ffff:127.0.0.1": false, "::ffff:100.64.0.1": false, "::ffff:10.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false,
		"ff02::1": false, "64:ff9b::7f00:1": false, "::7f00:1": false, "::10.0.0.1": false, "2002:7f00:1::": false, "2001:0:1::1": false, "fec0::1": false, "2001:db8::1": false,
	} {
		if got := Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("Public(%s) = %v, want %v", address, got, want)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

// internalServer counts what reaches it; nothing should.
func internalServer(t *testing.T, secure bool) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var reached atomic.Int64
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			reached.Add(1)
		}
	}
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv, &reached
}

func TestInternalAddressesAreNotDialled(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		srv, reached := internalServer(t, secure)
		_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
		scheme := strings.SplitN(srv.URL, ":", 2)[0]
		c := Guard{}.Client(5 * time.Second)
		for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"} {
			resp, err := c.Get(scheme + "://" + net.JoinHostPort(strings.Trim(host, "[]"), port) + "/")
			if err == nil {
				_ = resp.Body.Close()
				t.Errorf("%s %s was reached", scheme, host)
			}
			var dns *net.DNSError // a host that is no name for this resolver is as good as refused
			if !errors.Is(err, ErrInternal) && !errors.As(err, &dns) {
				t.Errorf("%s %s: %v", scheme, host, err)
			}
		}
		if n := reached.Load(); n != 0 {
			t.Errorf("%d connections reached the server", n)
		}
	}
}

// TestRedirects gives the transport to a client that follows redirects: the address is checked for each of them.
func TestRedirects(t *testing.T) {
	t.Parallel()
	secret, reached := internalServer(t, false)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secret.URL, http.StatusTemporaryRedirect)
	}))
	defer front.Close()
	outside := netip.MustParseAddrPort(front.Listener.Addr().String())
	g := Guard{}
	// Everything but the front server is judged as without it; both are on the loopback, so they differ by their ports only.
	rt := g.Transport().(*http.Transport)
	inner := rt.DialContext
	rt.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if ap, err := netip.ParseAddrPort(address); err == nil && ap == outside {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		return inner(ctx, network, address)
	}
	_, err := (&http.Client{Transport: rt}).Post(front.URL, "text/plain", strings.NewReader("x"))
	if !errors.Is(err, ErrInternal) {
		t.Errorf("the redirect gave %v", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections reached the server", n)
	}
	// Our own client does not follow at all.
	resp, err := (Guard{Allow: prefixes("127.0.0.0/8")}).Client(5*time.Second).Post(front.URL, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || reached.Load() != 0 {
		t.Errorf("status %d, %d connections", resp.StatusCode, reached.Load())
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	srv, _ := internalServer(t, false)
	resp, err := (Guard{Allow: prefixes("127.0.0.0/8")}).Client(5 * time.Second).Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if _, err := (Guard{Allow: prefixes("10.0.0.0/8")}).Client(5 * time.Second).Get(srv.URL); !errors.Is(err, ErrInternal) {
		t.Errorf("another network is allowed: %v", err)
	}
	g := Guard{}
	if err := g.control(true)("tcp", "8.8.8.8:80", nil); !errors.Is(err, ErrPlain) {
		t.Errorf("without TLS: %v", err)
	}
	if err := g.control(false)("tcp", "8.8.8.8:443", nil); err != nil {
		t.Errorf("with TLS: %v", err)
	}
}
