package partners

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// memory is a ledger that several nodes share.
type memory struct {
	mu   sync.Mutex
	rows []fraud.PartnerRevision
	acts []fraud.Act
	down bool
	// slow is how long an insert takes.
	slow time.Duration
}

func (m *memory) PartnerRevisions(context.Context) ([]fraud.PartnerRevision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, fraud.ErrUnavailable
	}
	best := map[fraud.PartnerNumber]fraud.PartnerRevision{}
	for _, r := range m.rows {
		b, ok := best[r.Number]
		if !ok || r.Revision > b.Revision || r.Revision == b.Revision && r.Act.String() < b.Act.String() {
			best[r.Number] = r
		}
	}
	var heads []fraud.PartnerRevision
	for _, r := range best {
		heads = append(heads, r)
	}
	slices.SortFunc(heads, func(a, b fraud.PartnerRevision) int { return int(a.Number) - int(b.Number) })
	return heads, nil
}

func (m *memory) Revise(_ context.Context, revisions []fraud.PartnerRevision, acts []fraud.Act) error {
	time.Sleep(m.slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return fraud.ErrUnavailable
	}
	m.rows, m.acts = append(m.rows, revisions...), append(m.acts, acts...)
	return nil
}

func (m *memory) fail(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// sharing is a node of a hub whose partner file holds a bank and its key.
func sharing(t *testing.T, ledger Ledger, file, copyPath string) *Shared {
	t.Helper()
	s, err := Open(file, copyPath, ledger, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func bankFile(t *testing.T) (path, header string) {
	t.Helper()
	key, hash := NewAPIKey("bank.1")
	path = filepath.Join(t.TempDir(), "partners.yaml")
	write(t, path, `
partners:
  - {id: bank, number: 1, name: Bank, kind: bank, quotas: {requests: 7}, licensed_platform: true, users: 9,
     mtls_subject: CN=bank, mtls_scopes: [lookup, report], api_keys: [{id: bank.1, sha256: `+hash+`, scopes: [lookup]}],
     signing_keys: [{id: bank.s, public: `+public(1)+`}]}
  - {id: telco, number: 5, name: Telco, kind: telco}
gateway_keys: [{id: gateway, public: `+public(2)+`}]
`)
	return path, "Bearer " + key
}

// revoke takes the bank's API key away.
func revoke(ctx context.Context, s *Shared, revision uint64) error {
	_, err := s.Change(ctx, fraud.Act{What: fraud.APIKeyRevoked, Whom: "bank", Reason: "leaked"}, revision,
		func(r *fraud.PartnerRecord) error { r.APIKeys = nil; return nil })
	return err
}

func TestASharedRegistryLetsNobodyInBeforeItIsKnown(t *testing.T) {
	path, header := bankFile(t)
	s := sharing(t, &memory{}, path, "")
	var denial *fraud.Denial
	if _, err := s.Authenticate(header, nil, now); !errors.Is(err, fraud.ErrUnavailable) || errors.As(err, &denial) {
		t.Errorf("Authenticate = %v, want that it is not available", err)
	}
	if s.Known(t.Context()) == nil {
		t.Error("a registry that was not heard of is known")
	}
	if _, ok := s.SigningKey("gateway"); !ok {
		t.Error("the gateway's own key is not known")
	}
	if _, ok := s.SigningKey("bank.s"); ok {
		t.Error("a partner's key of the file is in force")
	}
	if err := s.Sync(t.Context()); err != nil || s.Known(t.Context()) == nil {
		t.Errorf("an empty ledger makes a known registry: %v", err)
	}
}

func TestTheFileIsImportedOnce(t *testing.T) {
	path, header := bankFile(t)
	ledger := &memory{}
	s := sharing(t, ledger, path, "")
	if err := s.Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(header, nil, now); err != nil {
		t.Error(err)
	}
	fromFile, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromFile.Partners(), s.Partners()); diff != "" {
		t.Errorf("partners (-file +ledger):\n%s", diff)
	}
	if differ := s.differing(); differ != nil {
		t.Errorf("differing = %v", differ)
	}
	write(t, path, "partners: [{id: other, number: 9, name: Other, kind: bank}]")
	again := sharing(t, ledger, path, "")
	if err := again.Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := again.PartnerByID("other"); ok || len(ledger.acts) != 2 {
		t.Errorf("a later file is in force: %t; acts %d, want 2", ok, len(ledger.acts))
	}
	if diff := cmp.Diff([]string{"bank", "other", "telco"}, again.differing()); diff != "" {
		t.Errorf("differing (-want +got):\n%s", diff)
	}
}

func TestARevokedKeyEndsOnTheOtherNode(t *testing.T) {
	path, header := bankFile(t)
	ledger := &memory{}
	a, b := sharing(t, ledger, path, ""), sharing(t, ledger, path, "")
	if err := a.Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Follow(ctx, time.Second, slog.New(slog.DiscardHandler)) }()
		time.Sleep(1500 * time.Millisecond)
		if _, err := b.Authenticate(header, nil, now); err != nil {
			t.Errorf("before: %v", err)
		}
		if err := revoke(ctx, a, 1); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if _, err := b.Authenticate(header, nil, now); err == nil {
			t.Error("the revoked key is let in by the other node")
		}
		ledger.fail(true)
		time.Sleep(10 * time.Second)
		if _, ok := b.PartnerByID("bank"); !ok {
			t.Error("without its ledger the node forgot its partners")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestOfTwoChangesOfOneRevisionOneIsMade(t *testing.T) {
	path, _ := bankFile(t)
	ledger := &memory{}
	nodes := []*Shared{sharing(t, ledger, path, ""), sharing(t, ledger, path, ""), sharing(t, ledger, path, "")}
	if err := nodes[0].Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	ledger.slow = settle / 2 // all have looked before the first has written
	synctest.Test(t, func(t *testing.T) {
		errs := make([]error, len(nodes))
		var all sync.WaitGroup
		for i, n := range nodes {
			all.Go(func() { errs[i] = revoke(t.Context(), n, 1) })
		}
		all.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if !errors.Is(err, fraud.ErrRevisionPassed) {
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d of 3 changes were made, want 1: %v", made, errs)
		}
	})
	if len(ledger.rows) != 2+len(nodes) {
		t.Errorf("%d rows, want the import's 2 and one of each node", len(ledger.rows))
	}
	if err := revoke(t.Context(), nodes[0], 1); !errors.Is(err, fraud.ErrRevisionPassed) {
		t.Errorf("a change of a former revision: %v", err)
	}
}

func TestChangesAreHeldToTheRules(t *testing.T) {
	path, _ := bankFile(t)
	s := sharing(t, &memory{}, path, "")
	if err := s.Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		situation string
		act       fraud.Act
		revision  uint64
		change    func(*fraud.PartnerRecord)
		want      string
	}{
		{"an unknown partner", fraud.Act{Whom: "nobody"}, 1, func(*fraud.PartnerRecord) {}, "no such partner"},
		{"an id that is taken", fraud.Act{What: fraud.PartnerAdded, Whom: "bank"}, 0, func(*fraud.PartnerRecord) {},
			"there is a partner with this id"},
		{"a weight above 1", fraud.Act{Whom: "bank"}, 1, func(r *fraud.PartnerRecord) { r.Weight = 2 },
			"partner (bank).weight: must be 0 to 1"},
		{"another's public key", fraud.Act{Whom: "telco"}, 1, func(r *fraud.PartnerRecord) {
			r.SigningKeys = []fraud.SigningKeyRecord{{SigningKey: fraud.SigningKey{ID: "t", Public: []byte(strings.Repeat("\x01", 32))}}}
		}, "is that of partner (bank)"},
		{"another's subject", fraud.Act{Whom: "telco"}, 1, func(r *fraud.PartnerRecord) { r.Subject = "CN=bank" },
			"mtls_subject: is that of bank"},
		{"a third live key", fraud.Act{Whom: "telco"}, 1, func(r *fraud.PartnerRecord) {
			for i := range byte(3) {
				r.APIKeys = append(r.APIKeys, fraud.APIKeyRecord{ID: "t." + string('a'+rune(i)), SHA256: [32]byte{i},
					Scopes: fraud.MayLookup})
			}
		}, "3 have not expired, and 2 may be live"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			_, err := s.Change(t.Context(), c.act, c.revision, func(r *fraud.PartnerRecord) error { c.change(r); return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant …%s…", err, c.want)
			}
		})
	}
	added, err := s.Change(t.Context(), fraud.Act{What: fraud.PartnerAdded, Whom: "purse"}, 0,
		func(r *fraud.PartnerRecord) error {
			r.Name, r.Kind, r.State, r.Weight = "Purse", fraud.EWallet, fraud.Shadow, 1
			return nil
		})
	if err != nil || added.Number != 6 || added.Revision != 1 {
		t.Errorf("added %+v, %v; want number 6, revision 1", added, err)
	}
}

// A record that this version cannot read takes its own partner out and holds nobody up.
func TestABadRecordIsLeftOut(t *testing.T) {
	path, header := bankFile(t)
	ledger := &memory{}
	s := sharing(t, ledger, path, "")
	if err := s.Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	bad := fraud.PartnerRevision{Revision: 2}
	bad.Number = 1
	if err := ledger.Revise(t.Context(), []fraud.PartnerRevision{bad}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(header, nil, now); err == nil {
		t.Error("a partner whose record cannot be read is let in")
	}
	if _, ok := s.PartnerByID("telco"); !ok {
		t.Error("it took another with it")
	}
	_, err := s.Change(t.Context(), fraud.Act{What: fraud.PartnerStateSet, Whom: "telco"}, 1,
		func(r *fraud.PartnerRecord) error { r.State = fraud.Suspended; return nil })
	if telco, _ := s.PartnerByID("telco"); err != nil || telco.State != fraud.Suspended {
		t.Errorf("it holds up a change of another: %v", err)
	}
}

func TestANodeStartsFromItsCopyWithoutTheLedger(t *testing.T) {
	path, header := bankFile(t)
	ledger, copyPath := &memory{}, filepath.Join(t.TempDir(), "registry.json")
	s := sharing(t, ledger, path, copyPath)
	if err := s.Import(t.Context()); err != nil {
		t.Fatal(err)
	}
	ledger.fail(true)
	started := sharing(t, ledger, path, copyPath)
	if _, err := started.Authenticate(header, nil, now); err != nil || started.Known(t.Context()) != nil {
		t.Errorf("the key is not let in: %v", err)
	}
	if diff := cmp.Diff(s.Revisions(), started.Revisions()); diff != "" {
		t.Errorf("revisions (-before +after):\n%s", diff)
	}
	ledger.fail(false)
	if err := revoke(t.Context(), s, 1); err != nil {
		t.Fatal(err)
	}
	ledger.fail(true)
	if _, err := sharing(t, ledger, path, copyPath).Authenticate(header, nil, now); err == nil {
		t.Error("the copy revives a revoked key, which stands in the file still")
	}
	write(t, copyPath, "[{")
	if err := sharing(t, ledger, path, copyPath).Known(t.Context()); err == nil {
		t.Error("half a copy was taken")
	}
	if info, err := os.Stat(copyPath); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
