package quota

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The names of quotas, as answers and metrics call them.
const (
	Requests    = "requests"
	Indicators  = "indicators"
	Distinct    = "distinct"
	Listings    = "listings"
	Retractions = "retractions"
)

// Refusal is an error: a quota is used up.
type Refusal struct {
	// Quota is its name, Limit what it allows on this node in a Window: time.Second, or 24 hours for a day in Malaysia.
	Quota  string
	Limit  int
	Window time.Duration
	// Wait is how long it stays used up, at least.
	Wait time.Duration
}

func (r *Refusal) Error() string {
	window := "a second"
	if r.Window > time.Second {
		window = "a day"
	}
	return fmt.Sprintf("quota %s is used up: %d %s", r.Quota, r.Limit, window)
}

// Use is what a request draws on, beside requests.
type Use uint8

// The uses.
const (
	Other   Use = iota
	Asks        // looks indicators up
	Reports     // sends events
)

// Account is what one partner has used. It is safe for concurrent use; it takes the time from its caller.
type Account struct {
	mu                   sync.Mutex
	limits               fraud.Quotas
	requests, indicators bucket
	policies             [Reports + 1][]string // RateLimit-Policy by use
	today                day
}

// day is what was used of one day in Malaysia.
type day struct {
	number              int64 // since 1970-01-01
	asked, known        distinct
	unknown             distinct // nobody reads it: see Found
	listed, retractions int
}

const (
	daySeconds = 24 * 60 * 60
	fromUTC    = 8 * 60 * 60 // Asia/Kuala_Lumpur, which knows no summer time
	wholeDay   = daySeconds * time.Second
)

func dayOf(now time.Time) int64 { return (now.Unix() + fromUTC) / daySeconds }

func untilMidnight(now time.Time) time.Duration {
	return time.Duration(daySeconds-(now.Unix()+fromUTC)%daySeconds) * time.Second
}

func newDay(number int64) day {
	var random [16]byte
	rand.Read(random[:])
	secret := [2]uint64{binary.LittleEndian.Uint64(random[:]), binary.LittleEndian.Uint64(random[8:])}
	return day{number: number, asked: distinct{secret: secret}, known: distinct{secret: secret},
		unknown: distinct{secret: secret}}
}

func newAccount(limits fraud.Quotas, today day) *Account {
	a := &Account{
		requests: newBucket(limits.Requests), indicators: newBucket(limits.Indicators), today: today,
	}
	a.set(limits)
	return a
}

func (a *Account) set(limits fraud.Quotas) {
	a.limits = limits
	base := policy(Requests, limits.Requests, 1)
	a.policies = [...][]string{
		Other: {base},
		Asks: {base + ", " + policy(Indicators, limits.Indicators, 1) + ", " +
			policy(Distinct, limits.Distinct, daySeconds)},
		Reports: {base + ", " + policy(Listings, limits.Listings, daySeconds) + ", " +
			policy(Retractions, limits.Retractions, daySeconds)},
	}
}

func policy(name string, limit, window int) string {
	return fmt.Sprintf("%q;q=%d;w=%d", name, limit, window)
}

// change puts other limits in force. What was used stays used.
func (a *Account) change(now time.Time, limits fraud.Quotas) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limits == limits {
		return
	}
	a.requests.change(now, limits.Requests)
	a.indicators.change(now, limits.Indicators)
	a.set(limits)
}

// turn begins a new day where one has begun. A clock that is set back begins none.
func (a *Account) turn(now time.Time) {
	if n := dayOf(now); n > a.today.number {
		a.today = newDay(n)
	}
}

// Enter takes one request, or refuses it: before its body is read.
func (a *Account) Enter(now time.Time, use Use) *Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	if use == Asks {
		if a.today.asked.count() >= a.limits.Distinct {
			return refuseDay(now, Distinct, a.limits.Distinct)
		}
		if tokens := a.indicators.left(now); tokens < 1 {
			return refuseRate(Indicators, a.limits.Indicators, tokens)
		}
	}
	if tokens := a.requests.left(now); tokens < 1 {
		return refuseRate(Requests, a.limits.Requests, tokens)
	}
	a.requests.take(now, 1)
	return nil
}

// Ask charges n indicators, and counts the digests that are tested for them, at the hub's epoch. On a refusal nothing
// may be answered, and both stay charged.
func (a *Account) Ask(now time.Time, n int, digests []indicator.Digest) *Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	a.indicators.take(now, n)
	for i := range digests {
		a.today.asked.add(&digests[i])
	}
	if a.today.asked.count() > a.limits.Distinct {
		return refuseDay(now, Distinct, a.limits.Distinct)
	}
	return nil
}

// Found counts digests that are known, and those that are not just the same: so that a caller's clock does not tell which
// they are.
func (a *Account) Found(now time.Time, digests []indicator.Digest, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	to := &a.today.unknown
	if known {
		to = &a.today.known
	}
	for i := range digests {
		to.add(&digests[i])
	}
}

// Report counts new listings and retractions, all or, on a refusal, none.
func (a *Account) Report(now time.Time, listings, retractions int) *Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	if listings > 0 && a.today.listed+listings > a.limits.Listings {
		return refuseDay(now, Listings, a.limits.Listings)
	}
	if retractions > 0 && a.today.retractions+retractions > a.limits.Retractions {
		return refuseDay(now, Retractions, a.limits.Retractions)
	}
	a.today.listed += listings
	a.today.retractions += retractions
	return nil
}

// Return takes back what Report counted and what then was not sent.
func (a *Account) Return(listings, retractions int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.today.listed = max(0, a.today.listed-listings)
	a.today.retractions = max(0, a.today.retractions-retractions)
}

// Headers are the values of RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10). They may not be
// changed.
func (a *Account) Headers(now time.Time, use Use) (policy []string, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	b := make([]byte, 0, 112)
	b = appendRate(b, Requests, a.limits.Requests, a.requests.left(now))
	switch midnight := untilMidnight(now); use {
	case Asks:
		b = appendRate(append(b, ", "...), Indicators, a.limits.Indicators, a.indicators.left(now))
		b = appendState(append(b, ", "...), Distinct, a.limits.Distinct-a.today.asked.count(), midnight)
	case Reports:
		b = appendState(append(b, ", "...), Listings, a.limits.Listings-a.today.listed, midnight)
		b = appendState(append(b, ", "...), Retractions, a.limits.Retractions-a.today.retractions, midnight)
	}
	return a.policies[use], string(b)
}

func appendRate(b []byte, name string, limit int, tokens float64) []byte {
	return appendState(b, name, int(tokens), waitFor(limit, tokens))
}

func appendState(b []byte, name string, remaining int, reset time.Duration) []byte {
	b = append(append(append(b, '"'), name...), `";r=`...)
	b = strconv.AppendInt(b, int64(max(0, remaining)), 10)
	return strconv.AppendInt(append(b, ";t="...), Seconds(reset), 10)
}

// Seconds rounds up to whole ones: coming too early is coming in vain.
func Seconds(d time.Duration) int64 { return int64(max(1, (d+time.Second-1)/time.Second)) }

// waitFor is how long until a bucket has a whole token.
func waitFor(limit int, tokens float64) time.Duration {
	return time.Duration(math.Max(0, 1-tokens) / float64(limit) * float64(time.Second))
}

func refuseRate(name string, limit int, tokens float64) *Refusal {
	return &Refusal{Quota: name, Limit: limit, Window: time.Second, Wait: waitFor(limit, tokens)}
}

func refuseDay(now time.Time, name string, limit int) *Refusal {
	return &Refusal{Quota: name, Limit: limit, Window: wholeDay, Wait: untilMidnight(now)}
}
