package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Config holds the settings of a Server.
type Config struct {
	// Addr is where to listen: host:port.
	Addr string
	// TLS is what connections are secured with, nil for plain HTTP.
	TLS *tls.Config
	// Node names this process in answers.
	Node string
	// RefuseValues makes the hub take digests only: with it no caller can send a raw value even by mistake.
	RefuseValues bool
	// Concurrency is how many requests may be at work at a time: see gate. 0 is 32 for each CPU, and 64 at least.
	Concurrency int
	// Connections is how many may be open at a time: see connections. 0 is 2048 for each CPU, and 4096 at least.
	Connections int
	// Shed refuses what waited too long for a CPU: see waiting.
	Shed bool
	// DrainDelay is how long the server goes on after its readiness is off, so that load balancers notice.
	DrainDelay time.Duration
	// DrainLimit is how long requests that are under way may take to end after that.
	DrainLimit time.Duration
}

// DefaultConfig is what the daemon starts from.
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:8080", Shed: true, DrainDelay: time.Second, DrainLimit: 10 * time.Second}
}

// patience is how long a caller may take before its connection is cut; no caller takes another's time.
type patience struct {
	// head and whole bound the reading of a request, from its first byte (that of a new connection from its making): Gin's
	// own Run would let it take for ever.
	head, whole time.Duration
	// answer bounds the rest: what the hub does, and the caller's reading of it.
	answer time.Duration
	// idle is how long a connection may stay open without a request.
	idle time.Duration
}

// patient is what the contract tells callers.
var patient = patience{head: 2 * time.Second, whole: 5 * time.Second, answer: 10 * time.Second, idle: time.Minute}

// Authenticator tells who sends an Authorization header, "" for none, over a connection with a certificate that was
// verified, nil for none. Its error is a *fraud.Denial.
type Authenticator interface {
	Authenticate(header string, certificate *fraud.Certificate, now time.Time) (fraud.Identity, error)
}

// Certifier verifies the certificates that a client has shown, its own first. Its error is a *fraud.Denial.
type Certifier interface {
	Certify(chain []*x509.Certificate, now time.Time) (*fraud.Certificate, error)
}

// Lookuper answers from memory.
type Lookuper interface {
	// Lookup answers asker about one indicator, given as its expressions, the most specific first.
	Lookup(asker *fraud.Partner, probes []fraud.Probe) fraud.Verdict
	// Lookups answers like Lookup about one after the other, all as of one moment.
	Lookups(asker *fraud.Partner) func(probes []fraud.Probe) fraud.Verdict
	// LookupEvenly is Lookup for one question alone: a miss takes as long as a hit. other is what it looked up beside, which
	// is encoded like an answer and told to nobody.
	LookupEvenly(asker *fraud.Partner, probes []fraud.Probe) (v, other fraud.Verdict)
	// LookupBatch answers asker about many exact digests: out, as long, gets their statuses, and hit in their order the
	// verdicts of those that are listed. It returns the time up to which every change is known.
	LookupBatch(asker *fraud.Partner, digests []indicator.Digest, out []fraud.Status,
		hit func(i int, v fraud.Verdict)) time.Time
}

// Canaries watches for those who ask about what nobody has a reason to ask about.
type Canaries interface {
	// Asked is told which digests a partner asks about, at the hub's epoch, before it is answered. It waits for nothing.
	Asked(who *fraud.Identity, digests []indicator.Digest)
}

// Publisher sends events on in a partner's name. It returns nil only when they are durable; an error that wraps
// fraud.ErrUnavailable means that the same call may be repeated.
type Publisher interface {
	PublishAs(ctx context.Context, partner string, bundle uuid.UUID, events []fraud.Event) error
}

// EventFinder tells what became of a partner's event; false while nothing is known of it.
type EventFinder interface {
	Event(ctx context.Context, partner fraud.PartnerNumber, id uuid.UUID) (fraud.Fate, bool, error)
}

// Console is the web console's files.
type Console interface {
	// Serve answers with the file of that name, the page for "". It returns false, and has written nothing, when there is none.
	Serve(w http.ResponseWriter, r *http.Request, name string) bool
}

// Check is one thing that readiness depends on.
type Check struct {
	Name string
	// Degrades makes a failure show without making the node unready: lookups go on without ClickHouse.
	Degrades bool
	Run      func(ctx context.Context) error
}

// Deps is what a Server works with. All are needed but Certifier, Checks, Quotas, Canaries and Console.
type Deps struct {
	Auth Authenticator
	// Certifier is for a server whose TLS asks clients for certificates.
	Certifier Certifier
	// Screen is what events are held against; it also has the hub's key ring and taxonomy.
	Screen    *fraud.Screen
	Index     Lookuper
	Publisher Publisher
	Events    EventFinder
	Arrivals  Arrivals
	Historian Historian
	Feed      Feed
	Sources   Sources
	Trends    Trends
	Campaigns Campaigns
	Boards    Boards
	Registry  Registrar
	Acts      ActReader
	Holds     HoldReader
	Trail     Trail
	Disputes  DisputeDesk
	// NewAPIKey makes an API key with an id, and the SHA-256 of its secret in hexadecimal.
	NewAPIKey func(id string) (key, sha256hex string)
	Checks    []Check
	// Secret is the same on all nodes of the hub and known to nobody else: cursors, and the names under which words are
	// told, are made with it. A server without one makes its own.
	Secret []byte
	// Tally counts requests for the audit; nil for none.
	Tally Tally
	// Quotas bound what each partner may ask and say; nil for no bounds.
	Quotas *quota.Keeper
	// Canaries is told what is asked about; nil for nobody.
	Canaries Canaries
	// Console is served at /console; nil for none.
	Console Console
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time
}

// Server serves the hub's HTTP API.
type Server struct {
	cfg        Config
	auth       Authenticator
	certifier  Certifier
	screen     *fraud.Screen
	keys       *indicator.KeyRing // the screen's
	categories []string           // JSON string of each category by its code
	index      Lookuper
	publisher  Publisher
	events     EventFinder
	arrivals   Arrivals
	historian  Historian
	feed       Feed
	sources    Sources
	names      names
	streams    streams
	cursors    sealer
	trends     Trends
	campaigns  Campaigns
	boards     Boards
	registry   Registrar
	acts       ActReader
	disputes   DisputeDesk
	holds      HoldReader
	trail      Trail
	newAPIKey  func(id string) (key, sha256hex string)
	patience   patience
	readiness  *readiness
	quotas     *quota.Keeper
	canaries   Canaries
	web        Console
	tally      Tally
	gate       gate
	waiting    *waiting
	unread     *rate.Limiter
	conns      atomic.Pointer[connections] // while it serves
	repeats    *repeats
	log        *slog.Logger
	metrics    *metrics
	now        func() time.Time
	handler    http.Handler
	draining   atomic.Bool
}

// New makes a Server. It is inert until Run.
func New(cfg Config, deps Deps) (*Server, error) {
	s := &Server{
		cfg: cfg, auth: deps.Auth, certifier: deps.Certifier, screen: deps.Screen, keys: deps.Screen.Keys,
		index: deps.Index, publisher: deps.Publisher, events: deps.Events, trends: deps.Trends, boards: deps.Boards, campaigns: deps.Campaigns,
		registry: deps.Registry, acts: deps.Acts, holds: deps.Holds, trail: deps.Trail, newAPIKey: deps.NewAPIKey,
		disputes: deps.Disputes, arrivals: deps.Arrivals,
		historian: deps.Historian, feed: deps.Feed, sources: deps.Sources,
		patience: patient, tally: deps.Tally, quotas: deps.Quotas, canaries: deps.Canaries,
		web:  deps.Console,
		gate: newGate(cfg.Concurrency), waiting: newWaiting(), unread: newUnreadBudget(), log: deps.Log, now: deps.Now,
	}
	s.categories = quotedCategories(deps.Screen.Taxonomy)
	s.repeats = newRepeats(deps.Now)
	secret := deps.Secret
	if len(secret) == 0 {
		secret = newSecret()
	}
	s.names = newNames(secret)
	var err error
	if s.cursors, err = newSealer(secret); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if s.metrics, err = newMetrics(deps.Metrics); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	s.readiness = &readiness{checks: deps.Checks, log: deps.Log, failing: s.metrics.failing}
	if err = deps.Metrics.Register(s.waiting); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if s.handler, err = s.router(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return s, nil
}

// Handler serves the API without a listener of its own.
func (s *Server) Handler() http.Handler { return s.handler }

// Run listens and serves until ctx ends and its drain is over.
func (s *Server) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	return s.Serve(ctx, listener)
}

// Serve serves on a listener, which it closes, until ctx ends. Then it drains: 1 readiness off, 2 DrainDelay, 3 no new
// connections, 4 the requests that are under way end, at the latest after DrainLimit.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	bounded := newConnections(listener, s.cfg.Connections)
	s.conns.Store(bounded)
	server := &http.Server{
		Handler:           s.handler,
		ConnState:         bounded.changed,
		ConnContext:       remember,
		ReadHeaderTimeout: s.patience.head,
		ReadTimeout:       s.patience.whole,
		WriteTimeout:      s.patience.answer,
		IdleTimeout:       s.patience.idle,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	serve := server.Serve
	if s.cfg.TLS != nil {
		server.TLSConfig = s.cfg.TLS
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	// With HTTP/2 many requests share a connection, and its limits of time would be other ones than those above.
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	s.log.Info("listening", "addr", listener.Addr().String(), "tls", s.cfg.TLS != nil)
	ended := make(chan error, 1)
	go func() { ended <- serve(bounded) }()
	select {
	case err := <-ended:
		return fmt.Errorf("api: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	select {
	case err := <-ended:
		return fmt.Errorf("api: %w", err)
	case <-time.After(s.cfg.DrainDelay):
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainLimit)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return errors.Join(fmt.Errorf("api: drain: %w", err), server.Close())
	}
	return nil
}
