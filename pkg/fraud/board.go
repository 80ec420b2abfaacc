package fraud

import "time"

// BoardQuestion asks what came of what was said in a span of time.
type BoardQuestion struct {
	// From is included and To is not: the times at which Kafka took what is counted, which nobody can choose.
	From, To time.Time
	// Now is as of when ages are told, and Overdue the age at which an open signal is overdue.
	Now     time.Time
	Overdue time.Duration
	// Partners are all of the hub's: whose words count (see [Partner.Counts]), who runs which platform, who is an authority.
	Partners []Partner
}

// OverdueAges are the ages from which overdue signals are told apart; the first is the policy's.
var OverdueAges = [...]time.Duration{0, 3 * day, 7 * day, 30 * day}

// PlatformScore is what became of the signals about one platform that began in a span of time.
//
// A signal is an indicator and a platform that at least one report names with it. It begins when Kafka took the first
// such report. Only words that count make one, and only such as somebody who runs the platform may see: it was told.
// Each signal is exactly one of acted on, withdrawn and open.
type PlatformScore struct {
	// Platform is the term of the taxonomy, or the decimal code of one that it does not name.
	Platform string
	Signals  uint64
	// Acted counts signals by the first action that a partner which runs the platform said of the indicator, by the time at
	// which Kafka took it; place 0 is their sum.
	Acted [Disagreed + 1]uint64
	// Median and P90 are from the beginning to that action, 0 where nothing was acted on. An action that was said before
	// the first report took no time.
	Median, P90 time.Duration
	// Declared counts those of the actions that name a time of their own (observed_at), and DeclaredMedian is the median to
	// that time. It is the platform's word, and may lie before the beginning.
	Declared       uint64
	DeclaredMedian time.Duration
	// Withdrawn counts signals whose every reporter took its word back, or that the holder or an authority cleared, before
	// any action.
	Withdrawn uint64
	// Open counts signals that wait for an action; Overdue those that have for longer than the policy allows, and by the
	// ages of [OverdueAges], of which each signal is in the last that it has reached.
	Open, Overdue uint64
	OverdueBy     [len(OverdueAges)]uint64
}

// Share is the part of the signals acted on, of those that were not withdrawn; 0 where there are none.
func (s *PlatformScore) Share() float64 { return share(s.Acted[0], s.Signals-s.Withdrawn) }

// PartnerScore is what one partner gave and took in a span of time. Only words that count are counted.
type PartnerScore struct {
	Partner PartnerNumber
	// Reports counts different events; Indicators those that the partner reported for the first time in the span, as all
	// that follows to Cleared.
	Reports, Indicators uint64
	// First counts indicators that it was the first partner to report; Led those of them that another reported later, and
	// Lead is the median time to that.
	First, Led uint64
	Lead       time.Duration
	// Shared counts indicators that another partner reported too, whenever.
	Shared uint64
	// Confirmed counts those that an authority lists, or two organisations with evidence that corroborates, and that
	// are not cleared: as of now, as what follows.
	Confirmed uint64
	// Withdrawn counts those that the partner took back, and Cleared those that their holder or an authority cleared.
	Withdrawn, Cleared uint64
	// Actions counts different events that tell what was done; Retracted, Clears, Disputes and Upheld those that withdraw,
	// clear, dispute and uphold.
	Actions, Retracted, Clears, Disputes, Upheld uint64
	// Lookups counts requests, Asked the indicators in them, and Hits those that were suspected or confirmed.
	Lookups, Asked, Hits uint64
}

// Share is a part of its indicators.
func (s *PartnerScore) Share(of uint64) float64 { return share(of, s.Indicators) }

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// PlatformBoard is what one asker is told of platforms.
type PlatformBoard struct {
	// From and To are the beginnings of days in Malaysia; AsOf is when it was counted, and Overdue the policy's age.
	From, To, AsOf time.Time
	Overdue        time.Duration
	Rows           []PlatformRow
	// Peers sums up the platforms that partners of the asker's kind run; nil where fewer than [LeastPeers] do.
	Peers *PlatformPeers
}

// PlatformRow is a platform with the partners that run it, by id.
type PlatformRow struct {
	PlatformScore
	RunBy []string
}

// LeastPeers is how many must be of a kind for one of them to be told of their median.
const LeastPeers = 5

// PlatformPeers are medians over platforms.
type PlatformPeers struct {
	Organisations int
	Share         float64
	Median        time.Duration
}

// PartnerBoard is what one asker is told of partners.
type PartnerBoard struct {
	From, To, AsOf time.Time
	Rows           []PartnerRow
	// Peers are medians over the partners of the asker's kind; nil where there are fewer than [LeastPeers].
	Peers *PartnerPeers
}

// PartnerRow is a partner with its name.
type PartnerRow struct {
	PartnerScore
	ID   string
	Kind PartnerKind
}

// PartnerPeers are medians over partners.
type PartnerPeers struct {
	Partners                           int
	Reports, Indicators, Lookups       uint64
	FirstShare, SharedShare, Confirmed float64
}

// EvidenceQuestion asks for the evidence of a month.
type EvidenceQuestion struct {
	// Month is the beginning of the month in Malaysia.
	Month time.Time
	// Platform confines it to one platform, "" for all.
	Platform string
	// Language is "en" or "ms".
	Language string
	// CSV asks for the numbers alone.
	CSV bool
	// By is the id of the partner that asks: it stands on the page.
	By string
}
