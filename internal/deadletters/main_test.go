package deadletters_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
	"github.com/waspada-hub/waspada/schemas"
)

func TestMain(m *testing.M) { hubtest.Main(m) }

// patience is for machines that do much else at the same time.
const patience = 60 * time.Second

// hub is a reports topic, the real ingest on it, and a bank that signs.
type hub struct {
	*book
	t        testing.TB
	cluster  topic.Cluster
	reports  *topic.Topic
	ring     *indicator.KeyRing
	registry *registry
	screen   *fraud.Screen
	signer   *wire.Signer
	stop     func() // ends ingest; nil while it does not run
}

func newHub(t testing.TB) *hub { return newHubOn(t, testkit.Kafka(t)) }

func newHubOn(t testing.TB, broker string) *hub {
	t.Helper()
	ring, err := indicator.NewKeyRing(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{
		book: newBook(), t: t, cluster: topic.Cluster{Brokers: []string{broker}, ClientID: "test"}, ring: ring,
		signer: &wire.Signer{KeyID: "bank-1", Key: private}, screen: &fraud.Screen{Keys: ring, Taxonomy: taxonomy},
		registry: &registry{
			key: fraud.SigningKey{ID: "bank-1", Public: public, Partner: 7},
			partner: fraud.Partner{
				Number: 7, ID: "bank", Kind: fraud.Bank, Organisation: "bank", Weight: 1, State: fraud.Active,
			},
		},
	}
	h.reports = h.cluster.Open(testkit.TopicOn(t, broker, 2))
	return h
}

// ingest waits until all that is on the topic is stored by ingest, which runs from the first time on.
func (h *hub) ingest() {
	h.t.Helper()
	if h.stop == nil {
		h.startIngest()
	}
	ends, err := h.reports.Ends(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	testkit.Eventually(h.t, patience, func() error {
		for p, end := range ends {
			if s, _ := h.StoredOffset(h.t.Context(), int32(p)); s.Next < end {
				return fmt.Errorf("partition %d is stored up to %d of %d", p, s.Next, end)
			}
		}
		return nil
	})
}

func (h *hub) startIngest() {
	h.t.Helper()
	cfg := ingest.DefaultConfiguration()
	cfg.Cluster, cfg.Topic, cfg.Group = h.cluster, h.reports.Name, "ingest-"+h.reports.Name
	cfg.DeadLetters = testkit.TopicOn(h.t, h.cluster.Brokers[0], 1)
	cfg.SegmentAge, cfg.HeartbeatInterval = 10*time.Millisecond, 100*time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	in := ingest.New(cfg, h.judge().Opener, h.screen, silent{}, h.book, prometheus.NewRegistry(), quiet)
	go func() { done <- in.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(h.stop)
}

// rest stops ingest until it is needed again.
func (h *hub) rest() {
	h.stop()
	h.stop = nil
}

var quiet = slog.New(slog.DiscardHandler)

type silent struct{}

func (silent) Append(context.Context, []fraud.Opinion) error { return nil }

func (h *hub) judge() *deadletters.Judge {
	return &deadletters.Judge{Opener: &wire.Verifier{Registry: h.registry}, Screen: h.screen}
}

// replay runs a replay by aminah and returns what became of each message.
func (h *hub) replay(choice deadletters.Choice, set func(*deadletters.Config)) ([]deadletters.Outcome, error) {
	return h.replayWith(h.t.Context(), choice, h.book, set)
}

func (h *hub) replayWith(
	ctx context.Context, choice deadletters.Choice, records deadletters.Records, set func(*deadletters.Config),
) (told []deadletters.Outcome, err error) {
	h.t.Helper()
	cfg := deadletters.DefaultConfiguration()
	cfg.By, cfg.Rate = "aminah", 1000
	if set != nil {
		set(&cfg)
	}
	err = deadletters.New(cfg, h.reports, h.judge(), h.book, records, quiet).Run(ctx, choice,
		func(o deadletters.Outcome) { told = append(told, o) })
	return told, err
}

// outcomes checks what became of each message, without what people read.
func (h *hub) outcomes(got []deadletters.Outcome, err error, want ...deadletters.Outcome) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range got {
		got[i].Why = ""
	}
	if !slices.Equal(got, want) {
		h.t.Fatalf("outcomes:\n got %+v\nwant %+v", got, want)
	}
}

// put puts messages into a partition as they are.
func (h *hub) put(partition int, messages ...wire.Message) (first fraud.Place) {
	h.t.Helper()
	var all []topic.Outgoing
	for _, m := range messages {
		out := topic.Outgoing{Key: m.Key, Value: m.Value}
		for _, header := range m.Headers {
			out.Headers = append(out.Headers, topic.Header{Name: header.Name, Value: header.Value})
		}
		all = append(all, out)
	}
	return place(int32(partition), putAll(h.t, h.reports, partition, all...))
}

// putAll puts messages as soon as the partition has its leader.
func putAll(t testing.TB, to *topic.Topic, partition int, all ...topic.Outgoing) (first int64) {
	t.Helper()
	testkit.Eventually(t, patience, func() (err error) {
		first, err = to.Put(t.Context(), partition, all...)
		return err
	})
	return first
}

func (h *hub) seal(events ...fraud.Event) wire.Message {
	h.t.Helper()
	m, err := h.signer.Seal(uuid.Must(uuid.NewV7()), "bank", time.Now(), events)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// report is a valid report of an indicator that no other report shares.
func (h *hub) report() fraud.Event {
	id := uuid.Must(uuid.NewV7())
	return fraud.Event{
		ID: id, Kind: fraud.Report, IssuedAt: time.Now().UTC().Truncate(time.Millisecond),
		Indicator: fraud.Ref{
			Type: indicator.BankAccount, Epoch: 1, Digest: h.ring.Digest(indicator.BankAccount, id.String()),
		},
		Category: "loan", Confidence: 80, Evidence: fraud.BankSuspected,
	}
}

// clear is what only a telco or an authority may say, not a bank.
func (h *hub) clear() fraud.Event {
	e := h.report()
	return fraud.Event{
		ID: e.ID, Kind: fraud.Clear, IssuedAt: e.IssuedAt,
		Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1, Digest: e.Indicator.Digest},
	}
}

// size of the whole topic.
func (h *hub) messages() (n int64) {
	h.t.Helper()
	ends, err := h.reports.Ends(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, end := range ends {
		n += end
	}
	return n
}

func place(partition int32, offset int64) fraud.Place {
	return fraud.Place{Partition: partition, Offset: offset}
}

func at(places ...fraud.Place) deadletters.Choice {
	var choice deadletters.Choice
	for _, p := range places {
		choice.Targets = append(choice.Targets, deadletters.Target{Place: p, Index: -1})
	}
	return choice
}

// every is the choice of all that is outstanding.
var every = deadletters.Choice{}

// registry knows one key and one partner, and may be edited.
type registry struct {
	mu      sync.Mutex
	key     fraud.SigningKey
	partner fraud.Partner
}

func (r *registry) edit(change func(*registry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *registry) SigningKey(id string) (fraud.SigningKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.key, id == r.key.ID
}

func (r *registry) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.partner
	return &p, n == p.Number
}

func (r *registry) PartnerByID(id string) (*fraud.Partner, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.partner
	return &p, id == p.ID
}

// book is a store in memory.
type book struct {
	mu      sync.Mutex
	events  map[fraud.Position]uuid.UUID
	letters map[fraud.Position]fraud.DeadLetter
	stored  map[int32]fraud.Stored
	replays []fraud.Replay
}

func newBook() *book {
	return &book{
		events: map[fraud.Position]uuid.UUID{}, letters: map[fraud.Position]fraud.DeadLetter{},
		stored: map[int32]fraud.Stored{},
	}
}

func (b *book) Insert(_ context.Context, s fraud.Segment) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range s.Entries {
		b.events[e.Position] = e.Event.ID
	}
	for _, l := range s.DeadLetters {
		b.letters[l.Position] = l
	}
	b.stored[s.Partition] = fraud.Stored{Next: s.Last + 1}
	return nil
}

func (b *book) StoredOffset(_ context.Context, partition int32) (fraud.Stored, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stored[partition], nil
}

// LetterPage gives one message at a time, so that replays of several turn pages.
func (b *book) LetterPage(_ context.Context, q fraud.LetterQuery, after *fraud.Place, _ int) (
	page []fraud.Letter, err error,
) {
	for _, l := range b.known() {
		switch {
		case after != nil && !after.Before(l.Place()),
			l.Replays > 0 && !q.Replayed,
			len(q.Places) > 0 && !slices.Contains(q.Places, l.Place()),
			len(q.Reasons) > 0 && !slices.Contains(q.Reasons, l.Fault.Reason):
		case len(page) > 0 && page[0].Place() != l.Place():
			return page, nil
		default:
			page = append(page, l)
		}
	}
	return page, nil
}

// known are all dead letters, in order.
func (b *book) known() (all []fraud.Letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.letters {
		letter := fraud.Letter{DeadLetter: l}
		for _, r := range b.replays {
			if r.From == l.Place() {
				letter.Replays++
				letter.Last = r
			}
		}
		all = append(all, letter)
	}
	slices.SortFunc(all, func(a, b fraud.Letter) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Index, b.Index))
	})
	return all
}

func (b *book) RecordReplays(_ context.Context, replays []fraud.Replay) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replays = append(b.replays, replays...)
	return nil
}

// outstanding are the reasons of the dead letters that are, by position.
func (b *book) outstanding() map[string]fraud.Reason {
	all := map[string]fraud.Reason{}
	for _, l := range b.known() {
		if l.Replays == 0 {
			all[deadletters.PositionOf(&l.DeadLetter)] = l.Fault.Reason
		}
	}
	return all
}

// counted is how many rows and different events were accepted.
func (b *book) counted() (rows, events int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := map[uuid.UUID]bool{}
	for _, id := range b.events {
		ids[id] = true
	}
	return len(b.events), len(ids)
}

func (b *book) recorded() []fraud.Replay {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.replays)
	for i := range all {
		all[i].At = time.Time{}
	}
	return all
}

func parseID(text string) uuid.UUID { return uuid.MustParse(text) }
