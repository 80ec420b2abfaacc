package fraud

import "time"

// Metric is what a series counts.
type Metric uint8

// The metrics.
const (
	// EventCount counts verified events of every kind by the time at which they were issued, each once however often
	// it was sent.
	EventCount Metric = 1
	// ReportCount counts those of kind report.
	ReportCount Metric = 2
)

var metrics = []string{"", "events", "reports"}

func (m Metric) String() string               { return name(metrics, m) }
func (m Metric) MarshalText() ([]byte, error) { return text("metric", metrics, m) }
func (m *Metric) UnmarshalText(b []byte) (err error) {
	*m, err = parse[Metric]("metric", metrics, string(b))
	return err
}

// Dimension is what a series is split by.
type Dimension uint8

// The dimensions.
const (
	ByType        Dimension = 1
	ByCategory    Dimension = 2
	ByPartnerKind Dimension = 3
	ByKind        Dimension = 4
)

var dimensions = []string{"", "type", "category", "partner_kind", "kind"}

func (d Dimension) String() string               { return name(dimensions, d) }
func (d Dimension) MarshalText() ([]byte, error) { return text("dimension", dimensions, d) }
func (d *Dimension) UnmarshalText(b []byte) (err error) {
	*d, err = parse[Dimension]("dimension", dimensions, string(b))
	return err
}

// Bucket is the span of one point of a series.
type Bucket uint8

// The buckets; days and weeks are those of Malaysia, and a week begins on Monday.
const (
	Hourly Bucket = 1
	Daily  Bucket = 2
	Weekly Bucket = 3
)

var buckets = []string{"", "hour", "day", "week"}

func (b Bucket) String() string               { return name(buckets, b) }
func (b Bucket) MarshalText() ([]byte, error) { return text("bucket", buckets, b) }
func (b *Bucket) UnmarshalText(t []byte) (err error) {
	*b, err = parse[Bucket]("bucket", buckets, string(t))
	return err
}

// SeriesQuestion asks for counts over time.
type SeriesQuestion struct {
	Metric Metric
	By     Dimension
	Bucket Bucket
	// From is included and To is not. Both are the beginnings of buckets.
	From, To time.Time
	// Asker is who asks: only what it may see is counted. Nil sees what everyone may.
	Asker *Partner
}

// Series is what one key of the dimension counts over time, in the order of time.
type Series struct {
	// Key is a type, a category or a kind of partner by name; "" where events have none.
	Key    string
	Points []Point
}

// Point is the count of one bucket.
type Point struct {
	// At is the beginning of the bucket.
	At    time.Time
	Value uint64
}
