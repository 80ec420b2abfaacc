package faults

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Link is a connection between a node and a server that can be made bad. Upstream is from the node to the server.
type Link struct {
	proxy *toxiproxy.Proxy
	mu    sync.Mutex
	toxic []string
}

// Direction is one way on a link.
type Direction string

const (
	Upstream   Direction = "upstream"
	Downstream Direction = "downstream"
)

var proxies = sync.OnceValue(func() *toxiproxy.ApiServer {
	zerolog.SetGlobalLevel(zerolog.Disabled) // some of toxiproxy's parts log past the logger that they are given
	toxics.Register("stall", new(stall))
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
})

// stall lets nothing pass and drops nothing. What toxiproxy has itself (timeout) drops bytes in the middle of a stream,
// which no network does to TCP.
type stall struct{}

func (*stall) Pipe(stub *toxics.ToxicStub) { <-stub.Interrupt }

// NewLink listens on listen ("127.0.0.1:0" takes a free port) for as long as the test runs.
func NewLink(t testing.TB, name, listen, upstream string) *Link {
	t.Helper()
	l := &Link{proxy: toxiproxy.NewProxy(proxies(), name, listen, upstream)}
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Heal(t)
		l.proxy.Stop()
	})
	return l
}

// Addr is where the link's clients connect.
func (l *Link) Addr() string { return l.proxy.Listen }

// Stall partitions one way: connections stand, new ones too, and nothing arrives until the link is healed.
func (l *Link) Stall(t testing.TB, d Direction) {
	t.Helper()
	l.add(t, "stall", d, "{}")
}

// Delay makes what travels one way take so much longer.
func (l *Link) Delay(t testing.TB, d Direction, latency time.Duration) {
	t.Helper()
	l.add(t, "latency", d, fmt.Sprintf(`{"latency":%d}`, latency.Milliseconds()))
}

// Throttle lets so many kilobytes a second pass each way.
func (l *Link) Throttle(t testing.TB, kilobytes int) {
	t.Helper()
	for _, d := range []Direction{Upstream, Downstream} {
		l.add(t, "bandwidth", d, fmt.Sprintf(`{"rate":%d}`, kilobytes))
	}
}

// CutAnswers closes each connection when so many bytes of answers have passed.
func (l *Link) CutAnswers(t testing.TB, bytes int) {
	t.Helper()
	l.add(t, "limit_data", Downstream, fmt.Sprintf(`{"bytes":%d}`, bytes))
}

func (l *Link) add(t testing.TB, kind string, d Direction, attributes string) {
	t.Helper()
	name := kind + " " + string(d)
	text := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"attributes":%s}`, name, kind, d, attributes)
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.Fatalf("make a link bad: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.toxic = append(l.toxic, name)
}

// Refuse closes every connection and takes no new one until the link is healed.
func (l *Link) Refuse() { l.proxy.Stop() }

// Drop closes every connection; new ones work.
func (l *Link) Drop(t testing.TB) {
	t.Helper()
	l.Refuse()
	l.Heal(t)
}

// Heal makes the link good.
func (l *Link) Heal(t testing.TB) {
	t.Helper()
	if err := l.proxy.Start(); err != nil && err != toxiproxy.ErrProxyAlreadyStarted { //nolint:errorlint // never wrapped
		t.Errorf("heal a link: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.toxic {
		if err := l.proxy.Toxics.RemoveToxic(t.Context(), name); err != nil {
			t.Errorf("heal a link: %v", err)
		}
	}
	l.toxic = nil
}
