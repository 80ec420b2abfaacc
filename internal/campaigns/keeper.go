package campaigns

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Store keeps links and campaigns. Whatever it is told may be told again.
type Store interface {
	Turns
	Changes
	// ConnectorsOf are the connectors that digests have, each once.
	ConnectorsOf(ctx context.Context, digests []indicator.Digest) ([]Connector, error)
	// LinksOf calls row with the links of connectors that have two digests at least: those of one connector after each
	// other, in the order of digests. It leaves out connectors that more than most digests have which are not among the
	// touched.
	LinksOf(ctx context.Context, of []Connector, touched []indicator.Digest, most int, row func(*fraud.CampaignLink)) error
	// WordsOn calls word with the standing words on digests: those on one after each other.
	WordsOn(ctx context.Context, digests []indicator.Digest, word func(*fraud.Opinion)) error
	CampaignsOf(ctx context.Context, digests []indicator.Digest) (map[indicator.Digest]ID, error)
	CampaignsNamed(ctx context.Context, ids []ID) ([]fraud.Campaign, error)
	// PutCampaigns writes a version of campaigns that were known before, of fresh ones, and of where digests have moved.
	PutCampaigns(ctx context.Context, version uint64, known, fresh []fraud.Campaign, moved map[indicator.Digest]ID) error
	CampaignVersion(ctx context.Context) (uint64, error)
}

// Turns let one node work at a time.
type Turns interface {
	BeginCampaignTurn(ctx context.Context, turn uuid.UUID) (bool, error)
	HoldsCampaignTurn(ctx context.Context, turn uuid.UUID) (bool, error)
	EndCampaignTurn(ctx context.Context, turn uuid.UUID) error
}

// Changes tell what may change campaigns.
type Changes interface {
	FreshForCampaigns(ctx context.Context, most int64) (fraud.LedgerRange, error)
	AddCampaignLinks(ctx context.Context, r fraud.LedgerRange) error
	TouchedByEvents(ctx context.Context, r fraud.LedgerRange) ([]indicator.Digest, error)
	CampaignsKnow(ctx context.Context, r fraud.LedgerRange) error
	TouchedByExpiry(ctx context.Context, from, to fraud.Seconds, most int) ([]indicator.Digest, fraud.Seconds, error)
	// TouchedByPartner are the digests on which a partner has said something, of the slices from one on that hold about as
	// many as most, and the next slice; 0 is any partner.
	TouchedByPartner(ctx context.Context, p fraud.PartnerNumber, slice, most int) ([]indicator.Digest, int, error)
	CampaignPasses(ctx context.Context) (map[string]fraud.CampaignPass, error)
	PutCampaignPass(ctx context.Context, p fraud.CampaignPass) error
}

// The bounds of a step.
const (
	// stepLimit is how long a step may take: less than a turn lasts.
	stepLimit = 100 * time.Second
	// workLimit is after how long a step begins nothing more.
	workLimit = 40 * time.Second
	// pieceSize is how many touched digests are looked at together. Where more than Limits.MaxTogether hang on them, they are
	// halved down to leastPiece: many small things then come out whole, and one huge thing costs only a few looks.
	// What a look costs ClickHouse grows with its tables more than with the piece; the piece is what takes memory, some
	// 2 kB for each of its digests.
	pieceSize, leastPiece = 200_000, 50_000
	// leastMessages and mostMessages bound how many messages a step takes at a time: a message may be an event or a
	// thousand.
	leastMessages, mostMessages = 500, 200_000
)

// rules is the version of what Cluster and the links make of the same ledger: raise it, and everything is done anew.
const rules = 1

// Keeper keeps campaigns up to date.
type Keeper struct {
	store    Store
	policy   *fraud.Policy
	partners func() []fraud.Partner
	limits   Limits
	now      func() time.Time
	every    time.Duration
	log      *slog.Logger
	metrics  metrics

	messages  int64 // to take at a time
	protected map[indicator.Digest]bool
}

// NewKeeper makes a Keeper that decides by a policy; partners lists all whose words there may be, and every is the pause
// between steps.
func NewKeeper(
	store Store, policy *fraud.Policy, partners func() []fraud.Partner, limits Limits, now func() time.Time,
	every time.Duration, reg prometheus.Registerer, log *slog.Logger,
) *Keeper {
	return &Keeper{
		store: store, policy: policy, partners: partners, limits: limits, now: now, every: every, log: log, metrics: newMetrics(reg),
		messages: leastMessages * 10, protected: map[indicator.Digest]bool{},
	}
}

// Run steps until ctx ends: again at once while there is more to do.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		more, err := k.Step(ctx)
		if err != nil && ctx.Err() == nil {
			k.log.Warn("bring campaigns up to date", "error", err)
		}
		wait := k.every
		if more && err == nil {
			wait = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Step brings campaigns up to date as far as it gets in a while. It reports whether there is more to do; not where
// another node is at it.
func (k *Keeper) Step(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	began := time.Now()
	defer func() { k.metrics.step(time.Since(began), err) }()
	turn := uuid.New()
	held, err := k.store.BeginCampaignTurn(ctx, turn)
	if err != nil || !held {
		return false, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if e := k.store.EndCampaignTurn(end, turn); err == nil {
			err = e
		}
	}()
	s := &step{Keeper: k, turn: turn, now: k.now()}
	if s.version, err = k.store.CampaignVersion(ctx); err != nil {
		return false, err
	}
	s.version = max(s.version, uint64(s.now.UnixMicro()))
	for _, work := range []func(context.Context) (bool, error){s.events, s.expiries, s.passes, s.protections, s.again} {
		for {
			if time.Since(began) > workLimit {
				return true, nil
			}
			worked, err := work(ctx)
			if err != nil {
				return false, err
			}
			if s.overtaken {
				return false, nil
			}
			if !worked {
				break
			}
		}
	}
	return false, nil
}

// step is one step: at one time, in one turn.
type step struct {
	*Keeper
	turn      uuid.UUID
	now       time.Time
	version   uint64
	overtaken bool
}

// events does what the next messages touch; false when there are none.
func (s *step) events(ctx context.Context) (bool, error) {
	r, err := s.store.FreshForCampaigns(ctx, s.messages)
	s.metrics.behind.Set(float64(r.Behind + r.Messages()))
	if err != nil || r.Messages() == 0 {
		return false, err
	}
	if err := s.store.AddCampaignLinks(ctx, r); err != nil {
		return false, err
	}
	touched, err := s.store.TouchedByEvents(ctx, r)
	if err != nil {
		return false, err
	}
	switch {
	case len(touched) > pieceSize:
		s.messages = max(leastMessages, s.messages/2)
	case len(touched) < pieceSize/2:
		s.messages = min(mostMessages, s.messages*2)
	}
	if err := s.look(ctx, touched); err != nil || s.overtaken {
		s.messages = max(leastMessages, s.messages/2) // what took too long must not do so for ever
		return false, err
	}
	s.metrics.behind.Set(float64(r.Behind))
	return true, s.store.CampaignsKnow(ctx, r)
}

// expiries does what touched digests whose words have expired since the last time.
func (s *step) expiries(ctx context.Context) (bool, error) {
	const name = "expiry"
	known, err := s.store.CampaignPasses(ctx)
	if err != nil {
		return false, err
	}
	last, to := known[name], fraud.SecondsOf(s.now)
	if fraud.Seconds(last.State) >= to {
		return false, nil
	}
	touched, looked, err := s.store.TouchedByExpiry(ctx, fraud.Seconds(last.State), to, pieceSize)
	if err != nil {
		return false, err
	}
	if err := s.look(ctx, touched); err != nil || s.overtaken {
		return false, err
	}
	return looked < to, s.note(ctx, fraud.CampaignPass{Name: name, State: uint64(looked)})
}

// passes does a slice of the digests of a partner whose record has changed, or of all after the rules did.
func (s *step) passes(ctx context.Context) (bool, error) {
	known, err := s.store.CampaignPasses(ctx)
	if err != nil {
		return false, err
	}
	now := map[string]uint64{"rules": hash(fmt.Sprint(rules, s.limits))}
	numbers := map[string]fraud.PartnerNumber{}
	for _, p := range s.partners() {
		name := fmt.Sprintf("partner %d", p.Number)
		numbers[name] = p.Number
		now[name] = hash(fmt.Sprintln(p.State, p.Kind, p.Organisation, p.ID, p.Voids, p.Releases))
	}
	_, begun := known["rules"]
	worked := false
	for _, name := range slices.Sorted(maps.Keys(now)) {
		pass, seen := known[name]
		switch {
		case !begun: // there was nothing before
			pass = fraud.CampaignPass{Name: name, State: now[name], Slice: fraud.CampaignSlices}
			if err := s.note(ctx, pass); err != nil {
				return false, err
			}
			continue
		case !seen || pass.State != now[name]:
			pass = fraud.CampaignPass{Name: name, State: now[name]}
		}
		if pass.Slice >= fraud.CampaignSlices {
			continue
		}
		touched, next, err := s.store.TouchedByPartner(ctx, numbers[name], pass.Slice, pieceSize)
		if err != nil {
			return false, err
		}
		if err := s.look(ctx, touched); err != nil || s.overtaken {
			return false, err
		}
		pass.Slice = next
		if err := s.note(ctx, pass); err != nil {
			return false, err
		}
		worked = true
	}
	return worked, nil
}

// note writes how far a pass has come.
func (s *step) note(ctx context.Context, p fraud.CampaignPass) error {
	s.version++
	p.Version = s.version
	return s.store.PutCampaignPass(ctx, p)
}

func hash(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// protections does what has come onto the protected list and is a member of a campaign, and what has left the list while
// this node looked. What left it before comes back when something new is said.
func (s *step) protections(ctx context.Context) (bool, error) {
	list := s.policy.Protected
	all := slices.Collect(list.All())
	in, err := s.store.CampaignsOf(ctx, all)
	if err != nil {
		return false, err
	}
	touched := slices.Collect(maps.Keys(in))
	for d := range s.protected {
		if !list.Has(d) {
			touched = append(touched, d)
		}
	}
	if err := s.look(ctx, touched); err != nil || s.overtaken {
		return false, err
	}
	clear(s.protected)
	for _, d := range all {
		s.protected[d] = true
	}
	return false, nil
}

// again looks at campaigns once more that somebody else has changed: an erasure.
func (s *step) again(ctx context.Context) (bool, error) {
	known, err := s.store.CampaignPasses(ctx)
	if err != nil {
		return false, err
	}
	var asked []ID
	for name, pass := range known {
		if id, is := strings.CutPrefix(name, fraud.LookAgain); is && pass.Slice < fraud.CampaignSlices {
			asked = append(asked, ID(id))
		}
	}
	if len(asked) == 0 {
		return false, nil
	}
	campaigns, err := s.store.CampaignsNamed(ctx, asked)
	if err != nil {
		return false, err
	}
	var touched []indicator.Digest
	for _, c := range campaigns {
		for _, m := range c.Members {
			touched = append(touched, m.Digest)
		}
	}
	if err := s.look(ctx, touched); err != nil || s.overtaken {
		return false, err
	}
	for _, id := range asked {
		if err := s.note(ctx, fraud.CampaignPass{Name: fraud.LookAgain + string(id), Slice: fraud.CampaignSlices}); err != nil {
			return false, err
		}
	}
	return false, nil
}

// look brings the campaigns up to date that touched digests may have changed.
func (s *step) look(ctx context.Context, digests []indicator.Digest) error {
	s.metrics.touched.Add(float64(len(digests)))
	all := &touched{digests, make(map[indicator.Digest]bool, len(digests))}
	for _, d := range digests {
		all.has[d] = true
	}
	for piece := range slices.Chunk(digests, pieceSize) {
		if err := s.lookAt(ctx, piece, all); err != nil || s.overtaken {
			return err
		}
	}
	return nil
}

// lookAt looks at a piece of the touched digests: at its halves, where too much hangs on it.
func (s *step) lookAt(ctx context.Context, piece []indicator.Digest, all *touched) error {
	v := newView(s, piece, all)
	cut, err := v.gather(ctx)
	switch {
	case err != nil:
		return err
	case cut && len(piece) > leastPiece:
		for half := range slices.Chunk(piece, (len(piece)+1)/2) {
			if err := s.lookAt(ctx, half, all); err != nil || s.overtaken {
				return err
			}
		}
		return nil
	case cut:
		s.metrics.cut.Inc()
	}
	known, fresh, moved := v.differences()
	if len(known)+len(fresh)+len(moved) == 0 {
		return nil
	}
	held, err := s.store.HoldsCampaignTurn(ctx, s.turn)
	if err != nil {
		return err
	}
	if !held {
		s.overtaken = true
		return nil
	}
	s.version++
	if err := s.store.PutCampaigns(ctx, s.version, known, fresh, moved); err != nil {
		return err
	}
	s.metrics.written.Add(float64(len(known) + len(fresh)))
	return nil
}
