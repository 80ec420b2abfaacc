package partners

import (
	"fmt"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

type voidEntry struct {
	ID     string `yaml:"id"`
	Since  string `yaml:"since"`
	Until  string `yaml:"until"`
	Key    string `yaml:"key"`
	Reason string `yaml:"reason"`
	At     string `yaml:"at"`
}

// releaseEntry needs two keys: who edits the file could write anything, and shall not do it by mistake.
type releaseEntry struct {
	ID          string `yaml:"id"`
	Since       string `yaml:"since"`
	Until       string `yaml:"until"`
	Reason      string `yaml:"reason"`
	ProposedBy  string `yaml:"proposed_by"`
	ConfirmedBy string `yaml:"confirmed_by"`
	At          string `yaml:"at"`
}

// voids adds what does not count of what the partner said. A key is told by its number, which one of the fifteen after
// it has too: see [fraud.KeyNumberOf].
func (b *builder) voids(at string, e *partnerEntry, p *fraud.Partner, record *fraud.PartnerRecord) {
	if len(e.Voids) > fraud.MaxVoids {
		b.fault(at+".voids", "are %d, and %d may be: undo old ones, or join those that touch", len(e.Voids), fraud.MaxVoids)
	}
	for i := range e.Voids {
		in := &e.Voids[i]
		at := named(fmt.Sprintf("%s.voids[%d]", at, i), in.ID)
		v := fraud.VoidRecord{ID: in.ID, KeyID: in.Key, Reason: in.Reason, At: b.time(at+".at", in.At)}
		v.Since, v.Until = b.span(at, in.Since, in.Until)
		var number fraud.KeyNumber
		if in.Key != "" {
			place := slices.IndexFunc(record.SigningKeys, func(k fraud.SigningKeyRecord) bool { return k.ID == in.Key })
			if place < 0 {
				b.fault(at+".key", "is none of the partner's signing keys; without it all of its words are void")
			}
			number = fraud.KeyNumberOf(max(place, 0))
		}
		if !idPattern.MatchString(in.ID) || slices.ContainsFunc(p.Voids, func(v fraud.Void) bool { return v.ID == in.ID }) {
			b.fault(at+".id", "must be 1 to 48 of a-z 0-9 . - and stand once")
		}
		p.Voids = append(p.Voids, fraud.Void{ID: v.ID, Since: fraud.SecondsOf(v.Since), Until: fraud.SecondsOf(v.Until),
			SignedBy: number})
		record.Voided = append(record.Voided, v)
	}
}

// releases adds what counts of what was held: only what two have said.
func (b *builder) releases(at string, e *partnerEntry, p *fraud.Partner, record *fraud.PartnerRecord) {
	if len(e.Releases) > fraud.MaxVoids {
		b.fault(at+".releases", "are %d, and %d may be: withdraw old ones", len(e.Releases), fraud.MaxVoids)
	}
	for i := range e.Releases {
		in := &e.Releases[i]
		at := named(fmt.Sprintf("%s.releases[%d]", at, i), in.ID)
		r := fraud.ReleaseRecord{ID: in.ID, Reason: in.Reason, ProposedBy: in.ProposedBy, ConfirmedBy: in.ConfirmedBy,
			At: b.time(at+".at", in.At)}
		r.Since, r.Until = b.span(at, in.Since, in.Until)
		switch {
		case r.Until.IsZero():
			b.fault(at+".until", "is required: only what is held already can be released")
		case r.ProposedBy == "":
			b.fault(at+".proposed_by", "is required: the id of an operator's key")
		case r.ProposedBy == r.ConfirmedBy:
			b.fault(at+".confirmed_by", "must be another's key than proposed_by")
		}
		if !idPattern.MatchString(in.ID) ||
			slices.ContainsFunc(record.Released, func(r fraud.ReleaseRecord) bool { return r.ID == in.ID }) {
			b.fault(at+".id", "must be 1 to 48 of a-z 0-9 . - and stand once")
		}
		if r.InForce() {
			p.Releases = append(p.Releases, fraud.Release{ID: r.ID, Since: fraud.SecondsOf(r.Since),
				Until: fraud.SecondsOf(r.Until)})
		}
		record.Released = append(record.Released, r)
	}
}

// span reads when something begins and ends; an end may be absent. Words are told apart by the second.
func (b *builder) span(at, from, to string) (since, until time.Time) {
	since, until = b.time(at+".since", from).UTC(), b.time(at+".until", to).UTC()
	switch {
	case fraud.SecondsOf(since) == 0:
		b.fault(at+".since", "is required")
	case since.Nanosecond() != 0 || until.Nanosecond() != 0:
		b.fault(at, "since and until are whole seconds")
	case !until.IsZero() && !until.After(since):
		b.fault(at+".until", "must be later than since")
	}
	return since, until
}
