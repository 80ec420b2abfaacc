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
	seen   []byte     // the file's content when it was last taken or refused
}

// snapshot is the registry at one moment. It is never changed once it is in use.
type snapshot struct {
	// unknown is true until the registry was heard of: nobody is let in, and nobody told that its key is wrong.
	unknown     bool
	records     []fraud.PartnerRevision
	gateway     []signingEntry
	all         []fraud.Partner
	byID        map[string]*fraud.Partner
	byNumber    map[fraud.PartnerNumber]*fraud.Partner
	names       map[fraud.PartnerNumber]string
	apiKeys     map[string]*apiKey
	bySubject   map[string]fraud.Identity // what a certificate proves, but for its id
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
	r.reload.Lock()
	defer r.reload.Unlock()
	data, err := r.read()
	if err != nil {
		return err
	}
	return r.take(data)
}

func (r *Registry) read() ([]byte, error) {
	data, err := os.ReadFile(r.path)
	if err != nil {
		return nil, fmt.Errorf("partners: %w", err)
	}
	return data, nil
}

// take puts what the file holds in force, if it is good.
func (r *Registry) take(data []byte) error {
	r.seen = data
	next, err := parse(data, time.Now())
	if err != nil {
		return fmt.Errorf("partners: %s:\n%w", r.path, err)
	}
	r.current.Store(next)
	return nil
}

// Follow reloads the file whenever its content has changed, until ctx ends. It compares contents and not times of
// change, which a file that is swapped by a link does not show. A revoked key is dead after every at the latest.
//
// It looks twice in that time, and takes only what it has seen twice: half a file, cut between two partners, is a good
// file too, and would lock out all who stand in the other half until the writer is done.
func (r *Registry) Follow(ctx context.Context, every time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	var before []byte
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		data, changed, err := r.look(before)
		before = data
		switch {
		case err != nil && !failing:
			log.Error("partner file refused, the one before it stays in force", "error", err)
		case changed:
			log.Info("partner file loaded", "partners", len(r.current.Load().all))
		}
		failing = err != nil
	}
}

// look reads the file, and takes it if it is another than the last and the same as at the look before.
func (r *Registry) look(before []byte) (data []byte, changed bool, err error) {
	r.reload.Lock()
	defer r.reload.Unlock()
	data, err = r.read()
	if err != nil || bytes.Equal(data, r.seen) || !bytes.Equal(data, before) {
		return data, false, err
	}
	err = r.take(data)
	return data, err == nil, err
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

// Find finds partners in records, such as those of a time that has passed. A record that breaks a rule is left out.
func Find(records []fraud.PartnerRevision) func(fraud.PartnerNumber) (*fraud.Partner, bool) {
	then, _ := buildGood(records, nil, time.Now())
	return func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		p, ok := then.byNumber[n]
		return p, ok
	}
}

// Revisions lists the records of all partners that are in force.
func (r *Registry) Revisions() []fraud.PartnerRevision { return slices.Clone(r.current.Load().records) }

// Change refuses: a file is changed by its editor. A [Shared] registry has another.
func (*Registry) Change(context.Context, fraud.Act, uint64, func(*fraud.PartnerRecord) error) (
	fraud.PartnerRevision, error,
) {
	return fraud.PartnerRevision{}, fmt.Errorf("partners: %w", fraud.ErrRegistryIsAFile)
}

// Partners lists every partner in the order of the file.
func (r *Registry) Partners() []fraud.Partner { return slices.Clone(r.current.Load().all) }

// Name is a partner's name for people, "" for an unknown number.
func (r *Registry) Name(n fraud.PartnerNumber) string { return r.current.Load().names[n] }

// Authenticate tells who sends an Authorization header, "" for none, over a connection with a client certificate that was
// verified, nil for none. Where both come they must be of one partner, and the key says what may be done. Its error is a
// *fraud.Denial, or wraps fraud.ErrUnavailable while a [Shared] registry was not heard of yet.
func (r *Registry) Authenticate(header string, certificate *fraud.Certificate, now time.Time) (
	who fraud.Identity, err error,
) {
	current := r.current.Load()
	if certificate != nil {
		if who, err = current.byCertificate(certificate); err != nil {
			return fraud.Identity{}, err
		}
	}
	if header != "" || certificate == nil {
		owner := who.Partner
		if who, err = current.byKey(header, now); err != nil {
			return fraud.Identity{}, err
		}
		if owner != nil && owner != who.Partner {
			return fraud.Identity{}, fraud.DenyCertificate(fraud.DeniedCertOther)
		}
	}
	if who.Partner.State == fraud.Suspended {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedSuspended,
			Hint: "the partner is suspended: ask the hub's operator"}
	}
	return who, nil
}

var errUnknown = fmt.Errorf("partners: the registry was not heard of yet: %w", fraud.ErrUnavailable)

func (s *snapshot) byCertificate(c *fraud.Certificate) (fraud.Identity, error) {
	if s.unknown {
		return fraud.Identity{}, errUnknown
	}
	who, known := s.bySubject[c.Subject]
	if !known {
		return who, fraud.DenyCertificate(fraud.DeniedCertUnknown)
	}
	who.KeyID = c.ID
	return who, nil
}

func (s *snapshot) byKey(header string, now time.Time) (fraud.Identity, error) {
	if header == "" {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedNoKey,
			Hint: "send the header Authorization: Bearer <API key>, or a client certificate where the hub takes them"}
	}
	scheme, key, _ := strings.Cut(header, " ")
	id, secret, ok := splitKey([]byte(key))
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return fraud.Identity{}, &fraud.Denial{Code: fraud.DeniedBadKey,
			Hint: "this is no API key, or it was mistyped or cut: its checksum does not fit"}
	}
	if s.unknown {
		return fraud.Identity{}, errUnknown
	}
	// The same work and the same answer for an id that is not known and for a secret that is wrong.
	known := s.apiKeys[string(id)]
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
	return known.identity, nil
}
