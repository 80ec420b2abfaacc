package index

import (
	"sync/atomic"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

const (
	stages   = int(fraud.ByIndex) + 1
	statuses = int(fraud.Unsure) + 1
)

// counted is how many answers each stage gave, by status.
type counted [stages][statuses]int64

// counts adds answers up in shards, so that two cores that answer at once seldom write to one cache line.
type counts [8]struct {
	n [stages][statuses]atomic.Int64
	_ [64]byte
}

func (c *counts) add(shard uint, by fraud.Stage, status fraud.Status, n int64) {
	c[shard%uint(len(c))].n[by][status].Add(n)
}

// addBatch adds what a batch found; the rest of its n answers are the filter's negatives.
func (c *counts) addBatch(shard uint, found *counted, n int, negative fraud.Status) {
	rest := int64(n)
	for by := range found {
		for status, k := range found[by] {
			if k != 0 {
				c.add(shard, fraud.Stage(by), fraud.Status(status), k)
				rest -= k
			}
		}
	}
	c.add(shard, fraud.ByFilter, negative, rest)
}

func (c *counts) total() (sum counted) {
	for shard := range c {
		for by := range sum {
			for status := range sum[by] {
				sum[by][status] += c[shard].n[by][status].Load()
			}
		}
	}
	return sum
}
