// Package dial makes HTTP clients for addresses that other people have typed: webhooks, and the desks that a company has
// already. Such an address may name anything, so the client looks at what a name resolved to at the moment of the connection,
// every time, and connects to public addresses only. A name that resolves to something else a moment later, and a redirect,
// gain nothing by it. It knows nobody.
package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrInternal is in the error of a connection that was refused because of its address.
var ErrInternal = errors.New("the address is not a public one; networks that may be reached all the same are named by FIRSTLINE_DELIVERY_ALLOW")

// ErrPlain is in the error of a connection without TLS that was refused because of its address.
var ErrPlain = errors.New("without TLS only networks named by FIRSTLINE_DELIVERY_ALLOW are reached; use https")

// Guard decides which addresses may be reached. The zero value lets public addresses pass, by TLS only.
type Guard struct {
	Allow []netip.Prefix // may be reached although they are not public, and without TLS
}

// special are networks that are not public, or through which such a one can be reached. What is special about loopback,
// private, link-local, multicast and unspecified addresses netip knows by itself. Source: the IANA registries of
// special-purpose IPv4 and IPv6 addresses.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Public tells whether an address belongs to the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func (g Guard) allowed(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// control is called with the address that a name was resolved to, after resolving and before connecting.
func (g Guard) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrInternal, address)
		}
		switch {
		case g.allowed(ap.Addr()):
			return nil
		case !Public(ap.Addr()):
			return ErrInternal // without the address: who typed the name need not learn where it leads
		case plain:
			return ErrPlain
		}
		return nil
	}
}

// dialTimeout bounds the time until a connection stands; the request has a timeout of its own.
const dialTimeout = 5 * time.Second

// Transport returns a transport that every connection of is guarded. It uses no proxy, because a proxy would connect to
// addresses that were not looked at.
func (g Guard) Transport() http.RoundTripper {
	plain := &net.Dialer{Timeout: dialTimeout, Control: g.control(true)}
	secure := &net.Dialer{Timeout: dialTimeout, Control: g.control(false)}
	return &http.Transport{
		DialContext: plain.DialContext,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			conn, err := secure.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			t := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
			hctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			if err := t.HandshakeContext(hctx); err != nil {
				_ = conn.Close()
				return nil, err
			}
			return t, nil
		},
		MaxIdleConnsPerHost: 4, MaxConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
}

// Client returns a guarded client. It follows no redirects: whoever moves an address is told so by the failure, and
// signatures and tokens are not carried to an address that nobody typed.
func (g Guard) Client(timeout time.Duration) *http.Client {
	return &http.Client{Transport: g.Transport(), Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
