package deadletters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Config says how to replay. Begin with DefaultConfiguration.
type Config struct {
	// By is recorded as who did it.
	By string
	// Again sends also what was sent again before, and Anyway what would be refused again.
	Again, Anyway bool
	// DryRun sends and records nothing.
	DryRun bool
	// Rate is how many messages are sent a second at most.
	Rate int
	// Patience is how long Kafka or the store may not answer before the replay ends.
	Patience time.Duration
}

// DefaultConfiguration has everything but By. The rate leaves most of ingest to partners.
func DefaultConfiguration() Config { return Config{Rate: 200, Patience: 30 * time.Second} }

// Letters finds dead letters.
type Letters interface {
	// LetterPage reads about so many letters, of whole messages, in the order of their places.
	LetterPage(ctx context.Context, q fraud.LetterQuery, after *fraud.Place, letters int) ([]fraud.Letter, error)
}

// Records notes what was sent again.
type Records interface {
	// RecordReplays returns when the notes are durable. They may be written any number of times.
	RecordReplays(ctx context.Context, replays []fraud.Replay) error
}

// Replayer sends messages again.
type Replayer struct {
	cfg     Config
	reports *topic.Topic
	judge   *Judge
	letters Letters
	records Records
	log     *slog.Logger
	pace    pace
}

// New makes a Replayer that connects nothing yet.
func New(cfg Config, reports *topic.Topic, judge *Judge, letters Letters, records Records, log *slog.Logger) *Replayer {
	return &Replayer{cfg, reports, judge, letters, records, log, pace{perSecond: max(1, cfg.Rate)}}
}

const (
	pageLetters = 5_000
	// A batch is one request to Kafka and one insert into the store, and what a crash may leave unrecorded. It is at
	// least as long as the longest bundle, and shorter than what a topic takes (schemas/asyncapi.v1.yaml).
	batchMessages = 100
	batchBytes    = 1 << 20
)

// Choice is which dead letters to replay: those at Targets, or if there are none those of Query. The query's Limit
// counts messages, and its Replayed is Config.Again.
type Choice struct {
	Targets []Target
	Query   fraud.LetterQuery
}

func (c *Choice) query(again bool) fraud.LetterQuery {
	if len(c.Targets) == 0 {
		q := c.Query
		q.Replayed = again
		return q
	}
	q := fraud.LetterQuery{Replayed: true}
	for _, t := range c.Targets {
		q.Places = append(q.Places, t.Place)
	}
	return q
}

// narrow keeps the letters of one message that targets point to.
func (c *Choice) narrow(letters []fraud.Letter) []fraud.Letter {
	return slices.DeleteFunc(slices.Clone(letters), func(l fraud.Letter) bool {
		return !slices.ContainsFunc(c.Targets, func(t Target) bool { return t.Points(&l.DeadLetter) })
	})
}

// Run replays what is chosen, in the order of places, and reports on each message once. It returns an error when Kafka
// or the store fails for longer than the patience, or the context ends: what was reported until then stands, and the
// rest was not touched.
//
// What came after it began is not among the chosen, so that the copies are not.
func (r *Replayer) Run(ctx context.Context, choice Choice, report func(Outcome)) error {
	var from *originals
	if err := r.patiently(ctx, "ask Kafka what it holds", func(ctx context.Context) (err error) {
		from, err = openOriginals(ctx, r.reports)
		return err
	}); err != nil {
		return err
	}
	defer from.close()
	b := batch{report: report}
	query, left := choice.query(r.cfg.Again), choice.Query.Limit
	missing := slices.Clone(choice.Targets)
	var after *fraud.Place
	for number := 1; ; number++ {
		var page []fraud.Letter
		if err := r.patiently(ctx, "read dead letters", func(ctx context.Context) (err error) {
			page, err = r.letters.LetterPage(ctx, query, after, pageLetters)
			return err
		}); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, letters := range byMessage(page) {
			place := letters[0].Place()
			after = &place
			if len(choice.Targets) > 0 {
				letters = choice.narrow(letters)
				missing = slices.DeleteFunc(missing, func(t Target) bool { return t.among(letters) })
			} else if late, err := r.came(ctx, from, place, number); err != nil {
				return err
			} else if late {
				continue
			}
			if len(letters) == 0 {
				continue
			}
			if err := r.consider(ctx, from, letters, &b); err != nil {
				return err
			}
			if left--; left == 0 {
				return r.flush(ctx, &b)
			}
		}
	}
	for _, t := range missing {
		report(Outcome{From: t.Place, Result: NoLetter, Why: "no dead letter is known at " + t.String()})
	}
	return r.flush(ctx, &b)
}

// came is [originals.came], patiently.
func (r *Replayer) came(ctx context.Context, from *originals, place fraud.Place, page int) (late bool, err error) {
	err = r.patiently(ctx, "ask Kafka what it holds", func(ctx context.Context) (err error) {
		late, err = from.came(ctx, place, page)
		return err
	})
	return late, err
}

// byMessage cuts a page, which is in the order of places, into the letters of each message.
func byMessage(page []fraud.Letter) [][]fraud.Letter {
	var all [][]fraud.Letter
	for begin, i := 0, 1; i <= len(page); i++ {
		if i == len(page) || page[i].Place() != page[begin].Place() {
			all = append(all, page[begin:i])
			begin = i
		}
	}
	return all
}

// consider decides about one message, by its chosen dead letters: it is reported, or put into the batch.
func (r *Replayer) consider(ctx context.Context, from *originals, letters []fraud.Letter, b *batch) error {
	first := &letters[0]
	o := Outcome{From: first.Place(), Letters: len(letters)}
	if first.Replays > 0 && !r.cfg.Again {
		o.Result = SentBefore
		o.Why = fmt.Sprintf("%s sent it again at %s: it stands at %s too", first.Last.By, stamp(first.Last.At), first.Last.To)
		b.report(o)
		return nil
	}
	var (
		m   topic.Message
		not *obstacle
	)
	if err := r.patiently(ctx, "read "+r.reports.Name, func(ctx context.Context) (err error) {
		m, not, err = from.read(ctx, &first.DeadLetter)
		return err
	}); err != nil {
		return err
	}
	if not != nil {
		o.Result, o.Why = not.result, not.why
		b.report(o)
		return nil
	}
	if !r.mayPass(&m, letters, &o) {
		b.report(o)
		return nil
	}
	if r.cfg.DryRun {
		o.Result = WouldSend
		b.report(o)
		return nil
	}
	if b.full(&m, o.From.Partition, r.atOnce()) {
		if err := r.flush(ctx, b); err != nil {
			return err
		}
	}
	b.add(m, o)
	return nil
}

// mayPass judges a message and says in the outcome what would become of it.
func (r *Replayer) mayPass(m *topic.Message, letters []fraud.Letter, o *Outcome) bool {
	judged := r.judge.At(m, time.Now())
	o.Accepted, o.Refused = judged.Counts()
	var still *fraud.Fault
	for i := range letters {
		if judged.Heals(&letters[i].DeadLetter) {
			o.Healed++
		} else if still == nil {
			still = judged.fault(&letters[i].DeadLetter)
		}
	}
	if still != nil {
		o.Reason, o.Why = still.Reason, still.Error()
	}
	if o.Healed == 0 && !r.cfg.Anyway {
		o.Result = RefusedAgain
		return false
	}
	if fault := r.judge.KeyFault(m); fault != nil {
		o.Result, o.Reason = KeyNotGood, fault.Reason
		o.Why = "when it first came, by today's registry: " + fault.Hint
		return false
	}
	return true
}

// atOnce is how many messages are sent at once: no more than in a quarter of a second.
func (r *Replayer) atOnce() int { return min(max(1, r.cfg.Rate/4), batchMessages) }

// flush sends what is in the batch, records it and reports on it. Once sending has begun, the end of the context is
// heeded between attempts only: what Kafka has acknowledged shall be recorded.
func (r *Replayer) flush(ctx context.Context, b *batch) error {
	if len(b.outcomes) == 0 {
		return nil
	}
	defer b.clear()
	if !r.pace.wait(ctx, len(b.outcomes)) {
		return context.Cause(ctx)
	}
	partition := int(b.outcomes[0].From.Partition)
	var first int64
	err := r.patiently(ctx, "write to "+r.reports.Name, func(ctx context.Context) (err error) {
		first, err = r.reports.Put(context.WithoutCancel(ctx), partition, b.messages...)
		return err
	})
	if errors.Is(err, topic.ErrTooLarge) {
		return r.oneByOne(ctx, b)
	}
	if err != nil {
		for _, o := range b.outcomes {
			o.Result = NotKnown
			o.Why = "Kafka did not acknowledge it. It may have it: to send it again does no harm"
			b.report(o)
		}
		return err
	}
	now := time.Now().UTC()
	replays := make([]fraud.Replay, len(b.outcomes))
	for i := range b.outcomes {
		o := &b.outcomes[i]
		o.Result, o.To = Sent, fraud.Place{Partition: o.From.Partition, Offset: first + int64(i)}
		replays[i] = fraud.Replay{From: o.From, To: o.To, At: now, By: r.cfg.By}
	}
	err = r.patiently(ctx, "record what was sent", func(ctx context.Context) error {
		return r.records.RecordReplays(context.WithoutCancel(ctx), replays)
	})
	for _, o := range b.outcomes {
		o.Unrecorded = err != nil
		b.report(o)
	}
	if err != nil {
		return fmt.Errorf("%d messages were sent and are not recorded: %w", len(replays), err)
	}
	return nil
}

// oneByOne finds out which messages of a batch are larger than the topic takes.
func (r *Replayer) oneByOne(ctx context.Context, b *batch) error {
	if len(b.outcomes) == 1 {
		o := b.outcomes[0]
		o.Result = TooLarge
		o.Why = "the topic takes no message of this length: see its max.message.bytes"
		b.report(o)
		return nil
	}
	for i := range b.outcomes {
		one := batch{report: b.report, messages: b.messages[i : i+1], outcomes: b.outcomes[i : i+1]}
		if err := r.flush(ctx, &one); err != nil {
			return err
		}
	}
	return nil
}

// patiently repeats what may pass until it works or the patience is over. It ends with the context too.
func (r *Replayer) patiently(ctx context.Context, what string, do func(context.Context) error) error {
	begin := time.Now()
	var pause topic.Pause
	for {
		err := do(ctx)
		if err == nil || !topic.Passing(err) {
			return err
		}
		if time.Since(begin) >= r.cfg.Patience || !pause.Wait(ctx) {
			return fmt.Errorf("%s: given up after %s: %w", what, time.Since(begin).Round(time.Second), err)
		}
		r.log.Warn("waiting to "+what, "error", err)
	}
}

// batch is what is sent to one partition at once.
type batch struct {
	report   func(Outcome)
	messages []topic.Outgoing
	outcomes []Outcome
	bytes    int
}

// full reports whether a message has to wait for the next batch.
func (b *batch) full(m *topic.Message, partition int32, most int) bool {
	return len(b.outcomes) > 0 &&
		(len(b.outcomes) >= most || b.bytes+length(m) > batchBytes || b.outcomes[0].From.Partition != partition)
}

func (b *batch) add(m topic.Message, o Outcome) {
	b.messages = append(b.messages, topic.Outgoing{Key: m.Key, Value: m.Value, Headers: m.Headers})
	b.outcomes = append(b.outcomes, o)
	b.bytes += length(&m)
}

func (b *batch) clear() { b.messages, b.outcomes, b.bytes = nil, nil, 0 }

// length is about how much room a message takes in a batch.
func length(m *topic.Message) int {
	n := 32 + len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += 8 + len(h.Name) + len(h.Value)
	}
	return n
}
