package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/api"
	"github.com/waspada-hub/waspada/internal/audit"
	"github.com/waspada-hub/waspada/internal/boards"
	"github.com/waspada-hub/waspada/internal/campaigns"
	"github.com/waspada-hub/waspada/internal/changes"
	"github.com/waspada-hub/waspada/internal/console"
	"github.com/waspada-hub/waspada/internal/disputes"
	"github.com/waspada-hub/waspada/internal/history"
	"github.com/waspada-hub/waspada/internal/index"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/internal/quarantine"
	"github.com/waspada-hub/waspada/internal/run"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/tally"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/internal/trends"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
	"github.com/waspada-hub/waspada/schemas"
)

const (
	// registryEvery bounds how long a revoked key lives on, and sharedEvery where ClickHouse is asked: that takes time too.
	registryEvery = 2 * time.Second
	sharedEvery   = time.Second
	// protectedEvery bounds how long a change of the protected list is not in force.
	protectedEvery = 2 * time.Second
	// certificatesEvery bounds how long a certificate that was replaced is shown to new connections.
	certificatesEvery = 4 * time.Second
	// rollUpEvery is how far the trends' roll-up lags; the answers do not, see store.
	rollUpEvery = 5 * time.Second
	// rollUpDaysEvery is the same of days, which hold more events each.
	rollUpDaysEvery = time.Minute
	// countIndicatorsEvery is the same of different indicators at most: touched days and weeks are counted whole, which may
	// take one part in countIndicatorsShare of the time.
	countIndicatorsEvery = time.Hour
	countIndicatorsShare = 20
	// retryEvery is the pause before what needs ClickHouse is tried again at the start.
	retryEvery = time.Second
)

func newServeCommand(load func() (config, error)) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use: "serve", Short: "Answer lookups and take in reports until SIGTERM", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if role != "all" && role != "api" && role != "ingest" {
				return fmt.Errorf("--role is all, api or ingest, not %q", role)
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			d, err := newDaemon(cfg, newLogger(cfg))
			if err != nil {
				return err
			}
			defer d.close()
			limitMemory(d.log)
			parts := []run.Part{
				{Name: "registry", Run: d.followRegistry}, {Name: "protected", Run: d.followProtected},
				{Name: "admin", Run: d.serveAdmin},
			}
			if role == "api" {
				close(d.prepared) // by the nodes that ingest
			} else {
				parts = append(parts, d.ingestParts()...)
			}
			if role != "ingest" {
				ask, err := d.askParts()
				if err != nil {
					return err
				}
				parts = append(parts, ask...)
			}
			d.log.Info("serving", "role", role, "http", cfg.HTTP.Addr, "admin", cfg.HTTP.AdminAddr)
			return run.All(cmd.Context(), d.log, parts...)
		},
	}
	cmd.Flags().StringVar(&role, "role", "all", "what this node does: all, api or ingest")
	return cmd
}

// daemon is what the parts share.
type daemon struct {
	cfg     config
	log     *slog.Logger
	metrics *prometheus.Registry
	*trust
	cluster topic.Cluster
	writer  *store.Writer
	reader  *store.Reader
	analyst *store.Analyst
	// prepared is closed when the schema is up to date.
	prepared chan struct{}
}

func newDaemon(cfg config, log *slog.Logger) (*daemon, error) {
	trust, err := loadTrust(cfg)
	if err != nil {
		return nil, err
	}
	cluster, err := kafkaCluster(cfg, "waspadad-"+cfg.Node)
	if err != nil {
		return nil, err
	}
	storeCfg, err := storeConfig(cfg)
	if err != nil {
		return nil, err
	}
	for _, warning := range cfg.warnings() {
		log.Warn("configuration", "warning", warning)
	}
	writer, err := store.NewWriter(storeCfg)
	if err != nil {
		return nil, err
	}
	reader, err := store.NewReader(storeCfg)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	analystCfg, err := analystConfig(cfg)
	if err != nil {
		return nil, errors.Join(err, writer.Close(), reader.Close())
	}
	analyst, err := store.NewAnalyst(analystCfg)
	if err != nil {
		return nil, errors.Join(err, writer.Close(), reader.Close())
	}
	if cfg.Registry == registryClickHouse {
		makeSnapshotDir(cfg, log)
		shared, err := openShared(cfg, ledger{reader, writer}, log)
		if err != nil {
			return nil, errors.Join(err, writer.Close(), reader.Close(), analyst.Close())
		}
		trust.share(shared)
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	trust.protection.register(metrics)
	return &daemon{
		cfg: cfg, log: log, metrics: metrics, trust: trust, writer: writer, reader: reader, analyst: analyst,
		cluster: cluster, prepared: make(chan struct{}),
	}, nil
}

func (d *daemon) close() {
	if err := errors.Join(d.writer.Close(), d.reader.Close(), d.analyst.Close()); err != nil {
		d.log.Warn("close the store", "error", err)
	}
}

func migrate(ctx context.Context, cfg config, log *slog.Logger) error {
	storeCfg, err := storeConfig(cfg)
	if err != nil {
		return err
	}
	return store.Migrate(ctx, storeCfg, schemas.ClickHouse(), log)
}

func (d *daemon) followRegistry(ctx context.Context) error {
	if d.shared != nil {
		if !d.waitPrepared(ctx) {
			return nil
		}
		return d.shared.Follow(ctx, sharedEvery, d.log)
	}
	return d.registry.Follow(ctx, registryEvery, d.log)
}

func (d *daemon) followProtected(ctx context.Context) error {
	return d.protection.follow(ctx, protectedEvery, d.log)
}

// serveAdmin serves metrics and profiles, for operators alone.
func (d *daemon) serveAdmin(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 2 * time.Second, IdleTimeout: time.Minute}
	listener, err := net.Listen("tcp", d.cfg.HTTP.AdminAddr)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ingestParts take in reports, keep what trends are counted from, and audit both.
func (d *daemon) ingestParts() []run.Part {
	announcer := changes.NewLog(d.cluster, d.cfg.Kafka.Changes, d.log)
	verifier := &wire.Verifier{Audience: d.cfg.Name, Registry: d.registry}
	cfg := ingestConfig(d.cfg, d.cluster)
	var held *quarantine.Keeper
	if d.cfg.Quotas.Enforce {
		held = quarantine.New(d.cfg.Quotas.spikes(), d.reader, d.writer, d.registry, time.Now, d.log)
		cfg.Quarantine = held
	}
	in := ingest.New(cfg, verifier, d.screen(), announcer, d.writer, d.metrics, d.log)
	parts := []run.Part{
		{Name: "ingest", Run: func(ctx context.Context) error {
			defer announcer.Close()
			if err := d.prepareStore(ctx); err != nil {
				return err
			}
			close(d.prepared)
			if held != nil && !d.untilDone(ctx, "count what partners said today", held.Look) {
				return nil
			}
			return in.Run(ctx)
		}},
		{Name: "trends", Run: d.rollUp},
		{Name: "indicator counts", Run: d.countIndicators},
		{Name: "boards", Run: d.rollUpBoards},
		{Name: "campaigns", Run: d.keepCampaigns},
	}
	if held != nil {
		parts = append(parts, run.Part{Name: "quarantine", Run: func(ctx context.Context) error {
			if !d.waitPrepared(ctx) {
				return nil
			}
			return held.Run(ctx)
		}})
	}
	if at, on, _ := d.cfg.auditAt(); on {
		nightly := audit.NewNightly(at, newOracle(d.cfg, d.cluster, d.reader), in, d.metrics, d.log)
		parts = append(parts, run.Part{Name: "audit", Run: nightly.Run})
	}
	return parts
}

func ingestConfig(cfg config, cluster topic.Cluster) ingest.Config {
	c := ingest.DefaultConfiguration()
	c.Cluster, c.Topic, c.Group, c.DeadLetters = cluster, cfg.Kafka.Reports, cfg.Kafka.Group, cfg.Kafka.DeadLetters
	c.AcceptLoss = cfg.Kafka.AcceptLoss
	// A session survives four lost heartbeats, and heartbeats are how members learn of each other: never slower than 2 s.
	// A member that is to give up partitions has as long as a session to store what it has accepted: half of the
	// rebalance timeout.
	c.SessionTimeout = cfg.Kafka.SessionTimeout
	c.HeartbeatInterval = min(2*time.Second, c.SessionTimeout/5)
	c.RebalanceTimeout = 2 * c.SessionTimeout
	return c
}

// prepareStore brings the schema and the table of partners up to date, as soon as ClickHouse can be reached: lookups do
// not wait for it, nor does the process end.
func (d *daemon) prepareStore(ctx context.Context) error {
	for {
		err := migrate(ctx, d.cfg, d.log)
		if err == nil && d.shared != nil {
			err = d.shared.Import(ctx) // ingest verifies nothing before it knows the partners
		}
		if err == nil {
			err = d.writer.PutPartners(ctx, d.registry.Partners())
		}
		if err == nil || !errors.Is(err, fraud.ErrUnavailable) {
			return err
		}
		d.log.Warn("ClickHouse cannot be reached, trying again", "error", err)
		if !pause(ctx, retryEvery) {
			return ctx.Err()
		}
	}
}

// untilDone tries until it succeeds, and reports false when ctx ended first.
func (d *daemon) untilDone(ctx context.Context, what string, try func(context.Context) error) bool {
	for {
		err := try(ctx)
		if err == nil {
			return true
		}
		d.log.Warn("ClickHouse does not answer, trying again", "what", what, "error", err)
		if !pause(ctx, retryEvery) {
			return false
		}
	}
}

// waitPrepared reports false when ctx ended first.
func (d *daemon) waitPrepared(ctx context.Context) bool {
	select {
	case <-d.prepared:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// rollUp keeps the trends' roll-up close to the ledger.
func (d *daemon) rollUp(ctx context.Context) error {
	var days time.Time // when they were last rolled up
	for d.waitPrepared(ctx) && pause(ctx, rollUpEvery) {
		err := d.writer.RollUp(ctx)
		if time.Since(days) >= rollUpDaysEvery {
			days = time.Now()
			err = errors.Join(err, d.writer.RollUpDays(ctx))
		}
		if err != nil && ctx.Err() == nil {
			d.log.Warn("roll up trends", "error", err)
		}
	}
	return nil
}

// countIndicators keeps the counts of different indicators close to the ledger.
func (d *daemon) countIndicators(ctx context.Context) error {
	for d.waitPrepared(ctx) {
		began := time.Now()
		if err := d.writer.CountIndicators(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("count indicators", "error", err)
		}
		if !pause(ctx, min(max(rollUpDaysEvery, countIndicatorsShare*time.Since(began)), countIndicatorsEvery)) {
			break
		}
	}
	return nil
}

// rollUpBoards keeps the boards' roll-up close to the ledger and the registry.
func (d *daemon) rollUpBoards(ctx context.Context) error {
	for d.waitPrepared(ctx) && pause(ctx, d.cfg.Boards.Every) {
		if err := d.writer.RollUpBoards(ctx, d.registry.Partners()); err != nil && ctx.Err() == nil {
			d.log.Warn("roll up the boards", "error", err)
		}
	}
	return nil
}

// keepCampaigns keeps campaigns close to the ledger.
func (d *daemon) keepCampaigns(ctx context.Context) error {
	if !d.waitPrepared(ctx) {
		return nil
	}
	return campaigns.NewKeeper(d.writer, d.policy, d.registry.Partners, campaigns.DefaultLimits(), time.Now,
		d.cfg.Campaigns.Every, d.metrics, d.log).Run(ctx)
}

// askParts are the index and the api that asks it.
func (d *daemon) askParts() ([]run.Part, error) {
	cfg := index.DefaultConfig()
	cfg.Epoch, cfg.FreshnessLimit, cfg.SnapshotDir = d.ring.Epoch(), d.cfg.Index.Freshness, d.cfg.Index.SnapshotDir
	makeSnapshotDir(d.cfg, d.log)
	known := index.New(cfg, d.policy, index.Sources{
		Changes:  changes.NewTail(d.cluster, d.cfg.Kafka.Changes, d.metrics, d.log),
		Opinions: d.reader,
		Backlog:  d.oldestUnstored,
	}, d.metrics, d.log)
	d.protection.changed = known.Protect

	feed := changes.NewFeed(d.cluster, d.cfg.Kafka.Changes, d.log)
	gateway := publisher.New(publisher.Config{
		Brokers: d.cluster.Brokers, TLS: d.cluster.TLS, SASL: d.cluster.SASL,
		Topic: d.cfg.Kafka.Reports, ClientID: "waspadad-gateway-" + d.cfg.Node, Log: d.log,
	}, &wire.Signer{Audience: d.cfg.Name, KeyID: d.cfg.Gateway.KeyID, Key: d.gateway}, "")

	apiCfg := api.DefaultConfig()
	apiCfg.Addr, apiCfg.Node, apiCfg.RefuseValues = d.cfg.HTTP.Addr, d.cfg.Node, d.cfg.HTTP.RefuseValues
	apiCfg.Concurrency, apiCfg.Connections = d.cfg.HTTP.Concurrency, d.cfg.HTTP.Connections
	apiCfg.Shed = d.cfg.HTTP.Shed
	quotas, parts := d.openQuotas()
	watch, err := d.watchSweeps(quotas)
	if err != nil {
		return nil, err
	}
	parts = append(parts, run.Part{Name: "sweeps", Run: watch.Run})
	registrar := api.Registrar(d.registry)
	if d.shared != nil {
		registrar = d.shared
	}
	keeper, err := httpCertificates(d.cfg)
	if err != nil {
		return nil, err
	}
	var certifier api.Certifier
	if keeper != nil {
		apiCfg.TLS = keeper.TLS()
		d.metrics.MustRegister(keeper)
		parts = append(parts, run.Part{Name: "certificates", Run: func(ctx context.Context) error {
			return keeper.Follow(ctx, certificatesEvery, d.log)
		}})
		if keeper.AsksClients() {
			certifier = keeper
		}
	}
	counter := tally.New(d.cfg.Node, d.cfg.Audit.UsageEvery, d.cfg.Index.SnapshotDir, d.writer, d.metrics, d.log)
	web, err := console.New()
	if err != nil {
		return nil, err
	}
	deskCfg := disputes.DefaultConfig()
	deskCfg.Every = d.cfg.Disputes.LookEvery
	desk := disputes.NewDesk(deskCfg, ledger{d.reader, d.writer}, gateway, d.screen(), d.policy, time.Now, d.metrics, d.log)
	results := boards.NewDesk(boards.Config{Hub: d.cfg.Name, Overdue: d.cfg.Boards.OverdueAfter, Sign: d.signEvidence},
		d.reader, registrar, time.Now)
	server, err := api.New(apiCfg, api.Deps{
		Auth: d.registry, Certifier: certifier, Registry: registrar, Disputes: desk, Acts: d.reader, Holds: d.reader,
		Trail: ledger{d.reader, d.writer}, NewAPIKey: partners.NewAPIKey,
		Screen: d.screen(), Index: known, Publisher: gateway, Events: d.reader, Trends: trends.NewDesk(d.analyst, time.Now),
		Boards: results,
		Quotas: quotas, Tally: counter, Canaries: watch, Checks: d.checks(known), Log: d.log, Metrics: d.metrics,
		Now:      time.Now,
		Arrivals: d.reader, Campaigns: d.reader, Secret: d.secret(), Console: web, Historian: d.historian(), Feed: feed, Sources: d.registry,
	})
	if err != nil {
		return nil, err
	}
	return append(parts, []run.Part{
		{Name: "tally", Run: counter.Run},
		{Name: "disputes", Run: func(ctx context.Context) error {
			if !d.waitPrepared(ctx) {
				return nil
			}
			return desk.Run(ctx)
		}},
		{Name: "index", Run: known.Run},
		{Name: "feed", Run: feed.Run},
		{Name: "gateway", Run: func(ctx context.Context) error { <-ctx.Done(); return gateway.Close() }},
		{Name: "api", Run: server.Run},
	}...), nil
}

// historian answers from the ledger, and from the registry's own history where it keeps one.
func (d *daemon) historian() *history.Desk {
	var past history.Past
	if d.shared != nil {
		past = partnersOfThen{d.reader}
	}
	return history.NewDesk(d.reader, past, d.policy, d.registry.Partners, d.ring)
}

// partnersOfThen are the partners by the revisions of their records.
type partnersOfThen struct{ reader *store.Reader }

func (p partnersOfThen) PartnersAt(ctx context.Context, at time.Time) (history.Partners, bool, error) {
	revisions, err := p.reader.PartnersAt(ctx, at)
	if err != nil {
		return nil, false, err
	}
	return partners.Find(revisions), len(revisions) > 0, nil
}

// signEvidence signs with the gateway's key: partners know its public half.
func (d *daemon) signEvidence(message []byte) (string, []byte) {
	return d.cfg.Gateway.KeyID, ed25519.Sign(d.gateway, message)
}

func makeSnapshotDir(cfg config, log *slog.Logger) {
	if dir := cfg.Index.SnapshotDir; dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			log.Warn("the folder for snapshots cannot be made: this node will start more slowly", "error", err)
		}
	}
}

// checks are what /readyz names. Without Kafka or ClickHouse lookups go on, so these only degrade.
func (d *daemon) checks(known *index.Index) []api.Check {
	kafka := d.cluster.Open(d.cfg.Kafka.Changes)
	checks := []api.Check{
		{Name: "index", Run: func(context.Context) error {
			if ready, detail := known.Ready(); !ready {
				return errors.New(detail)
			}
			return nil
		}},
		{Name: "kafka", Degrades: true, Run: func(ctx context.Context) error { _, err := kafka.Ends(ctx); return err }},
		{Name: "clickhouse", Degrades: true, Run: d.reader.Ping},
		{Name: "analyst", Degrades: true, Run: d.analyst.Rights},
	}
	if d.shared != nil {
		checks = append(checks, api.Check{Name: "registry", Run: d.shared.Known})
	}
	return checks
}

// oldestUnstored is how far back a starting index must replay.
func (d *daemon) oldestUnstored(ctx context.Context) (time.Time, bool, error) {
	if !d.waitPrepared(ctx) {
		return time.Time{}, false, ctx.Err()
	}
	stored, err := d.reader.StoredOffsets(ctx)
	if err != nil {
		return time.Time{}, false, err
	}
	return ingest.OldestUnstored(ctx, d.cluster, d.cfg.Kafka.Reports, stored)
}
