package store_test

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// db is a migrated database with its two ends.
type db struct {
	*store.Writer
	*store.Reader
	*store.Analyst
	store.Config
	engine *devstack.Engine
}

func newDB(t testing.TB) *db { return newDBOn(t, testkit.ClickHouse(t)) }

func newDBOn(t testing.TB, engine *devstack.Engine) *db {
	t.Helper()
	cfg := configOn(t, engine)
	if err := store.Migrate(t.Context(), cfg, schemas.ClickHouse(), quiet); err != nil {
		t.Fatal(err)
	}
	w, err := store.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a, err := store.NewAnalyst(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); r.Close(); a.Close() })
	if err := w.PutPartners(t.Context(), partners); err != nil {
		t.Fatal(err)
	}
	return &db{w, r, a, cfg, engine}
}

// configOn is the way to a new database.
func configOn(t testing.TB, engine *devstack.Engine) store.Config {
	t.Helper()
	return store.Config{
		Addrs: engine.Addrs(), Database: testkit.DatabaseOn(t, engine), User: "default", Cluster: engine.Cluster(),
	}
}

func (d *db) insert(t testing.TB, segments ...fraud.Segment) {
	t.Helper()
	for _, s := range segments {
		if err := d.Insert(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// rows is the table that rows are kept in, on each shard its own.
func (d *db) rows(table string) string {
	if d.Cluster != "" {
		table += "_local"
	}
	return d.Database + "." + table
}

// everywhere runs a statement on every shard, past the store.
func (d *db) everywhere(t testing.TB, sql string) {
	t.Helper()
	for _, shard := range d.engine.Shards() {
		if _, err := shard.Query(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// lose deletes rows of a table.
func (d *db) lose(t testing.TB, table, rows string) {
	t.Helper()
	d.everywhere(t, "ALTER TABLE "+d.rows(table)+" DELETE WHERE "+rows+" SETTINGS mutations_sync = 2")
}

// query asks the engine past the store.
func (d *db) query(t testing.TB, sql string) string {
	t.Helper()
	out, err := d.engine.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// manyOpinions are more than the network holds between the engine and its client.
func (d *db) manyOpinions(t testing.TB) {
	t.Helper()
	d.query(t, "INSERT INTO "+d.Database+".opinions (digest, partner, type, grade, stance, issued) "+
		"SELECT SHA256(toString(number)), 1, 'phone', 'exact', 'listed', 1 FROM numbers(400000) "+
		"SETTINGS distributed_foreground_insert = 1")
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// noon is when the tests' messages are appended.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// partners are a bank, an e-wallet, a platform, a telco, a police force and a second bank, from number 1.
var partners = []fraud.Partner{
	{Number: 1, ID: "alpha", Kind: fraud.Bank, Organisation: "alpha"},
	{Number: 2, ID: "purse", Kind: fraud.EWallet, Organisation: "purse"},
	{Number: 3, ID: "agora", Kind: fraud.Platform, Organisation: "agora"},
	{Number: 4, ID: "ringer", Kind: fraud.Telco, Organisation: "ringer"},
	{Number: 5, ID: "force", Kind: fraud.Police, Organisation: "force"},
	{Number: 6, ID: "beta", Kind: fraud.Bank, Organisation: "beta"},
}

// maker makes events at random.
type maker struct{ *rand.Rand }

func (m maker) digest() (d indicator.Digest) {
	for i := range d {
		d[i] = byte(m.Uint32())
	}
	return d
}

// id is a UUID of version 7.
func (m maker) id(at time.Time) (id uuid.UUID) {
	ms := at.UnixMilli()
	for i := range id {
		id[i] = byte(m.Uint32())
	}
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// entry is a random event as ingest would hand it over, at no position yet.
func (m maker) entry(issued time.Time) fraud.Entry {
	kind := fraud.Report
	if m.IntN(4) == 0 {
		kind = fraud.Kind(1 + m.IntN(6))
	}
	e := fraud.Entry{
		Appended: issued.Add(time.Second), Partner: fraud.PartnerNumber(1 + m.IntN(len(partners))),
		Category: fraud.Code(1 + m.IntN(5)), Region: fraud.Code(m.IntN(3)), Platform: fraud.Code(m.IntN(3)),
		Institution: fraud.Code(m.IntN(4)),
		Event: fraud.Event{
			ID: m.id(issued), Kind: kind, IssuedAt: issued.Truncate(time.Millisecond),
			Indicator: fraud.Ref{Type: indicator.Type(1 + m.IntN(8)), Epoch: 1, Digest: m.digest()},
			Evidence:  fraud.Evidence(m.IntN(64)), TLP: fraud.TLP(m.IntN(6)), Advice: fraud.Advice(m.IntN(5)),
			Role: fraud.Role(m.IntN(6)), LossBand: fraud.LossBand(m.IntN(7)), Case: "case-1",
		},
	}
	switch kind {
	case fraud.Report:
		e.Event.Confidence = uint8(1 + m.IntN(100))
	case fraud.ActionTaken:
		e.Event.Action = fraud.Action(1 + m.IntN(6))
	}
	if m.IntN(3) == 0 {
		e.Event.Indicator.Also = []fraud.Also{{Grade: indicator.Weak, Digest: m.digest()}}
	}
	if m.IntN(5) == 0 {
		e.Event.ExpiresAt = issued.Add(time.Duration(m.IntN(1000)) * time.Hour).Truncate(time.Second)
	}
	e.SignedBy, e.Group = fraud.KeyNumber(m.IntN(16)), fraud.Group(m.IntN(128))
	e.Held = m.IntN(4) == 0
	speak(&e)
	return e
}

// at puts an event at a position. Its append time is a function of the offset, as in Kafka.
func at(e fraud.Entry, partition int32, offset int64, index uint16) fraud.Entry {
	e.Position = fraud.Position{Partition: partition, Offset: offset, Index: index}
	return e
}

// messages puts one event into each message, from an offset on.
func messages(partition int32, first int64, entries []fraud.Entry) fraud.Segment {
	s := fraud.Segment{Partition: partition, First: first, Last: first + int64(len(entries)) - 1}
	for i, e := range entries {
		s.Entries = append(s.Entries, at(e, partition, first+int64(i), 0))
	}
	return s
}

// speak makes the opinions of an entry, as ingest does.
func speak(e *fraud.Entry) {
	e.Opinions = e.Event.Opinions(e.Partner, e.Category, fraud.Provenance{
		Accepted: fraud.SecondsOf(e.Appended), Held: e.Held, SignedBy: e.SignedBy, Group: e.Group})
}
