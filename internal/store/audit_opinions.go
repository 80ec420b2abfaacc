package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Opinions are recomputed in slices of the digests, each of about this many, to bound memory. All slices are looked at
// up to the limit, and one at random above it.
const (
	auditSlice = 500_000
	auditLimit = 5_000_000
)

// auditOpinions recomputes what stands from the ledger, by the code that made the opinions, and compares.
func (r *Reader) auditOpinions(ctx context.Context, a *AuditReport) error {
	if err := r.conn.QueryRow(ctx, "SELECT count() FROM opinions FINAL").Scan(&a.Opinions.Total); err != nil {
		return classify("audit opinions", err)
	}
	n := a.Opinions.Total/auditSlice + 1
	slices := []uint64{rand.Uint64N(n)}
	if a.Opinions.Total <= auditLimit {
		slices = slices[:0]
		for i := range n {
			slices = append(slices, i)
		}
	}
	for _, i := range slices {
		width := math.MaxUint64/n + 1 // 0 when there is one slice
		part := digests{from: i * width, to: (i + 1) * width, last: i == n-1}
		refusing := a.DeadLetters[fraud.ReasonRefusedByLog] > 0
		if err := r.auditDigests(ctx, &a.Opinions, part, refusing); err != nil {
			return err
		}
	}
	return nil
}

// digests is the set of digests whose first word lies in [from, to), or in [from, ∞) for the last.
type digests struct {
	from, to uint64
	last     bool
}

func (d digests) contains(digest *indicator.Digest) bool {
	w := digest.Word(0)
	return w >= d.from && (d.last || w < d.to)
}

// condition is the same as contains, of a column.
func (d digests) condition(column string) string {
	bound := func(w uint64) string {
		var digest [32]byte
		for i := range 8 {
			digest[i] = byte(w >> (56 - 8*i))
		}
		return "toFixedString(unhex('" + hex.EncodeToString(digest[:]) + "'), 32)"
	}
	text := column + " >= " + bound(d.from)
	if !d.last {
		text += " AND " + column + " < " + bound(d.to)
	}
	return "(" + text + ")"
}

// auditDigests compares the opinions on some digests. Refusing tells that the ledger has refused rows, whose opinions
// were taken back without an event.
func (r *Reader) auditDigests(ctx context.Context, sum *OpinionAudit, part digests, refusing bool) error {
	want := map[fraud.Key]fraud.Opinion{}
	// The ledger first: what is stored in between is then ahead, never behind.
	if err := r.replay(ctx, part, func(o *fraud.Opinion) {
		if old, ok := want[o.Key()]; !ok || o.Supersedes(&old) {
			want[o.Key()] = *o
		}
	}); err != nil {
		return err
	}
	err := r.opinions(ctx, "WHERE "+part.condition("digest"), func(block []fraud.Opinion) error {
		for i := range block {
			o := &block[i]
			sum.Checked++
			due, ok := want[o.Key()]
			delete(want, o.Key())
			if o.Accepted == 0 { // stored by a version that kept no provenance
				due.Provenance = o.Provenance
			}
			switch {
			case (!ok || o.Supersedes(&due)) && o.Stance == fraud.Withdrawn && refusing:
				sum.TakenBack++
			case !ok || o.Supersedes(&due):
				sum.Ahead++
			case *o != due:
				sum.Behind++
			}
		}
		return nil
	})
	sum.Behind += uint64(len(want))
	return err
}

// replay makes the opinions of every event of the ledger anew. Copies do no harm: opinions merge.
func (r *Reader) replay(ctx context.Context, part digests, yield func(*fraud.Opinion)) error {
	query := fmt.Sprintf(`
		SELECT partner, event_id, CAST(kind, 'Int8'), toUnixTimestamp64Milli(issued_at), CAST(type, 'Int8'), digest,
			CAST(also_grade, 'Array(Int8)'), also_digest, category, evidence, confidence, CAST(advice, 'Int8'),
			CAST(tlp, 'Int8'), toUnixTimestamp64Milli(expires_at), toUnixTimestamp64Milli(appended), signed_by,
			sharing_group, held
		FROM events WHERE digest != `+erasedDigest+` AND (%s OR arrayExists(d -> %s, also_digest))`,
		part.condition("digest"), part.condition("d"))
	var (
		partner, category         uint16
		id                        uuid.UUID
		kind, kindOf, advice, tlp int8
		issued, expires, appended int64
		digest                    []byte
		grades                    []int8
		also                      []string
		evidence, confidence      uint8
		signedBy, group           uint8
		held                      bool
	)
	return each(ctx, r.conn, "audit opinions", query, func(rows driver.Rows) error {
		if err := rows.Scan(&partner, &id, &kind, &issued, &kindOf, &digest, &grades, &also, &category, &evidence,
			&confidence, &advice, &tlp, &expires, &appended, &signedBy, &group, &held); err != nil {
			return err
		}
		e := fraud.Event{
			ID: id, Kind: fraud.Kind(kind), IssuedAt: fromMillis(issued),
			Indicator:  fraud.Ref{Type: indicator.Type(kindOf), Digest: indicator.Digest(digest)},
			Confidence: confidence, Evidence: fraud.Evidence(evidence), ExpiresAt: fromMillis(expires),
			TLP: fraud.TLP(tlp), Advice: fraud.Advice(advice),
		}
		for i, d := range also {
			e.Indicator.Also = append(e.Indicator.Also,
				fraud.Also{Grade: indicator.Grade(grades[i]), Digest: indicator.Digest([]byte(d))})
		}
		from := fraud.Provenance{Accepted: fraud.SecondsOf(fromMillis(appended)), Held: held,
			SignedBy: fraud.KeyNumber(signedBy), Group: fraud.Group(group)}
		for _, o := range e.Opinions(fraud.PartnerNumber(partner), fraud.Code(category), from) {
			if part.contains(&o.Digest) {
				yield(&o)
			}
		}
		return nil
	})
}
