package restore

import (
	"crypto/sha256"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// lost finds the word that is to be said anew of one indicator, of which said is all that the partner said; false for
// none. The partner counts as active.
func (r *Restorer) lost(said []fraud.Entry, now time.Time) (*fraud.Entry, bool) {
	type word struct {
		*fraud.Entry
		fraud.Opinion
	}
	var standing, good word
	for i := range said {
		e := &said[i]
		from := fraud.Provenance{Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group}
		words := e.Event.Opinions(e.Partner, e.Category, from)
		if len(words) == 0 || words[0].Stance == fraud.Sighted {
			continue
		}
		w := word{e, words[0]}
		if standing.Entry == nil || w.Supersedes(&standing.Opinion) {
			standing = w
		}
		if r.partner.Counts(&w.Opinion) && (good.Entry == nil || w.Supersedes(&good.Opinion)) {
			good = w
		}
	}
	if standing.Entry == nil || good.Entry == nil || r.partner.Counts(&standing.Opinion) ||
		good.Stance == fraud.Withdrawn || !r.covers(&standing.Opinion) {
		return nil, false
	}
	if expires := good.Event.ExpiresAt; !expires.IsZero() && !now.Before(expires) {
		return nil, false
	}
	half := r.policy.HalfLife[good.Event.Indicator.Type]
	if age := now.Sub(good.Event.IssuedAt); good.Stance.Lists() && half > 0 &&
		math.Exp2(-float64(age)/float64(half)) < r.policy.ListFreshness {
		return nil, false
	}
	again := *good.Entry
	again.Event.ID = r.id(good.Event.ID)
	again.Event.IssuedAt = now.UTC().Truncate(time.Millisecond)
	if !again.Event.IssuedAt.After(standing.Event.IssuedAt) { // said with a clock that is ahead
		again.Event.IssuedAt = standing.Event.IssuedAt.Add(time.Millisecond)
	}
	return &again, true
}

// covers reports whether the void that is mended is one of those that a word falls under.
func (r *Restorer) covers(o *fraud.Opinion) bool {
	only := fraud.Partner{State: fraud.Active, Voids: []fraud.Void{r.void}}
	word := *o
	word.Held = false
	return !only.Counts(&word)
}

// id makes the id of an event that is said anew.
func (r *Restorer) id(of uuid.UUID) uuid.UUID {
	h := sha256.New()
	for _, part := range []string{"waspada/restore/1", r.partner.ID, r.void.ID} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(of[:])
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: made by rules of our own
	id[8] = id[8]&0x3f | 0x80
	return id
}

// event fills in the terms of what was read from the ledger by their codes.
func (r *Restorer) event(e *fraud.Entry) fraud.Event {
	again := e.Event
	t := r.taxonomy
	again.Category, again.Platform = t.Category.Name(e.Category), t.Platform.Name(e.Platform)
	again.Institution, again.Region = t.Institution.Name(e.Institution), t.Region.Name(e.Region)
	again.Group = t.Group.Name(fraud.Code(e.Group))
	return again
}
