package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// How long the client waits by default.
const (
	// DefaultPatience is how long one call keeps trying.
	DefaultPatience = 30 * time.Second
	// DefaultTimeout bounds one try, from dialling to the last byte of the answer.
	DefaultTimeout = 10 * time.Second
)

// Client speaks to one hub with one API key, or with one client certificate.
type Client struct {
	server    *url.URL
	key       string
	ring      *indicator.KeyRing
	http      *http.Client
	tls       *tls.Config
	patience  time.Duration
	userAgent string
}

// Option changes a Client that [New] makes.
type Option func(*Client)

// WithKeyRing lets the client make digests itself, so that no value leaves the process.
func WithKeyRing(ring *indicator.KeyRing) Option { return func(c *Client) { c.ring = ring } }

// WithHTTPClient takes the caller's transport and time limit. Redirects are not followed all the same: they would
// carry the key elsewhere.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { clone := *h; c.http = &clone }
}

// WithPatience sets how long one call keeps trying what fails for a moment; 0 tries once.
func WithPatience(d time.Duration) Option { return func(c *Client) { c.patience = d } }

// WithUserAgent names the caller to the hub's operators: "shop-checkout/2.1".
func WithUserAgent(name string) Option { return func(c *Client) { c.userAgent = name } }

// New makes a client of the hub at server, such as "https://hub.example.my"; without a scheme it is https, and http
// for this very machine. It connects to nothing. An empty key is allowed: the hub then says what it lacks.
func New(server, apiKey string, options ...Option) (*Client, error) {
	address, err := parseServer(server)
	if err != nil {
		return nil, fmt.Errorf("hub address: %w", err)
	}
	if strings.ContainsFunc(apiKey, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("API key: it holds a space or an unprintable character; see that it was copied whole")
	}
	transport := newTransport()
	own := &http.Client{Timeout: DefaultTimeout, Transport: transport}
	c := &Client{server: address, key: apiKey, patience: DefaultPatience, userAgent: "waspada-client", http: own}
	for _, apply := range options {
		apply(c)
	}
	if c.tls != nil {
		switch {
		case c.http != own:
			return nil, errors.New("WithTLS and WithHTTPClient: set TLS in the transport of the HTTP client instead")
		case address.Scheme != "https":
			return nil, errors.New("hub address: TLS needs one that begins with https://")
		}
		transport.TLSClientConfig = c.tls
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Server is the hub's address in full.
func (c *Client) Server() *url.URL { clone := *c.server; return &clone }

// KeyRing is the ring that the client digests with, nil if it has none.
func (c *Client) KeyRing() *indicator.KeyRing { return c.ring }

// newTransport keeps as many idle connections as a busy platform has callers: with Go's default of two, most look-ups
// would pay for a new TLS handshake. It gives them up before the hub does, after a minute: a request that meets the
// hub's closing of its connection fails, and is a try lost.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 45 * time.Second
	return t
}

func parseServer(server string) (*url.URL, error) {
	if server == "" {
		return nil, errors.New("it is empty; it looks like https://hub.example.my")
	}
	if !strings.Contains(server, "://") {
		scheme := "https://"
		if loopback(server) {
			scheme = "http://"
		}
		server = scheme + server
	}
	u, err := url.Parse(server)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL; it looks like https://hub.example.my")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("its scheme is neither https nor http")
	case u.Hostname() == "":
		return nil, errors.New("it has no host; it looks like https://hub.example.my")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it may have a scheme, a host, a port and a path, nothing else")
	}
	return u, nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
