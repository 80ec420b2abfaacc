package quota

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Config holds the settings of a Keeper.
type Config struct {
	// Nodes is by how many every quota is divided: the nodes that share a partner's requests. At least 1.
	Nodes int
	// Dir is the folder that keeps what was used of the day; empty for none.
	Dir string
	// Now is the clock.
	Now func() time.Time
}

// Keeper has an account for each partner.
type Keeper struct {
	cfg      Config
	log      *slog.Logger
	accounts atomic.Pointer[map[fraud.PartnerNumber]*entry] // never changed, but replaced
	adding   sync.Mutex
	saved    map[fraud.PartnerNumber]day // of the process before this one
}

// entry is an account and what its limits were made from.
type entry struct {
	*Account
	kind   fraud.PartnerKind
	quotas fraud.Quotas
}

// Open makes a Keeper, and reads what was used of the day before a restart. A file that cannot be read is logged, and
// the day begins anew.
func Open(cfg Config, log *slog.Logger) *Keeper {
	cfg.Nodes = max(1, cfg.Nodes)
	k := &Keeper{cfg: cfg, log: log}
	k.accounts.Store(&map[fraud.PartnerNumber]*entry{})
	if cfg.Dir == "" {
		return k
	}
	var err error
	if k.saved, err = readDays(cfg.Dir, dayOf(cfg.Now())); err != nil {
		log.Warn("what partners used of their daily quotas cannot be read: the day begins anew", "error", err)
	}
	return k
}

// Of is a partner's account, with the quotas that the partner has now.
func (k *Keeper) Of(p *fraud.Partner) *Account {
	e := (*k.accounts.Load())[p.Number]
	if e != nil && e.kind == p.Kind && e.quotas == p.Quotas {
		return e.Account
	}
	return k.renew(p)
}

func (k *Keeper) renew(p *fraud.Partner) *Account {
	k.adding.Lock()
	defer k.adding.Unlock()
	now, limits := k.cfg.Now(), share(Effective(p), k.cfg.Nodes)
	before := *k.accounts.Load()
	next := &entry{kind: p.Kind, quotas: p.Quotas}
	if old := before[p.Number]; old != nil {
		next.Account = old.Account
		next.change(now, limits)
	} else {
		today, ok := k.saved[p.Number]
		if !ok {
			today = newDay(dayOf(now))
		}
		next.Account = newAccount(limits, today)
	}
	all := maps.Clone(before)
	all[p.Number] = next
	k.accounts.Store(&all)
	return next.Account
}

// Count is what a partner asked about today, in different indicators, and how many of them are known.
type Count struct {
	Partner         fraud.PartnerNumber
	Distinct, Known int
}

// Counts are those of today's askers, in no order.
func (k *Keeper) Counts() []Count {
	now := k.cfg.Now()
	var all []Count
	accounts := *k.accounts.Load()
	for number, d := range k.saved {
		if accounts[number] == nil && d.number == dayOf(now) {
			all = append(all, Count{number, d.asked.count(), d.known.count()})
		}
	}
	for number, e := range accounts {
		e.mu.Lock()
		e.turn(now)
		all = append(all, Count{number, e.today.asked.count(), e.today.known.count()})
		e.mu.Unlock()
	}
	return all
}

// saveEvery is how much of a day's use a crash forgets.
const saveEvery = time.Minute

// Run saves what was used of the day, until ctx ends and once more then.
func (k *Keeper) Run(ctx context.Context) error {
	if k.cfg.Dir == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			k.save()
			return nil
		case <-tick.C:
			k.save()
		}
	}
}

func (k *Keeper) save() {
	if err := writeDays(k.cfg.Dir, k.days()); err != nil {
		k.log.Warn("what partners used of their daily quotas is not saved: a restart would forget it", "error", err)
	}
}

// days is today's use by all partners, those that have not come since the restart included.
func (k *Keeper) days() map[fraud.PartnerNumber]day {
	now := k.cfg.Now()
	all := map[fraud.PartnerNumber]day{}
	for number, d := range k.saved {
		if d.number == dayOf(now) {
			all[number] = d
		}
	}
	for number, e := range *k.accounts.Load() {
		e.mu.Lock()
		e.turn(now)
		d := e.today
		d.asked.registers = slices.Clone(d.asked.registers)
		d.known.registers = slices.Clone(d.known.registers)
		e.mu.Unlock()
		all[number] = d
	}
	return all
}
