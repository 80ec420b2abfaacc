package ingest_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/changes"
	"github.com/waspada-hub/waspada/internal/ingest"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// patience is for machines that do much else at the same time.
const patience = 90 * time.Second

// hub is everything that ingest needs, with a bank that sends.
type hub struct {
	t         testing.TB
	cluster   topic.Cluster
	cfg       ingest.Config
	changes   string
	ring      *indicator.KeyRing
	signer    *wire.Signer
	bank      *publisher.Publisher
	ledger    *ledger
	protected *fraud.Protected
	reg       registry
	log       *slog.Logger
}

func newHub(t testing.TB, partitions int) *hub { return newHubOn(t, testkit.Kafka(t), partitions) }

func newHubOn(t testing.TB, broker string, partitions int) *hub {
	t.Helper()
	h := &hub{
		t: t, cluster: topic.Cluster{Brokers: []string{broker}}, ledger: newLedger(),
		log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	h.cfg = ingest.DefaultConfiguration()
	h.cfg.Cluster = h.cluster
	h.cfg.Topic = testkit.TopicOn(t, broker, partitions)
	h.cfg.DeadLetters = testkit.TopicOn(t, broker, 2)
	h.changes = testkit.TopicOn(t, broker, partitions)
	h.cfg.Group = "ingest-" + h.cfg.Topic
	h.cfg.SegmentAge = 50 * time.Millisecond
	h.cfg.HeartbeatInterval = 100 * time.Millisecond
	h.cfg.SessionTimeout = 6 * time.Second
	h.cfg.RebalanceTimeout = 6 * time.Second

	var err error
	if h.ring, err = indicator.NewKeyRing(make([]byte, 32), []byte("a second epoch has a key of its own")); err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.reg = registry{
		key: fraud.SigningKey{ID: "bank-1", Public: public, Partner: 7},
		partner: fraud.Partner{Number: 7, ID: "bank", Kind: fraud.Bank, Organisation: "bank", Weight: 1,
			State: fraud.Active},
	}
	h.signer = &wire.Signer{KeyID: "bank-1", Key: private}
	h.bank = publisher.New(publisher.Config{Brokers: []string{broker}, Topic: h.cfg.Topic}, h.signer, "bank")
	t.Cleanup(func() { h.bank.Close() })
	return h
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

type registry struct {
	key     fraud.SigningKey
	partner fraud.Partner
}

func (r registry) SigningKey(id string) (fraud.SigningKey, bool) { return r.key, id == r.key.ID }
func (r registry) Partner(n fraud.PartnerNumber) (*fraud.Partner, bool) {
	return &r.partner, n == r.partner.Number
}
func (r registry) PartnerByID(id string) (*fraud.Partner, bool) {
	return &r.partner, id == r.partner.ID
}

var taxonomy = func() *fraud.Taxonomy {
	one := func(name string) *fstest.MapFile {
		const vocabulary = `{"version":"1","source":"test","terms":[{"code":5,"name":%q,"title":{}}]}`
		return &fstest.MapFile{Data: fmt.Appendf(nil, vocabulary, name)}
	}
	t, err := fraud.LoadTaxonomy(fstest.MapFS{
		"category.json": one("telecommunication"), "platform.json": one("shop"), "institution.json": one("maybank"),
		"region.json": one("MY-14"), "group.json": one("payments"),
		"reason.json": one("court_order"), "investigator.json": one("mule_recruited"),
	})
	if err != nil {
		panic(err)
	}
	return t
}()

// announcer is the change log with a fault that a test may inject.
type announcer struct {
	ingest.Announcer
	before func() error
}

func (a announcer) Append(ctx context.Context, opinions []fraud.Opinion) error {
	if a.before != nil {
		if err := a.before(); err != nil {
			return err
		}
	}
	return a.Announcer.Append(ctx, opinions)
}

// member is an ingest that runs.
type member struct {
	*ingest.Ingest
	cancel context.CancelFunc
	done   chan error
	reg    *prometheus.Registry
}

// stop ends it as on SIGTERM and returns what Run returned.
func (m *member) stop() error {
	m.cancel()
	return <-m.done
}

// counter reads a metric without labels.
func (m *member) counter(name string) int {
	families, err := m.reg.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return -1
}

func (h *hub) start() *member { return h.startWith(nil) }

func (h *hub) startWith(beforeAppend func() error) *member { return h.startOn(h.ledger, beforeAppend) }

func (h *hub) startOn(ledger ingest.Ledger, beforeAppend func() error) *member {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{cancel: cancel, done: make(chan error, 1), reg: prometheus.NewRegistry()}
	log := changes.NewLog(h.cluster, h.changes, h.log)
	screen := &fraud.Screen{Keys: h.ring, Taxonomy: taxonomy, Protected: h.protected}
	in := ingest.New(h.cfg, &wire.Verifier{Registry: h.reg}, screen,
		announcer{log, beforeAppend}, ledger, m.reg, h.log)
	m.Ingest = in
	go func() {
		m.done <- in.Run(ctx)
		log.Close()
		close(m.done)
	}()
	h.t.Cleanup(func() { _ = m.stop() })
	return m
}

// report makes one valid report of an indicator that no other test value shares.
func (h *hub) report(n int) fraud.Event {
	id, err := uuid.NewV7()
	if err != nil {
		h.t.Fatal(err)
	}
	return fraud.Event{
		ID: id, Kind: fraud.Report, IssuedAt: time.Now().UTC().Truncate(time.Millisecond),
		Indicator: fraud.Ref{Type: indicator.BankAccount, Epoch: 2,
			Digest: h.ring.Digest(indicator.BankAccount, fmt.Sprintf("MBBEMYKL:%d", n))},
		Category: "telecommunication", Confidence: 80, Evidence: fraud.BankSuspected,
	}
}

func (h *hub) reports(n int) []fraud.Event {
	events := make([]fraud.Event, n)
	for i := range events {
		events[i] = h.report(i)
	}
	return events
}

func (h *hub) publish(events ...fraud.Event) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	if err := h.bank.Publish(ctx, events); err != nil {
		h.t.Fatal(err)
	}
}

// send puts a message on the reports topic as it stands, into partition 0.
func (h *hub) send(messages ...kafka.Message) {
	h.t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(h.cluster.Brokers...), Topic: h.cfg.Topic, RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond, BatchBytes: 3 << 20}
	defer w.Close()
	if err := w.WriteMessages(h.t.Context(), messages...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hub) seal(events ...fraud.Event) kafka.Message {
	h.t.Helper()
	id, _ := uuid.NewV7()
	m, err := h.signer.Seal(id, "bank", time.Now(), events)
	if err != nil {
		h.t.Fatal(err)
	}
	out := kafka.Message{Key: m.Key, Value: m.Value}
	for _, header := range m.Headers {
		out.Headers = append(out.Headers, kafka.Header{Key: header.Name, Value: header.Value})
	}
	return out
}

// sealText signs a bundle of one good event whose JSON was edited.
func (h *hub) sealText(edit func(string) string) kafka.Message {
	h.t.Helper()
	m := h.seal(h.report(0))
	m.Value = []byte(edit(string(m.Value)))
	header := func(name string) *[]byte {
		for i := range m.Headers {
			if m.Headers[i].Key == name {
				return &m.Headers[i].Value
			}
		}
		panic(name)
	}
	// What the signature covers stands in the bundle's contract (schemas/asyncapi.v1.yaml).
	var signed []byte
	for _, part := range [][]byte{
		[]byte("waspada/bundle/1"), []byte(wire.DefaultAudience), *header(wire.HeaderID), *header(wire.HeaderSource),
	} {
		signed = append(append(signed, part...), 0)
	}
	signature := ed25519.Sign(h.signer.Key, append(signed, m.Value...))
	*header(wire.HeaderSignature) = []byte(base64.StdEncoding.EncodeToString(signature))
	return m
}

// committed reads what the group has committed, by partition.
func (h *hub) committed() (map[int]int64, error) {
	client := &kafka.Client{Addr: kafka.TCP(h.cluster.Brokers...), Timeout: 5 * time.Second}
	meta, err := h.cluster.Open(h.cfg.Topic).Partitions(h.t.Context())
	if err != nil {
		return nil, err
	}
	partitions := make([]int, meta)
	for i := range partitions {
		partitions[i] = i
	}
	resp, err := client.OffsetFetch(h.t.Context(), &kafka.OffsetFetchRequest{
		GroupID: h.cfg.Group, Topics: map[string][]int{h.cfg.Topic: partitions},
	})
	if err != nil {
		return nil, err
	}
	offsets := map[int]int64{}
	for _, p := range resp.Topics[h.cfg.Topic] {
		offsets[p.Partition] = max(0, p.CommittedOffset)
	}
	return offsets, nil
}

// allCommitted waits until everything on the topic is committed.
func (h *hub) allCommitted() {
	h.t.Helper()
	testkit.Eventually(h.t, patience, func() error {
		ends, err := h.cluster.Open(h.cfg.Topic).Ends(h.t.Context())
		if err != nil {
			return err
		}
		committed, err := h.committed()
		if err != nil {
			return err
		}
		if !maps.Equal(ends, committed) {
			return fmt.Errorf("committed %v, ends %v", committed, ends)
		}
		return nil
	})
}

// opinions reads the whole change log: the standing opinions, and how many messages it holds.
func (h *hub) opinions() (map[fraud.Key]fraud.Opinion, int) {
	h.t.Helper()
	tail := changes.NewTail(h.cluster, h.changes, prometheus.NewRegistry(), h.log)
	ends, err := tail.Ends(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	standing, count, reached := map[fraud.Key]fraud.Opinion{}, 0, map[int]bool{}
	err = tail.Run(ctx, nil, func(partition int, next int64, opinions []fraud.Opinion, _ time.Time) {
		for _, o := range opinions {
			count++
			if old, ok := standing[o.Key()]; !ok || o.Supersedes(&old) {
				standing[o.Key()] = o
			}
		}
		if next >= ends[partition] {
			reached[partition] = true
		}
		if len(reached) == len(ends) {
			cancel()
		}
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(reached) < len(ends) {
		h.t.Fatal("the change log cannot be read to its end")
	}
	return standing, count
}

// ledger is a ledger in memory that a test may break.
type ledger struct {
	mu       sync.Mutex
	events   map[fraud.Position]fraud.Entry
	letters  map[fraud.Position]fraud.DeadLetter
	stored   map[int32]fraud.Stored
	inserts  int
	segments []fraud.Segment
	// before may refuse an insert; it is called without the lock.
	before func(fraud.Segment) error
}

func newLedger() *ledger {
	return &ledger{
		events: map[fraud.Position]fraud.Entry{}, letters: map[fraud.Position]fraud.DeadLetter{},
		stored: map[int32]fraud.Stored{},
	}
}

// forget makes the ledger an empty one.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.events)
	clear(l.letters)
	clear(l.stored)
}

func (l *ledger) setBefore(before func(fraud.Segment) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = before
}

func (l *ledger) Insert(ctx context.Context, s fraud.Segment) error {
	l.mu.Lock()
	before := l.before
	l.inserts++
	l.mu.Unlock()
	if before != nil {
		if err := before(s); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", fraud.ErrUnavailable, ctx.Err())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var last time.Time
	for _, e := range s.Entries {
		l.events[e.Position] = e
		last = e.Appended
	}
	for _, d := range s.DeadLetters {
		l.letters[d.Position] = d
		if d.Appended.After(last) {
			last = d.Appended
		}
	}
	if known := l.stored[s.Partition]; s.Last+1 > known.Next {
		l.stored[s.Partition] = fraud.Stored{Next: s.Last + 1, Appended: last}
	}
	l.segments = append(l.segments, fraud.Segment{Partition: s.Partition, First: s.First, Last: s.Last})
	return nil
}

func (l *ledger) StoredOffset(_ context.Context, partition int32) (fraud.Stored, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stored[partition], nil
}

func (l *ledger) ids() map[uuid.UUID]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := map[uuid.UUID]int{}
	for _, e := range l.events {
		ids[e.Event.ID]++
	}
	return ids
}

// refused counts dead letters by reason.
func (l *ledger) refused() map[fraud.Reason]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	reasons := map[fraud.Reason]int{}
	for _, d := range l.letters {
		reasons[d.Fault.Reason]++
	}
	return reasons
}

// holds says whether everything up to the ends is stored.
func (l *ledger) holds(ends map[int]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for partition, end := range ends {
		if next := l.stored[int32(partition)].Next; next < end {
			return fmt.Errorf("partition %d is stored up to %d of %d", partition, next, end)
		}
	}
	return nil
}

// covered says whether every offset up to the end has a row.
func (l *ledger) covered(ends map[int]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := map[[2]int64]bool{}
	for p := range l.events {
		have[[2]int64{int64(p.Partition), p.Offset}] = true
	}
	for p := range l.letters {
		have[[2]int64{int64(p.Partition), p.Offset}] = true
	}
	for _, partition := range slices.Sorted(maps.Keys(ends)) {
		for offset := range ends[partition] {
			if !have[[2]int64{int64(partition), offset}] {
				return fmt.Errorf("partition %d, offset %d has no row", partition, offset)
			}
		}
	}
	return nil
}

// hasAll checks that each event is stored, that nothing else is, and that its opinion stands on the change log.
func (h *hub) hasAll(events []fraud.Event) {
	h.t.Helper()
	ids := h.ledger.ids()
	standing, _ := h.opinions()
	for _, e := range events {
		if ids[e.ID] == 0 {
			h.t.Fatalf("event %s is not in the ledger", e.ID)
		}
		delete(ids, e.ID)
		if _, ok := standing[fraud.Key{Digest: e.Indicator.Digest, Partner: 7}]; !ok {
			h.t.Fatalf("event %s has no opinion on the change log", e.ID)
		}
	}
	if len(ids) > 0 {
		h.t.Fatalf("%d events in the ledger that nobody sent", len(ids))
	}
	ends, err := h.cluster.Open(h.cfg.Topic).Ends(h.t.Context())
	if err := cmp.Or(err, h.ledger.covered(ends)); err != nil {
		h.t.Fatal(err)
	}
}

var errDown = fmt.Errorf("%w: %w", fraud.ErrUnavailable, errors.Join(io.ErrUnexpectedEOF))
