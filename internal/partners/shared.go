package partners

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Ledger is where a shared registry is kept. Its errors wrap fraud.ErrUnavailable where the same call may be repeated.
type Ledger interface {
	// PartnerRevisions reads the revision of each partner that is in force.
	PartnerRevisions(ctx context.Context) ([]fraud.PartnerRevision, error)
	// Revise adds revisions, each with the act that makes it. Of two with the same number the lower act stands.
	Revise(ctx context.Context, revisions []fraud.PartnerRevision, acts []fraud.Act) error
}

// Shared is a registry that every node of a hub follows.
//
//	operator ──Change──▶ Ledger ◀──Sync, every second── each node ──▶ snapshot
//	partner file ──Import, once──▶ ┘                        └──▶ copy on disk: what the node knows when it starts without
//	                                                            the ledger
//
// The partner file gives the hub's own gateway keys, and the partners of a hub that has none yet. After that a difference
// is logged and has no effect. A node that never heard of the registry lets nobody in: it does not fall back to the
// file, in which a key may stand that was revoked since.
type Shared struct {
	*Registry
	ledger Ledger
	copy   string
	log    *slog.Logger

	one   *semaphore.Weighted // guards the rest: one change or look at a time
	heads []fraud.PartnerRevision
	file  *snapshot
	told  bool // that the file is ignored
}

// settle is how long a change waits before it looks whether it stands: longer than another node takes between its look
// at the ledger and its insert, so that of two changes at once both see which one was first.
const settle = 250 * time.Millisecond

// Open reads the partner file, which must be good, and the copy that this node kept in a file, if it names one.
func Open(path, copyPath string, ledger Ledger, log *slog.Logger) (*Shared, error) {
	file, err := Load(path)
	if err != nil {
		return nil, err
	}
	s := &Shared{Registry: file, ledger: ledger, copy: copyPath, log: log, one: semaphore.NewWeighted(1), file: file.current.Load()}
	unknown, err := build(nil, s.file.gateway, time.Now())
	if err != nil {
		return nil, fmt.Errorf("partners: %w", err)
	}
	unknown.unknown = true
	s.current.Store(unknown)
	if heads, err := readCopy(copyPath); err != nil {
		log.Warn("this node's copy of the registry cannot be used: it waits for ClickHouse", "error", err)
	} else if len(heads) > 0 {
		s.take(heads)
		log.Info("registry loaded from this node's copy", "partners", len(heads))
	}
	return s, nil
}

// Known fails while the registry was not heard of.
func (s *Shared) Known(context.Context) error {
	if s.current.Load().unknown {
		return errors.New("the registry was not heard of yet, neither from ClickHouse nor from a copy on this node")
	}
	return nil
}

// Import puts the partners of the file into a ledger that has none, and looks at it. It may be repeated, also by several
// nodes at once.
func (s *Shared) Import(ctx context.Context) error {
	if err := s.turn(ctx); err != nil {
		return err
	}
	defer s.one.Release(1)
	heads, err := s.ledger.PartnerRevisions(ctx)
	if err != nil {
		return err
	}
	if len(heads) > 0 {
		return s.sync(heads)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	revisions := slices.Clone(s.file.records)
	acts := make([]fraud.Act, len(revisions))
	for i := range revisions {
		r := &revisions[i]
		r.Revision, r.Act, r.At = 1, uuid.Must(uuid.NewV7()), now
		acts[i] = fraud.Act{ID: r.Act, At: now, What: fraud.PartnerImported, Whom: r.ID, Revision: 1,
			Reason: "the registry was empty: read from the partner file"}
	}
	if err := s.ledger.Revise(ctx, revisions, acts); err != nil {
		return err
	}
	s.log.Info("partner file imported: from now on ClickHouse rules, and the file is not read again but for gateway keys",
		"partners", len(revisions))
	if heads, err = s.ledger.PartnerRevisions(ctx); err != nil {
		return err
	}
	return s.sync(heads)
}

// Sync looks at the ledger once. A ledger without partners changes nothing.
func (s *Shared) Sync(ctx context.Context) error {
	if err := s.turn(ctx); err != nil {
		return err
	}
	defer s.one.Release(1)
	heads, err := s.ledger.PartnerRevisions(ctx)
	if err != nil {
		return err
	}
	return s.sync(heads)
}

// turn waits for its turn, which another's wait for the ledger may put off.
func (s *Shared) turn(ctx context.Context) error {
	if err := s.one.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("partners: %w: %w", fraud.ErrUnavailable, err)
	}
	return nil
}

func (s *Shared) sync(heads []fraud.PartnerRevision) error {
	if len(heads) == 0 {
		return nil
	}
	if !slices.EqualFunc(heads, s.heads, sameRevision) || s.current.Load().unknown {
		s.take(heads)
		s.log.Info("registry loaded", "partners", len(heads))
		if err := writeCopy(s.copy, heads); err != nil {
			s.log.Warn("this node's copy of the registry could not be written", "error", err)
		}
	}
	s.tellOfFile()
	return nil
}

func sameRevision(a, b fraud.PartnerRevision) bool {
	return a.Number == b.Number && a.Revision == b.Revision && a.Act == b.Act
}

// take puts revisions in force.
func (s *Shared) take(heads []fraud.PartnerRevision) {
	next, faults := buildGood(heads, s.file.gateway, time.Now())
	for _, fault := range faults {
		s.log.Error("a partner's record breaks a rule: it is left out, and the partner with it", "error", fault)
	}
	s.heads = heads
	s.current.Store(next)
}

// tellOfFile says once that the file is not what is in force.
func (s *Shared) tellOfFile() {
	if s.told {
		return
	}
	s.told = true
	if differ := s.differing(); len(differ) > 0 {
		s.log.Warn("the partner file differs from the registry in ClickHouse, which rules: the file is ignored",
			"partners", differ)
	}
}

// differing names the partners whose record in the file is another than that in force.
func (s *Shared) differing() (ids []string) {
	text := func(r fraud.PartnerRevision) string {
		data, _ := json.Marshal(&r.PartnerRecord) // of a record that was read: it cannot fail
		return string(data)
	}
	inForce := map[string]string{}
	for _, r := range s.current.Load().records {
		inForce[r.ID] = text(r)
	}
	for _, r := range s.file.records {
		if inForce[r.ID] != text(r) {
			ids = append(ids, r.ID)
		}
		delete(inForce, r.ID)
	}
	for id := range inForce {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Follow looks at the ledger so often, and at the file for its gateway keys, until ctx ends. A revoked key is dead after
// every and the time of one look. While the ledger does not answer, what is known stays in force.
func (s *Shared) Follow(ctx context.Context, every time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before []byte
	failing := false
	for {
		err := s.Sync(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case err != nil && !failing:
			log.Warn("the registry cannot be read: what this node knows stays in force", "error", err)
		case err == nil && failing:
			log.Info("the registry can be read again")
		}
		failing = err != nil
		before = s.lookAtFile(ctx, before)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookAtFile takes the gateway keys of a file that has changed and that was the same at the look before.
func (s *Shared) lookAtFile(ctx context.Context, before []byte) []byte {
	if s.turn(ctx) != nil {
		return before
	}
	defer s.one.Release(1)
	data, err := s.read()
	if err != nil || bytes.Equal(data, s.seen) || !bytes.Equal(data, before) {
		return data
	}
	s.seen = data
	file, err := parse(data, time.Now())
	if err != nil {
		s.log.Error("partner file refused, the gateway keys before it stay in force", "error", err)
		return data
	}
	s.file, s.told = file, false
	if s.heads != nil {
		s.take(s.heads)
		s.tellOfFile()
	}
	return data
}

// Change makes a partner's next revision, and a partner where act.What is fraud.PartnerAdded. revision is the one that
// the operator saw; an error that is fraud.ErrRevisionPassed says that it was not the last one. What the change makes of
// the record is held to the rules of a partner file; a breach is a *fraud.Fault. An error that wraps
// fraud.ErrUnavailable leaves open whether the change was made: look again.
//
//  1. the ledger is read: what stands there, and not what this node knows, is changed
//  2. the act and then the revision are written
//  3. after a while the ledger is read again: it tells which of several changes at once was first
func (s *Shared) Change(
	ctx context.Context, act fraud.Act, revision uint64, change func(*fraud.PartnerRecord) error,
) (fraud.PartnerRevision, error) {
	var none fraud.PartnerRevision
	if err := s.turn(ctx); err != nil {
		return none, err
	}
	defer s.one.Release(1)
	heads, err := s.ledger.PartnerRevisions(ctx)
	if err != nil {
		return none, err
	}
	if err := s.sync(heads); err != nil {
		return none, err
	}
	i := slices.IndexFunc(heads, func(r fraud.PartnerRevision) bool { return r.ID == act.Whom })
	var next fraud.PartnerRevision
	switch adding := act.What == fraud.PartnerAdded; {
	case adding && i >= 0:
		return none, fraud.Refuse(fraud.ReasonSchema, "/id", "there is a partner with this id")
	case adding:
		next.ID, next.Number = act.Whom, nextNumber(heads)
	case i < 0:
		return none, fmt.Errorf("partners: %w", fraud.ErrNoSuchPartner)
	case heads[i].Revision != revision:
		return none, fmt.Errorf("partners: %w", fraud.ErrRevisionPassed)
	default:
		next = heads[i]
		next.APIKeys, next.SigningKeys = slices.Clone(next.APIKeys), slices.Clone(next.SigningKeys)
		next.Voided, next.Released = slices.Clone(next.Voided), slices.Clone(next.Released)
	}
	if err := change(&next.PartnerRecord); err != nil {
		return none, err
	}
	next.Revision++
	next.Act, next.At = uuid.Must(uuid.NewV7()), time.Now().UTC().Truncate(time.Millisecond)
	act.ID, act.At, act.Revision = next.Act, next.At, next.Revision
	if err := s.check(heads, i, next); err != nil {
		return none, err
	}
	if err := s.ledger.Revise(ctx, []fraud.PartnerRevision{next}, []fraud.Act{act}); err != nil {
		return none, err
	}
	select {
	case <-ctx.Done():
		return none, fmt.Errorf("partners: %w: %w", fraud.ErrUnavailable, ctx.Err())
	case <-time.After(settle):
	}
	if heads, err = s.ledger.PartnerRevisions(ctx); err != nil {
		return none, err
	}
	if err := s.sync(heads); err != nil {
		return none, err
	}
	for _, r := range s.current.Load().records {
		if r.ID == act.Whom && r.Act == act.ID {
			return r, nil
		}
	}
	return none, fmt.Errorf("partners: %w", fraud.ErrRevisionPassed)
}

// check holds a registry with the next revision in the place of the one before to the rules.
func (s *Shared) check(heads []fraud.PartnerRevision, i int, next fraud.PartnerRevision) error {
	now := time.Now()
	heads = slices.Clone(heads)
	if i >= 0 {
		heads = slices.Delete(heads, i, i+1)
	}
	good, _ := buildGood(heads, s.file.gateway, now)
	if _, err := build(append(slices.Clone(good.records), next), s.file.gateway, now); err != nil {
		return fraud.Refuse(fraud.ReasonSchema, "", err.Error())
	}
	return nil
}

// nextNumber is one that no partner ever had: none leaves the registry.
func nextNumber(heads []fraud.PartnerRevision) (n fraud.PartnerNumber) {
	for _, r := range heads {
		n = max(n, r.Number)
	}
	return n + 1
}
