package api

import (
	"slices"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// bulk is what digests are looked up with of which each is one indicator: all together, so that the index waits for its
// memory once and not each time, and with a whole verdict only for what is listed.
type bulk struct {
	asked []indicator.Digest // what counts as asked about
	known []indicator.Digest // and is known
	// statuses are those of the digests, and hits the verdicts of those that are listed, in their order.
	statuses []fraud.Status
	hits     []bulkHit
	asOf     time.Time
}

type bulkHit struct {
	index   int
	verdict fraud.Verdict
}

// lookUp answers asker about what is asked.
func (b *bulk) lookUp(index Lookuper, asker *fraud.Partner) {
	n := len(b.asked)
	b.statuses = slices.Grow(b.statuses[:0], n)[:n]
	b.hits, b.known = b.hits[:0], b.known[:0]
	b.asOf = index.LookupBatch(asker, b.asked, b.statuses, func(i int, v fraud.Verdict) {
		b.hits = append(b.hits, bulkHit{i, v})
		if known(v.Status) {
			b.known = append(b.known, b.asked[i])
		}
	})
}

// countBulk counts the verdicts. Of what is not listed the index does not tell the stage.
func (s *Server) countBulk(r *request, b *bulk) {
	for _, status := range b.statuses {
		r.verdicts[status]++
	}
	for i := range b.hits {
		s.metrics.count(&b.hits[i].verdict)
	}
	for _, status := range []fraud.Status{fraud.NotListed, fraud.Unsure} {
		s.metrics.verdicts[status][0].Add(float64(r.verdicts[status]))
	}
}
