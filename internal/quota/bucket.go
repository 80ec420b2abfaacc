package quota

import "time"

// bucket holds tokens for one second, and fills up as it passes. Its user has a lock: golang.org/x/time/rate has one of its
// own, and makes something for each charge, and a look-up comes by five times.
type bucket struct {
	limit  int     // tokens a second, and the most that it holds
	tokens float64 // at the time, below 0 for debt
	at     time.Time
}

// newBucket is full.
func newBucket(limit int) bucket { return bucket{limit: limit, tokens: float64(limit)} }

// left is how many tokens there are now; who comes with an earlier time than another brings none.
func (b *bucket) left(now time.Time) float64 {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(float64(b.limit), b.tokens+passed.Seconds()*float64(b.limit))
		b.at = now
	}
	return b.tokens
}

// take takes n tokens, into debt.
func (b *bucket) take(now time.Time, n int) { b.tokens = b.left(now) - float64(n) }

// change puts another limit in force. What was used stays used.
func (b *bucket) change(now time.Time, limit int) {
	b.left(now)
	b.limit = limit
}
