package fraud

import (
	"time"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Said is how much a partner said in one day, by when the hub took it.
type Said struct {
	Partner PartnerNumber
	Day     Day
	// Listings are the reports and what was upheld; Retractions are clears and disputes. Withdrawals are neither.
	Listings, Retractions int
}

// Day numbers the days in Malaysia since 1970-01-01.
type Day int64

// Malaysia knows no summer time.
const malaysiaOffset = 8 * 60 * 60

// DayOf is the day in Malaysia.
func DayOf(t time.Time) Day { return Day((t.Unix() + malaysiaOffset) / (24 * 60 * 60)) }

// Begins is its midnight.
func (d Day) Begins() time.Time { return time.Unix(int64(d)*24*60*60-malaysiaOffset, 0).UTC() }

// String is the date.
func (d Day) String() string {
	return d.Begins().Add(malaysiaOffset * time.Second).Format(time.DateOnly)
}

// Messages are the messages of one partition in [From, To).
type Messages struct {
	Partition int32
	From, To  int64
}

// PartnerVoid is a void with whose it is.
type PartnerVoid struct {
	Partner PartnerNumber
	Void
}

// VoidsOf lists the voids of all partners, in their order.
func VoidsOf(partners []Partner) (all []PartnerVoid) {
	for i := range partners {
		for _, v := range partners[i].Voids {
			all = append(all, PartnerVoid{partners[i].Number, v})
		}
	}
	return all
}

// HeldWords are words of a partner that were held on one day.
type HeldWords struct {
	Partner PartnerNumber
	Day     Day
	// Events is how many, and Types how many of each type of indicator.
	Events int
	Types  map[indicator.Type]int
	// Kinds is how many of each kind of event.
	Kinds map[Kind]int
	// First and Last are when the hub took the first and the last of them.
	First, Last time.Time
}
