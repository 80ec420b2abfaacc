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
	// IndicatorCount counts the different indicators that events are about. Where more than a hundred thousand events are
	// in question, it is estimated to about two per cent of windows, of days and weeks of which something was said in the
	// last hour, and by kinds of partners that were others then.
	IndicatorCount Metric = 3
	// ReporterCount counts the different organisations that events come from.
	ReporterCount Metric = 4
	// LossSum sums up, in ringgit, what was lost at least: the lower bounds of the bands of reports, those too that were
	// withdrawn later. Reports of several indicators of one incident count each.
	LossSum Metric = 5
)

var metrics = []string{"", "events", "reports", "indicators", "reporters", "losses"}

// Distinct reports whether the values of two buckets cannot be added up.
func (m Metric) Distinct() bool { return m == IndicatorCount || m == ReporterCount }

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
	ByPlatform    Dimension = 5
	ByInstitution Dimension = 6
	ByRegion      Dimension = 7
	ByLossBand    Dimension = 8
)

var dimensions = []string{"", "type", "category", "partner_kind", "kind", "platform", "institution", "region", "loss_band"}

// Dimensions lists them all.
func Dimensions() []Dimension {
	return []Dimension{ByType, ByCategory, ByPartnerKind, ByKind, ByPlatform, ByInstitution, ByRegion, ByLossBand}
}

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
	// Window is all of the time asked about, in one bucket of whole days.
	Window Bucket = 4
	// Span is the same of whole hours.
	Span Bucket = 5
)

var buckets = []string{"", "hour", "day", "week"} // what follows is for the hub itself

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
	// Across splits each line once more; 0 does not.
	Across Dimension
	Bucket Bucket
	// Only narrows to events of one of the named values in each of its dimensions; "" is none.
	Only map[Dimension][]string
	// From is included and To is not. Both are the beginnings of buckets.
	From, To time.Time
	// Asker is who asks: only what it may see is counted. Nil sees what everyone may.
	Asker *Partner
}

// Series is what one key of the dimension counts over time, in the order of time.
type Series struct {
	// Key is a value of the dimension by name; "" where events have none.
	Key string
	// Across is that of the second dimension.
	Across string
	Points []Point
}

// Point is the count of one bucket.
type Point struct {
	// At is the beginning of the bucket.
	At    time.Time
	Value uint64
	// Behind is how many events, or different things, the value is of: the value itself, but for losses.
	Behind uint64
	// Suppressed says that the value is not told, as it is of too few.
	Suppressed bool
}

// TopQuestion asks what moved: one span of time against another before it.
type TopQuestion struct {
	Metric Metric
	By     Dimension
	Only   map[Dimension][]string
	// From (included) and To (not included) bound the time asked about, and BaselineFrom and BaselineTo what it is held
	// against. All are beginnings of days.
	From, To, BaselineFrom, BaselineTo time.Time
	Limit                              int
	Asker                              *Partner
}

// Mover is one key and how it moved.
type Mover struct {
	Key string
	// Value is of the time asked about and Baseline of the time that it is held against.
	Value, Baseline uint64
	// Expected is the baseline, brought to the length of the time asked about.
	Expected float64
	// Change is Value less Expected, and Ratio how many times Expected it is; 0 where nothing was expected.
	Change, Ratio float64
	// Suppressed says that Value or Baseline is of too few to be told; all numbers are then 0.
	Suppressed bool
}

// EmergingQuestion asks which series of reports rise.
type EmergingQuestion struct {
	By Dimension
	// Across splits each line once more; 0 does not.
	Across Dimension
	Asker  *Partner
}

// Emerging is what rises, and how it was looked for.
type Emerging struct {
	// AsOf is the end of the windows: the last whole hour.
	AsOf time.Time
	// Watched is how many series were looked at.
	Watched int
	// FalseDiscoveries bounds the share of alarms that are chance; AtLeast and Ratio are the least count and multiple.
	FalseDiscoveries float64
	AtLeast          uint64
	Ratio            float64
	BaselineDays     int
	Alarms           []Alarm
}

// Alarm is a series that rises, with the numbers behind it.
type Alarm struct {
	Key, Across string
	// Window is the span before AsOf in which Observed were counted and Expected were to be.
	Window   time.Duration
	Observed uint64
	Expected float64
	Ratio    float64
	// Chance is the probability of as many or more, were nothing new.
	Chance float64
	// RisingFor is since when, in whole hours.
	RisingFor time.Duration
	// Reporters is how many organisations reported in the window; 0 where that is not told, as they are too few.
	Reporters uint64
	// OneReporter marks an alarm of a single organisation: a campaign, or its own change of habits.
	OneReporter bool
	// Reason says it in English.
	Reason string
}
