package partners

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Registry answers from the newest partner file that was good. It is safe for concurrent use.
type Registry struct {
	path    string
	current atomic.Pointer[snapshot]

	reload sync.Mutex // guards seen: one reload at a time
	seen   []byte     // the file's content when it was last looked at, good or not
}

// snapshot is one partner file. It is never changed once it is in use.
type snapshot struct {
	all         []fraud.Partner
	byID        map[string]*fraud.Partner
	byNumber    map[fraud.PartnerNumber]*fraud.Partner
	names       map[fraud.PartnerNumber]string
	apiKeys     map[string]*apiKey
	signingKeys map[string]fraud.SigningKey
}

type apiKey struct {
	identity fraud.Identity
	hash     [sha256.Size]byte
	expires  time.Time
}

func (k *apiKey) validAt(now time.Time) bool { return k.expires.IsZero() || now.Before(k.expires) }

// Load reads a partner file.
func Load(path string) (*Registry, error) {
	r := &Registry{path: path}
	if err := r.Reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the file again. When it is refused, the one before it stays in force.
func (r *Registry) Reload() error {
	_, err := r.load(false)
	return err
}

// load reads the file, or leaves it where it is the one that was looked at last.
func (r *Registry) load(onlyIfChanged bool) (changed bool, err error) {
	r.reload.Lock()
	defer r.reload.Unlock()
	data, err := os.ReadFile(r.path)
	if err != nil {
		return false, fmt.Errorf("partners: %w", err)
	}
	if onlyIfChanged && bytes.Equal(data, r.seen) {
		return false, nil
	}
	r.seen = data
	next, err := parse(data, time.Now())
	if err != nil {
		return false, fmt.Errorf("partners: %s:\n%w", r.path, err)
	}
	r.current.Store(next)
	return true, nil
}

// Follow reloads the file whenever its content has changed, until ctx ends. It compares contents and not times of
// change, which a file that is swapped by a link does not show. A revoked key is dead after every at the latest.
func (r *Registry) Follow(ctx context.Context, every time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed, err := r.load(true)
		switch {
		case err != nil && !failing:
			log.Error("partner file refused, the one before it stays in force", "error", err)
		case changed:
			log.Info("partner file loaded", "partners", len(r.current.Load().all))
		}
		failing = err != nil
	}
}

// SigningKey finds a key that verifies bundles, a partner's or the gateway's.
func (r *Registry) SigningKey(id string) (fraud.SigningKey, bool) {
	k, ok := r.current.Load().signingKeys[id]
	return k, ok
}

// Partner finds a partner by its number.
func (r *Registry) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) {
	p, ok := r.current.Load().byNumber[n]
	return p, ok
}

// PartnerByID finds a partner by its id.
func (r *Registry) PartnerByID(id string) (*fraud.Partner, bool) {
	p, ok := r.current.Load().byID[id]
	return p, ok
}

// Partners lists every partner in the order of the file.
func (r *Registry) Partners() []fraud.Partner { return slices.Clone(r.current.Load().all) }

// Name is a partner's name for people, "" for an unknown number.
func (r *Registry) Name(n fraud.PartnerNumber) string { return r.current.Load().names[n] }

// Authenticate tells who sends an Authorization header. Its error is a *fraud.Denial.
func (r *Registry) Authenticate(header string, now time.Time) (fraud.Identity, error) {
	if header == "" {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedNoKey,
			Hint: "send the header Authorization: Bearer <API key>"}
	}
	scheme, key, _ := strings.Cut(header, " ")
	id, secret, ok := splitKey(key)
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedBadKey,
			Hint: "this is no API key, or it was mistyped or cut: its checksum does not fit"}
	}
	// The same work and the same answer for an id that is not known and for a secret that is wrong.
	known := r.current.Load().apiKeys[id]
	hash, against := hashSecret(secret), [sha256.Size]byte{}
	if known != nil {
		against = known.hash
	}
	if subtle.ConstantTimeCompare(hash[:], against[:]) != 1 || known == nil {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedUnknown,
			Hint: "no such API key: it was revoked, or it belongs to another hub"}
	}
	if !known.validAt(now) {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedExpired,
			Hint: "the API key has expired: use its successor, or ask the hub's operator for one"}
	}
	if known.identity.Partner.State == fraud.Suspended {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedSuspended,
			Hint: "the partner is suspended: ask the hub's operator"}
	}
	return known.identity, nil
}
