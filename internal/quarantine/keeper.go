package quarantine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Config says when a day is out of the ordinary.
type Config struct {
	// SpikeFactor times the median of a partner's days with reports is what it may list in a day, if its quota is not
	// lower; 0 is the quota alone.
	SpikeFactor float64
	// SpikeFloor is how many listings a day are never a spike.
	SpikeFloor int
}

const (
	// spikeDays are looked back at, and on leastDays of them a partner must have reported for a median to mean anything.
	spikeDays, leastDays = 28, 7
	// lookEvery is how often the ledger is asked.
	lookEvery = 2 * time.Second
	// askLimit is how long judging may wait for the ledger.
	askLimit = 5 * time.Second
)

// Ledger is what was stored. Errors wrap fraud.ErrUnavailable.
type Ledger interface {
	// StoredTo is the end of what is held of each partition without a gap.
	StoredTo(ctx context.Context) (map[int32]int64, error)
	// Said counts what partners said in some messages since a time, less what is void; exact says that a row which is there
	// twice counts once.
	Said(ctx context.Context, in []fraud.Messages, since time.Time, exact bool, except []fraud.PartnerVoid) (
		[]fraud.Said, error)
	// HeldAt tells which events in some messages were held.
	HeldAt(ctx context.Context, in fraud.Messages) (map[fraud.Position]bool, error)
	// Listed tells which digests a partner lists, by words that are not held.
	Listed(ctx context.Context, partner fraud.PartnerNumber, digests []indicator.Digest) (map[indicator.Digest]bool, error)
}

// Registry knows the partners.
type Registry interface {
	Partner(n fraud.PartnerNumber) (*fraud.Partner, bool)
	Partners() []fraud.Partner
}

// Audit keeps acts.
type Audit interface {
	RecordActs(ctx context.Context, acts ...fraud.Act) error
}

// Keeper counts. It is safe for concurrent use.
type Keeper struct {
	cfg      Config
	ledger   Ledger
	audit    Audit
	registry Registry
	now      func() time.Time
	log      *slog.Logger

	mu sync.Mutex // guards the rest
	// next is the offset of each partition up to which days count what the ledger holds.
	next map[int32]int64
	days map[dayOf]*day
	// voids are what is not counted.
	voids []fraud.PartnerVoid
	known bool // that a look has succeeded
	// pending are messages that were judged and that the ledger may not hold yet.
	pending map[place]*judged
	acts    []fraud.Act // to be recorded
}

type dayOf struct {
	partner fraud.PartnerNumber
	day     fraud.Day
}

type place struct {
	partition int32
	offset    int64
}

// classes of what is bounded.
const (
	listing = iota
	retraction
	classes
)

// tally counts by class.
type tally [classes]int

type day struct {
	stored, pending tally
	told            [classes]bool // that a hold has begun
	spike           int           // what the median allows, 0 when it was not computed since the last look; -1 for no bound
}

// from is how a message came: what a void is of.
type from struct {
	accepted fraud.Seconds
	signedBy fraud.KeyNumber
}

// void reports whether what came so from a partner is void.
func (f from) void(p *fraud.Partner) bool {
	active := fraud.Partner{State: fraud.Active, Voids: p.Voids}
	return !active.Counts(&fraud.Opinion{Provenance: fraud.Provenance{Accepted: f.accepted, SignedBy: f.signedBy}})
}

// judged is how one message was judged.
type judged struct {
	of dayOf
	at from
	// said is how much is in it, and free how much of that was within the allowance: the first ones.
	said, free tally
}

// New makes a Keeper, which knows nothing before [Keeper.Look].
func New(cfg Config, ledger Ledger, audit Audit, registry Registry, now func() time.Time, log *slog.Logger) *Keeper {
	return &Keeper{cfg: cfg, ledger: ledger, audit: audit, registry: registry, now: now, log: log,
		next: map[int32]int64{}, days: map[dayOf]*day{}, pending: map[place]*judged{}}
}

func (t *tally) add(o tally, sign int) {
	for c := range t {
		t[c] += sign * o[c]
	}
}

func (k *Keeper) day(of dayOf) *day {
	d := k.days[of]
	if d == nil {
		d = &day{}
		k.days[of] = d
	}
	return d
}

// Run looks at the ledger, and records the acts of holds, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := k.Look(ctx)
		if err == nil {
			err = k.record(ctx)
		}
		if err != nil && !failing && ctx.Err() == nil {
			k.log.Warn("what partners said today is not read from the ledger: this node counts on by itself", "error", err)
		}
		failing = err != nil
	}
}

// Look counts what the ledger holds and was not counted yet; or everything anew, where a backup was restored or a void has
// changed what counts. Judge may be called when it has succeeded once.
func (k *Keeper) Look(ctx context.Context) error {
	stored, err := k.ledger.StoredTo(ctx)
	if err != nil {
		return err
	}
	voids := fraud.VoidsOf(k.registry.Partners())
	k.mu.Lock()
	anew := len(k.next) == 0 || !slices.Equal(voids, k.voids)
	for partition, next := range k.next {
		anew = anew || stored[partition] < next
	}
	var in []fraud.Messages
	for partition, to := range stored {
		next := k.next[partition]
		if anew {
			next = 0
		}
		if to > next {
			in = append(in, fraud.Messages{Partition: partition, From: next, To: to})
		}
	}
	k.mu.Unlock()
	said, err := k.count(ctx, in, anew, voids)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.voids = voids
	before := k.days
	if anew {
		k.next, k.days = map[int32]int64{}, map[dayOf]*day{}
	}
	for _, s := range said {
		k.day(dayOf{s.Partner, s.Day}).stored.add(tally{listing: s.Listings, retraction: s.Retractions}, 1)
	}
	for _, m := range in {
		k.next[m.Partition] = m.To
	}
	for at, j := range k.pending {
		p, known := k.registry.Partner(j.of.partner)
		gone := at.offset < k.next[at.partition] || !known || j.at.void(p)
		switch {
		case gone && !anew:
			k.day(j.of).pending.add(j.said, -1)
		case !gone && anew:
			k.day(j.of).pending.add(j.said, 1)
		}
		if gone {
			delete(k.pending, at)
		}
	}
	if anew {
		k.keepTold(before)
	}
	k.known = true
	k.clean()
	return nil
}

// count asks the ledger. Of past days only the size matters: an exact count takes memory for each event.
func (k *Keeper) count(
	ctx context.Context, in []fraud.Messages, anew bool, voids []fraud.PartnerVoid,
) (said []fraud.Said, err error) {
	today := fraud.DayOf(k.now())
	since := today - spikeDays
	if anew {
		if said, err = k.ledger.Said(ctx, in, since.Begins(), false, voids); err != nil {
			return nil, err
		}
		said = slices.DeleteFunc(said, func(s fraud.Said) bool { return s.Day >= today })
		since = today
	}
	exact, err := k.ledger.Said(ctx, in, since.Begins(), true, voids)
	return append(said, exact...), err
}

// keepTold tells no hold twice that lasts on, or that began before this node did.
func (k *Keeper) keepTold(before map[dayOf]*day) {
	for of, d := range k.days {
		p, known := k.registry.Partner(of.partner)
		if !known {
			continue
		}
		old := before[of]
		for c := range d.told {
			allowed := k.allowance(of, d, p, c)
			d.told[c] = !k.known && d.stored[c] > allowed ||
				old != nil && old.told[c] && d.stored[c]+d.pending[c] > allowed
		}
	}
}

// clean forgets old days, and what was computed of all.
func (k *Keeper) clean() {
	oldest := fraud.DayOf(k.now()) - spikeDays
	for of, d := range k.days {
		d.spike = 0
		if of.day < oldest && d.pending == (tally{}) {
			delete(k.days, of)
		}
	}
}

// record tells the audit of holds that have begun.
func (k *Keeper) record(ctx context.Context) error {
	k.mu.Lock()
	acts := k.acts
	k.mu.Unlock()
	if len(acts) == 0 {
		return nil
	}
	if err := k.audit.RecordActs(ctx, acts...); err != nil {
		return err
	}
	k.mu.Lock()
	k.acts = k.acts[len(acts):]
	k.mu.Unlock()
	return nil
}

// allowance is how much a partner may say in a day.
func (k *Keeper) allowance(of dayOf, d *day, p *fraud.Partner, class int) int {
	quotas := quota.Effective(p)
	if class == retraction {
		return quotas.Retractions
	}
	if d.spike == 0 {
		d.spike = k.spike(of)
	}
	if d.spike < 0 {
		return quotas.Listings
	}
	return min(quotas.Listings, d.spike)
}

// spike is how many listings are out of the ordinary, -1 where nothing is.
func (k *Keeper) spike(of dayOf) int {
	var history []int
	for before := of.day - spikeDays; before < of.day; before++ {
		if d := k.days[dayOf{of.partner, before}]; d != nil && d.stored[listing] > 0 {
			history = append(history, d.stored[listing])
		}
	}
	if k.cfg.SpikeFactor <= 0 || len(history) < leastDays {
		return -1
	}
	slices.Sort(history)
	median := history[len(history)/2]
	return max(1, k.cfg.SpikeFloor, int(k.cfg.SpikeFactor*float64(median)))
}

// Judge holds those of the entries, whole messages of one partition in their order, that are beyond their partners'
// allowances.
func (k *Keeper) Judge(ctx context.Context, entries []fraud.Entry) {
	var (
		again  []*fraud.Entry // of messages that the ledger has already
		beyond = map[fraud.PartnerNumber][]*fraud.Entry{}
		held   = map[dayOf]tally{}
	)
	hold := func(e *fraud.Entry, class int) {
		e.Hold()
		of := dayOf{e.Partner, fraud.DayOf(e.Appended)}
		n := held[of]
		n[class]++
		held[of] = n
	}
	k.mu.Lock()
	for from := 0; from < len(entries); {
		to := from + 1
		for to < len(entries) && entries[to].Offset == entries[from].Offset {
			to++
		}
		message := entries[from:to]
		from = to
		free, stored := k.take(message)
		for i := range message {
			e := &message[i]
			class := classOf(e.Event.Kind)
			switch {
			case class == classes:
			case stored:
				again = append(again, e)
			case free[class] > 0:
				free[class]--
			case class == retraction:
				hold(e, class)
			default:
				beyond[e.Partner] = append(beyond[e.Partner], e)
			}
		}
	}
	k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	for partner, entries := range beyond {
		listed := k.listed(ctx, partner, entries)
		for _, e := range entries {
			if !listed[e.Event.Indicator.Digest] {
				hold(e, listing)
			}
		}
	}
	if len(again) > 0 {
		k.judgeAgain(ctx, again)
	}
	k.tell(held)
}

func classOf(kind fraud.Kind) int {
	switch {
	case kind.Lists():
		return listing
	case kind == fraud.Clear || kind == fraud.Dispute:
		return retraction
	}
	return classes
}

// take counts one message, and says how much of it is within the allowance: or that the ledger has it already.
func (k *Keeper) take(message []fraud.Entry) (free tally, stored bool) {
	e := &message[0]
	at, of := place{e.Partition, e.Offset}, dayOf{e.Partner, fraud.DayOf(e.Appended)}
	if j := k.pending[at]; j != nil {
		return j.free, false
	}
	if at.offset < k.next[at.partition] {
		return free, true
	}
	var said tally
	for i := range message {
		if class := classOf(message[i].Event.Kind); class != classes {
			said[class]++
		}
	}
	p, known := k.registry.Partner(e.Partner)
	came := from{fraud.SecondsOf(e.Appended), e.SignedBy}
	if said == (tally{}) || !known || came.void(p) {
		return said, false
	}
	d := k.day(of)
	for class, n := range said {
		if n == 0 {
			continue
		}
		allowed := k.allowance(of, d, p, class)
		free[class] = min(n, max(0, allowed-d.stored[class]-d.pending[class]))
	}
	d.pending.add(said, 1)
	k.pending[at] = &judged{of: of, at: came, said: said, free: free}
	return free, false
}

// tell says once a day of a partner that a hold has begun.
func (k *Keeper) tell(held map[dayOf]tally) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for of, counts := range held {
		d, p := k.day(of), (*fraud.Partner)(nil)
		if p, _ = k.registry.Partner(of.partner); p == nil {
			continue
		}
		for class, n := range counts {
			if n == 0 || d.told[class] {
				continue
			}
			d.told[class] = true
			what, allowed := [classes]string{"listings", "clears and disputes"}[class], k.allowance(of, d, p, class)
			k.log.Warn("a partner says more than its allowance of the day: the rest is held until two operators release it",
				"partner", p.ID, "what", what, "allowance", allowed, "day", of.day.String())
			k.acts = append(k.acts, fraud.Act{ID: uuid.Must(uuid.NewV7()), At: k.now().UTC().Truncate(time.Millisecond),
				What: fraud.HoldBegun, Whom: p.ID, Done: true,
				Reason: fmt.Sprintf("%s: more than %d %s", of.day, allowed, what)})
		}
	}
}

// listed tells which of the entries are of indicators that the partner lists already; none where the ledger does not
// answer.
func (k *Keeper) listed(
	ctx context.Context, partner fraud.PartnerNumber, entries []*fraud.Entry,
) map[indicator.Digest]bool {
	digests := make([]indicator.Digest, len(entries))
	for i, e := range entries {
		digests[i] = e.Event.Indicator.Digest
	}
	listed, err := k.ledger.Listed(ctx, partner, digests)
	if err != nil {
		return nil
	}
	return listed
}

// judgeAgain judges what the ledger has as it was judged before.
func (k *Keeper) judgeAgain(ctx context.Context, entries []*fraud.Entry) {
	byOffset := func(a, b *fraud.Entry) int { return cmp.Compare(a.Offset, b.Offset) }
	in := fraud.Messages{Partition: entries[0].Partition, From: slices.MinFunc(entries, byOffset).Offset,
		To: slices.MaxFunc(entries, byOffset).Offset + 1}
	before, err := k.ledger.HeldAt(ctx, in)
	if err == nil {
		for _, e := range entries {
			if before[e.Position] {
				e.Hold()
			}
		}
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range entries {
		of := dayOf{e.Partner, fraud.DayOf(e.Appended)}
		d, p := k.days[of], (*fraud.Partner)(nil)
		if p, _ = k.registry.Partner(e.Partner); p == nil || d == nil {
			continue
		}
		if class := classOf(e.Event.Kind); d.stored[class] > k.allowance(of, d, p, class) {
			e.Hold()
		}
	}
}
