package benchmarks

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/campaigns"
	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// BenchmarkCampaigns brings campaigns up to date from nothing with a ledger of a million events, in the long form ten,
// of which a third say a case of five indicators and one in twenty a host; and then again and again with what thirty
// seconds bring at 1,000 events a second. It asks for a list and for one campaign.
func BenchmarkCampaigns(b *testing.B) {
	total := 1_000_000
	if testkit.Long() {
		total = 10_000_000
	}
	const fresh = 30_000
	engine := testkit.ClickHouse(b)
	cfg := store.Config{Addrs: engine.Addrs(), Database: testkit.DatabaseOn(b, engine), User: "default"}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := store.Migrate(b.Context(), cfg, schemas.ClickHouse(), log); err != nil {
		b.Fatal(err)
	}
	writer, err := store.NewWriter(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer writer.Close()
	reader, err := store.NewReader(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	say := func(from, to int) {
		b.Helper()
		for at := from; at < to; at += 1_000_000 {
			for _, query := range eventsAsSQL(at, min(to, at+1_000_000)) {
				ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
				if _, err := engine.Query(ctx, "INSERT INTO "+cfg.Database+"."+query); err != nil {
					b.Fatal(err)
				}
				cancel()
			}
		}
	}
	var partners []fraud.Partner
	for n := range 8 {
		partners = append(partners, fraud.Partner{Number: fraud.PartnerNumber(n + 1), ID: fmt.Sprint("p", n+1),
			Kind: fraud.Bank, State: fraud.Active})
	}
	policy := fraud.DefaultPolicy()
	policy.Partners = func(n fraud.PartnerNumber) (*fraud.Partner, bool) {
		if n < 1 || int(n) > len(partners) {
			return nil, false
		}
		return &partners[n-1], true
	}
	keeper := campaigns.NewKeeper(writer, &policy, func() []fraud.Partner { return partners }, campaigns.DefaultLimits(), time.Now,
		time.Second, nil, log)
	catchUp := func() time.Duration {
		b.Helper()
		began := time.Now()
		for more := true; more; {
			if more, err = keeper.Step(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	say(0, total)
	took := catchUp()
	anew := float64(total) / took.Seconds()
	var steps, lists, shows time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		say(total, total+fresh)
		total += fresh
		b.StartTimer()
		steps += catchUp()
		began := time.Now()
		found, err := reader.Campaigns(b.Context(), fraud.CampaignQuestion{Limit: 50})
		if err != nil || len(found) != 50 {
			b.Fatal(len(found), err)
		}
		lists += time.Since(began)
		began = time.Now()
		if _, ok, err := reader.Campaign(b.Context(), found[0].ID); err != nil || !ok {
			b.Fatal(ok, err)
		}
		shows += time.Since(began)
		n++
	}
	b.ReportMetric(anew, "events/s-anew")
	b.ReportMetric(steps.Seconds()*1000/float64(n), "step-ms")
	b.ReportMetric(lists.Seconds()*1000/float64(n), "list-ms")
	b.ReportMetric(shows.Seconds()*1000/float64(n), "show-ms")
	b.ReportMetric(0, "ns/op")
}

// eventsAsSQL are the statements that store events from..to as ingest would: one to a message, over four partitions.
// The same number is always the same event.
func eventsAsSQL(from, to int) []string {
	// One in ten speaks of an indicator that another spoke of before.
	const common = `
		if(number %% 10 = 9, cityHash64(number) %% (number + 1), number) AS about,
		toFixedString(concat(reinterpretAsFixedString(sipHash128(about)), reinterpretAsFixedString(sipHash128(about, 1))), 32) AS d,
		toUInt16(1 + intDiv(number, 16) %% 8) AS who,
		if(about %% 20 = 0, 4, 1 + about %% 3) AS what,
		toUnixTimestamp(now()) * 1000 - 3600000 AS ms
		FROM numbers(%d, %d)`
	with := fmt.Sprintf(common, from, to-from)
	queries := []string{
		`opinions (digest, partner, origin, sighted, type, grade, stance, category, evidence, confidence, advice, tlp, expires_at,
			issued, tie, provenance)
		SELECT d, who, 0, 0, what, 1, 1, 1, 1, 80, 0, 3, toDateTime(0), bitShiftLeft(toUInt64(ms), 22), 0, bitShiftLeft(302, 12) FROM (
			SELECT number, ` + with + ")",
		`events (kafka_partition, kafka_offset, bundle_index, appended, partner, event_id, kind, issued_at, type, epoch, digest,
			also_grade, also_digest, category, confidence, tlp, case_id)
		SELECT number % 4, intDiv(number, 4), 0, fromUnixTimestamp64Milli(ms + 1000), who,
			reinterpretAsUUID(sipHash128(number, 2)), 1, fromUnixTimestamp64Milli(ms), what, 1, d,
			if(what = 4, [2], []), if(what = 4, [toFixedString(concat(toString(intDiv(about, 60)), ''), 32)], []), 1, 80, 3,
			if(intDiv(number, 16) % 3 = 0, concat('case ', toString(intDiv(number, 16)), ' ', toString(number % 3)), '') FROM (
			SELECT number, ` + with + ")",
	}
	for p := range 4 {
		queries = append(queries, fmt.Sprintf("stored_ranges (kafka_partition, first, next, appended) SELECT %d, 0, %d, now64(3)", p,
			(to-p+3)/4))
	}
	return queries
}
