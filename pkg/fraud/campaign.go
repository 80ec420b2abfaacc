package fraud

import (
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Connector is what indicators may have in common: a hash, which says nothing of it.
type Connector [16]byte

// ConnectorKind is what sort of connector it is, the strongest first.
type ConnectorKind uint8

// The kinds.
const (
	SharedCase   ConnectorKind = 1 // one incident, by the word of one partner
	SharedBundle ConnectorKind = 2 // sent together by one partner, few at a time
	SharedHost   ConnectorKind = 3 // pages of one host
)

var connectorKinds = []string{"", "case", "bundle", "host"}

func (k ConnectorKind) String() string { return name(connectorKinds, k) }

// CampaignID names a campaign: 16 hexadecimal digits.
type CampaignID string

// Valid reports whether id is written like one.
func (id CampaignID) Valid() bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(id) == 16
}

// CampaignLink is what one event says: the indicator has the connector.
type CampaignLink struct {
	Connector Connector
	Kind      ConnectorKind
	Digest    indicator.Digest
	Partner   PartnerNumber
	Event     uuid.UUID
	Type      indicator.Type
	Category  Code
	Loss      LossBand
	IssuedAt  time.Time
	Provenance
}

// Counts reports whether the link is in force as far as it depends on how the event came: see [Partner.Counts].
func (l *CampaignLink) Counts(p *Partner) bool {
	return p.Counts(&Opinion{Version: MakeVersion(l.IssuedAt, Listed, l.Event), Provenance: l.Provenance})
}

// Campaign is a set of indicators that belong to one fraud, with the evidence. One without members has ended.
type Campaign struct {
	ID CampaignID
	// Into is the campaign in which most of the members of one that has ended are; "" for none.
	Into CampaignID
	// Members are in the order of their digests.
	Members []CampaignMember
	Edges   []CampaignEdge
	CampaignSummary
}

// CampaignSummary is what a list tells of a campaign.
type CampaignSummary struct {
	// Size is how many members it has.
	Size int
	// FirstSaid and LastSaid are when the first and the last of the reports that link were issued.
	FirstSaid, LastSaid time.Time
	// Reports counts these, each once, and Partners the independent organisations that they are of.
	Reports, Partners int
	// Types are those of the members, in order.
	Types []indicator.Type
	// Categories are those of the reports, the most frequent first.
	Categories []Code
	// Losses counts reports by [LossBand]; place 0 is without.
	Losses [LossOver1M + 1]int
	// LeftOut is how many connectors would have made it too large.
	LeftOut int
}

// CampaignMember is an indicator of a campaign.
type CampaignMember struct {
	Type   indicator.Type
	Digest indicator.Digest
	// FirstSaid and LastSaid are when the first and the last of the reports that link it were issued.
	FirstSaid, LastSaid time.Time
}

// CampaignEdge is a piece of evidence: what some of the members have in common.
type CampaignEdge struct {
	Kind ConnectorKind
	// Connector is what they have in common.
	Connector Connector
	// Members are their places in the campaign's, in order; two at least.
	Members []int
	// Partners counts the independent organisations that say so.
	Partners int
}

// CampaignQuestion asks for a list of campaigns that go on.
type CampaignQuestion struct {
	// Since leaves out those of which the last report was issued before.
	Since time.Time
	// Type and Category leave out those without; 0 is any.
	Type     indicator.Type
	Category Code
	// MinMembers leaves out smaller ones.
	MinMembers int
	// BySize orders by size instead of the last report.
	BySize bool
	// After is where the list goes on; the zero place is its beginning.
	After CampaignPlace
	Limit int
}

// CampaignPlace is where a list of campaigns stands.
type CampaignPlace struct {
	LastSaid time.Time
	Size     int
	ID       CampaignID
}

// LedgerRange is a part of the ledger: messages of some partitions.
type LedgerRange struct {
	Spans []LedgerSpan
	// Behind is how many messages follow.
	Behind int64
}

// LedgerSpan is the messages [First, Next) of a partition.
type LedgerSpan struct {
	Partition   int32
	First, Next int64
}

// Messages is how many there are.
func (r *LedgerRange) Messages() (n int64) {
	for _, s := range r.Spans {
		n += s.Next - s.First
	}
	return n
}

// CampaignSlices is into how many slices all digests are divided to go through them, of about the same size.
const CampaignSlices = 64

// LookAgain begins the name of a pass over the members of a campaign, whose id follows.
const LookAgain = "again "

// CampaignPass is how far the digests were gone through after something changed.
type CampaignPass struct {
	// Name tells of what: a partner.
	Name string
	// State stands for what it changed to.
	State uint64
	// Slice is the first of the CampaignSlices that is not done.
	Slice   int
	Version uint64
}
