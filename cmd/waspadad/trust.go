package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/schemas"
)

// trust is everything that says whom to believe: keys, partners, words and what nobody may list.
type trust struct {
	ring     *indicator.KeyRing
	registry *partners.Registry
	// shared is the registry in ClickHouse, nil where the file is the registry.
	shared   *partners.Shared
	gateway  ed25519.PrivateKey
	taxonomy *fraud.Taxonomy
	policy   *fraud.Policy
	// protection follows the list of what the policy and the screen protect.
	protection *protection
}

// loadTrust reads the files that the configuration names.
func loadTrust(cfg config) (*trust, error) {
	ring, err := indicator.LoadKeyRing(cfg.KeyRing)
	if err != nil {
		return nil, err
	}
	registry, err := partners.Load(cfg.Partners)
	if err != nil {
		return nil, err
	}
	gateway, err := publisher.LoadSigningKey(cfg.Gateway.Key)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	known, ok := registry.SigningKey(cfg.Gateway.KeyID)
	if !ok || !known.Gateway || !known.Public.Equal(gateway.Public()) {
		return nil, fmt.Errorf("gateway: %s has no gateway key %q with the public half of %s: what the api signs would be refused",
			cfg.Partners, cfg.Gateway.KeyID, cfg.Gateway.Key)
	}
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		return nil, err
	}
	policy := fraud.DefaultPolicy()
	policy.Partners = registry.Partner
	policy.AcknowledgeWithin, policy.DecideWithin = cfg.Disputes.AcknowledgeWithin, cfg.Disputes.DecideWithin
	policy.ReaffirmWithin = cfg.Disputes.ReaffirmWithin
	protected, err := loadProtection(cfg.Protected, ring)
	if err != nil {
		return nil, err
	}
	policy.Protected = protected.Protected
	return &trust{
		ring: ring, registry: registry, gateway: gateway, taxonomy: taxonomy, policy: &policy, protection: protected,
	}, nil
}

// share takes partners from ClickHouse instead of the file.
func (t *trust) share(shared *partners.Shared) {
	t.shared, t.registry = shared, shared.Registry
	t.policy.Partners = shared.Partner
}

// secret is what the nodes of the hub alone have in common: they sign with the same key of the gateway.
func (t *trust) secret() []byte {
	mac := hmac.New(sha256.New, t.gateway.Seed())
	mac.Write([]byte("waspada/api/1"))
	return mac.Sum(nil)
}

// ledger is where a shared registry is kept.
type ledger struct {
	*store.Reader
	*store.Writer
}

// openShared opens the registry in ClickHouse. A node with snapshots keeps its copy beside them.
func openShared(cfg config, in ledger, log *slog.Logger) (*partners.Shared, error) {
	copyPath := ""
	if dir := cfg.Index.SnapshotDir; dir != "" {
		copyPath = filepath.Join(dir, "registry.json")
	} else {
		log.Warn("index.snapshot_dir is not set: this node keeps no copy of the registry, and a start waits for ClickHouse")
	}
	return partners.Open(cfg.Partners, copyPath, in, log)
}

// screen is what every event is held against, at the api's door and at ingest.
func (t *trust) screen() *fraud.Screen {
	return &fraud.Screen{Keys: t.ring, Taxonomy: t.taxonomy, Protected: t.policy.Protected}
}
