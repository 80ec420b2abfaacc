package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func again(c *deadletters.Config)  { c.Again = true }
func anyway(c *deadletters.Config) { c.Anyway = true }
func dryRun(c *deadletters.Config) { c.DryRun = true }

func (h *hub) wantCounted(rows, events int) {
	h.t.Helper()
	if gotRows, got := h.counted(); gotRows != rows || got != events {
		h.t.Fatalf("%d rows of %d events are accepted, want %d of %d", gotRows, got, rows, events)
	}
}

func (h *hub) wantOutstanding(want map[string]fraud.Reason) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.outstanding()); diff != "" {
		h.t.Fatalf("outstanding (-want +got):\n%s", diff)
	}
}

var none = map[string]fraud.Reason{}

func TestABundleWithAnUnknownKeyIsAcceptedOnceTheKeyIsKnown(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	from := h.put(1, h.seal(h.report(), h.report()))
	h.ingest()
	h.wantOutstanding(map[string]fraud.Reason{"1:0": "unknown_key"})

	got, err := h.replay(every, nil)
	h.outcomes(got, err, deadletters.Outcome{
		From: from, Result: deadletters.RefusedAgain, Reason: "unknown_key", Letters: 1,
	})
	if h.messages() != 1 {
		t.Fatal("it was sent although its key is still unknown")
	}

	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	sent := deadletters.Outcome{
		From: from, To: place(1, 1), Result: deadletters.Sent, Letters: 1, Healed: 1, Accepted: 2,
	}
	got, err = h.replay(every, nil)
	h.outcomes(got, err, sent)
	if !got[0].Done() {
		t.Error("a message that was sent and heals is not done")
	}
	h.ingest()
	h.wantCounted(2, 2)
	h.wantOutstanding(none)
	if diff := cmp.Diff([]fraud.Replay{{From: from, To: place(1, 1), By: "aminah"}}, h.recorded()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}

	got, err = h.replay(at(from), nil)
	h.outcomes(got, err, deadletters.Outcome{From: from, Result: deadletters.SentBefore, Letters: 1})
	got, err = h.replay(every, nil)
	h.outcomes(got, err)
	sent.To = place(1, 2)
	got, err = h.replay(at(from), again)
	h.outcomes(got, err, sent)
	h.ingest()
	h.wantCounted(4, 2)
	h.wantOutstanding(none)
}

func TestTheCopyIsTheSameToTheLastByte(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	message := h.seal(h.report())
	message.Headers = append(message.Headers,
		wire.Header{Name: "traceparent", Value: []byte{0xff, 0}}, wire.Header{Name: "x"})
	message.Key = nil
	from := h.put(0, message)
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	if _, err := h.replay(at(from), nil); err != nil {
		t.Fatal(err)
	}
	picker := h.reports.NewPicker(0)
	defer picker.Close()
	first, err := picker.Pick(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := picker.Pick(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	second.Offset, second.Appended = first.Offset, first.Appended
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the copy (-original +copy):\n%s", diff)
	}
}

func TestWhatWasAcceptedOfABundleCountsOnce(t *testing.T) {
	h := newHub(t)
	from := h.put(0, h.seal(h.report(), h.clear(), h.report()))
	h.ingest()
	h.wantCounted(2, 2)
	h.wantOutstanding(map[string]fraud.Reason{"0:0:1": "not_entitled"})

	// Still bad: the good ones count once, and the bad one has moved to its new place.
	got, err := h.replay(every, anyway)
	h.outcomes(got, err, deadletters.Outcome{
		From: from, To: place(0, 1), Result: deadletters.Sent, Reason: "not_entitled", Letters: 1, Accepted: 2, Refused: 1,
	})
	if got[0].Done() {
		t.Error("done, although the event is still refused")
	}
	h.ingest()
	h.wantCounted(4, 2)
	h.wantOutstanding(map[string]fraud.Reason{"0:1:1": "not_entitled"})

	// An authority may say it.
	h.registry.edit(func(r *registry) { r.partner.Kind = fraud.Regulator })
	got, err = h.replay(every, nil)
	h.outcomes(got, err, deadletters.Outcome{
		From: place(0, 1), To: place(0, 2), Result: deadletters.Sent, Letters: 1, Healed: 1, Accepted: 3,
	})
	h.ingest()
	h.wantCounted(7, 3)
	h.wantOutstanding(none)
}

func TestPoisonStaysWhereItIs(t *testing.T) {
	h := newHub(t)
	good := h.seal(h.report())
	forged := h.seal(h.report())
	forged.Value = slices.Concat(forged.Value, []byte(" "))
	raw := h.signer.SealValue(parseID("0190a000-0000-7000-8000-000000000001"), "bank", time.Now(),
		[]byte(`{"events":[{"account":"1122 3344 5566"}]}`))
	h.put(0, wire.Message{Value: []byte("1122 3344 5566")}, good, forged, raw)
	h.ingest()
	poison := map[string]fraud.Reason{"0:0": "bad_headers", "0:2": "bad_signature", "0:3:0": "schema"}
	h.wantOutstanding(poison)
	got, err := h.replay(every, nil)
	if err != nil || len(got) != 3 || h.messages() != 4 {
		t.Fatalf("%+v, %v, %d messages on the topic", got, err, h.messages())
	}
	for _, o := range got {
		if o.Result != deadletters.RefusedAgain || o.Done() || strings.Contains(o.Why, "3344") {
			t.Errorf("%+v", o)
		}
	}
	h.wantOutstanding(poison)

	// Sent all the same, each becomes a new dead letter, once: the copies are not sent in their turn.
	if got, err = h.replay(every, anyway); err != nil || len(got) != 3 || h.messages() != 7 {
		t.Fatalf("%+v, %v, %d messages on the topic", got, err, h.messages())
	}
	h.ingest()
	h.wantOutstanding(map[string]fraud.Reason{"0:4": "bad_headers", "0:5": "bad_signature", "0:6:0": "schema"})
	h.wantCounted(1, 1)
}

// TestCopiesAreNotSentInTheirTurn has ingest find the first copies while others are still to be sent.
func TestCopiesAreNotSentInTheirTurn(t *testing.T) {
	h := newHub(t)
	for range 12 {
		h.put(0, wire.Message{Value: []byte("poison")})
	}
	h.ingest()
	got, err := h.replayWith(t.Context(), every, &stopping{h.book, h.ingest}, func(c *deadletters.Config) {
		c.Anyway, c.Rate = true, 16 // 4 at once
	})
	if err != nil || len(got) != 12 || h.messages() != 24 {
		t.Errorf("%d messages were replayed and %d are on the topic, %v; want 12 and 24", len(got), h.messages(), err)
	}
}

func TestAKeyThatHasEndedMeanwhileLetsNothingIn(t *testing.T) {
	h := newHub(t)
	from := h.put(0, h.seal(h.report(), h.clear()))
	h.ingest()
	h.wantCounted(1, 1)
	h.registry.edit(func(r *registry) {
		r.partner.Kind = fraud.Regulator // the clear would be accepted
		r.key.NotAfter = time.Now()      // bad since now
	})
	got, err := h.replay(every, nil)
	refused := deadletters.Outcome{From: from, Result: deadletters.RefusedAgain, Reason: "key_not_valid", Letters: 1}
	h.outcomes(got, err, refused)
	got, err = h.replay(every, anyway)
	refused.Result, refused.To = deadletters.Sent, place(0, 1)
	h.outcomes(got, err, refused)
	h.ingest()
	h.wantCounted(1, 1)
	h.wantOutstanding(map[string]fraud.Reason{"0:1": "key_not_valid"})
}

func TestWhatCameOutsideOfItsKeysTimeIsNeverMovedIntoIt(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.NotAfter = time.Now().Add(-time.Hour) })
	from := h.put(0, h.seal(h.report()))
	h.ingest()
	h.wantOutstanding(map[string]fraud.Reason{"0:0": "key_not_valid"})
	arrived := h.known()[0].Appended
	outside := deadletters.Outcome{
		From: from, Result: deadletters.KeyNotGood, Reason: "key_not_valid", Letters: 1, Healed: 1, Accepted: 1,
	}
	// The key is valid now, and was not then.
	h.registry.edit(func(r *registry) { r.key.NotBefore, r.key.NotAfter = arrived.Add(time.Millisecond), time.Time{} })
	for _, set := range []func(*deadletters.Config){nil, anyway, again, dryRun} {
		got, err := h.replay(every, set)
		h.outcomes(got, err, outside)
	}
	if h.messages() != 1 {
		t.Fatal("it was sent")
	}
	// The operator says that it was.
	h.registry.edit(func(r *registry) { r.key.NotBefore = arrived })
	got, err := h.replay(every, nil)
	outside.Result, outside.Reason, outside.To = deadletters.Sent, "", place(0, 1)
	h.outcomes(got, err, outside)
	h.ingest()
	h.wantCounted(1, 1)
}

func TestAClockThatWasAheadIsHealedByTime(t *testing.T) {
	h := newHub(t)
	e := h.report()
	e.IssuedAt = e.IssuedAt.Add(fraud.MaxSkew + 3*time.Second)
	from := h.put(0, h.seal(e))
	h.ingest()
	h.wantOutstanding(map[string]fraud.Reason{"0:0:0": "issued_in_future"})
	testkit.Eventually(t, patience, func() error {
		got, err := h.replay(every, dryRun)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Result != deadletters.WouldSend {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	got, err := h.replay(every, nil)
	h.outcomes(got, err, deadletters.Outcome{
		From: from, To: place(0, 1), Result: deadletters.Sent, Letters: 1, Healed: 1, Accepted: 1,
	})
	h.ingest()
	h.wantCounted(1, 1)
}

func TestADryRunSendsAndRecordsNothing(t *testing.T) {
	h := newHub(t)
	from := h.put(0, h.seal(h.report(), h.clear()))
	h.ingest()
	h.registry.edit(func(r *registry) { r.partner.Kind = fraud.Regulator })
	got, err := h.replay(every, dryRun)
	h.outcomes(got, err, deadletters.Outcome{
		From: from, Result: deadletters.WouldSend, Letters: 1, Healed: 1, Accepted: 2,
	})
	if h.messages() != 1 || len(h.recorded()) != 0 {
		t.Error("something was sent or recorded")
	}
}

func TestTargetsAndLimitsChooseMessages(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	h.put(0, h.seal(h.report()), h.seal(h.report()))
	h.put(1, h.seal(h.report()))
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	sent := func(from, to fraud.Place) deadletters.Outcome {
		return deadletters.Outcome{From: from, To: to, Result: deadletters.Sent, Letters: 1, Healed: 1, Accepted: 1}
	}
	choice := at(place(1, 0), place(9, 9))
	choice.Targets = append(choice.Targets, deadletters.Target{Place: place(0, 1), Index: 3})
	got, err := h.replay(choice, nil)
	h.outcomes(got, err,
		deadletters.Outcome{From: place(9, 9), Result: deadletters.NoLetter},
		deadletters.Outcome{From: place(0, 1), Result: deadletters.NoLetter},
		sent(place(1, 0), place(1, 1)))
	got, err = h.replay(deadletters.Choice{Query: fraud.LetterQuery{Limit: 1}}, nil)
	h.outcomes(got, err, sent(place(0, 0), place(0, 2)))
	got, err = h.replay(deadletters.Choice{Query: fraud.LetterQuery{Reasons: []fraud.Reason{"schema"}}}, nil)
	h.outcomes(got, err)
	got, err = h.replay(every, nil)
	h.outcomes(got, err, sent(place(0, 1), place(0, 3)))
}

func TestEachCopyGoesToThePartitionOfItsOriginal(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	for partition := range 2 {
		h.put(partition, h.seal(h.report()), h.seal(h.report()))
	}
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	if _, err := h.replay(every, nil); err != nil {
		t.Fatal(err)
	}
	var want []fraud.Replay
	for partition := range int32(2) {
		for offset := range int64(2) {
			want = append(want, fraud.Replay{From: place(partition, offset), To: place(partition, offset+2), By: "aminah"})
		}
	}
	if diff := cmp.Diff(want, h.recorded()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	h.ingest()
	h.wantCounted(4, 4)
}

func TestAMessageThatTheTopicTakesNoLongerHoldsUpNoOther(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	large := h.report()
	large.Case = strings.Repeat("x", 64)
	h.put(0, h.seal(h.report()), h.seal(slices.Repeat([]fraud.Event{large}, 100)...), h.seal(h.report()))
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	client, done := h.cluster.Client()
	defer done()
	smaller := kafka.AlterConfigRequestResource{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: h.reports.Name,
		Configs: []kafka.AlterConfigRequestConfig{{Name: "max.message.bytes", Value: "10000"}},
	}
	if _, err := client.AlterConfigs(t.Context(),
		&kafka.AlterConfigsRequest{Resources: []kafka.AlterConfigRequestResource{smaller}}); err != nil {
		t.Fatal(err)
	}
	got, err := h.replay(every, nil)
	sent := deadletters.Outcome{
		From: place(0, 0), To: place(0, 3), Result: deadletters.Sent, Letters: 1, Healed: 1, Accepted: 1,
	}
	tooLarge := deadletters.Outcome{From: place(0, 1), Result: deadletters.TooLarge, Letters: 1, Healed: 1, Accepted: 100}
	after := sent
	after.From, after.To = place(0, 2), place(0, 4)
	h.outcomes(got, err, sent, tooLarge, after)
}

func TestABundleThatOpensAndHasNothingGoodIsNotSent(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	h.put(0, h.seal(h.clear(), h.clear()))
	h.ingest()
	h.wantOutstanding(map[string]fraud.Reason{"0:0": "unknown_key"})
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	got, err := h.replay(every, nil)
	h.outcomes(got, err, deadletters.Outcome{
		From: place(0, 0), Result: deadletters.RefusedAgain, Reason: "not_entitled", Letters: 1, Refused: 2,
	})
}

func TestABundleIsSentForTheEventThatIsMeant(t *testing.T) {
	h := newHub(t)
	bad := h.report()
	bad.Category = "no_such_category"
	h.put(0, h.seal(h.clear(), bad))
	h.ingest()
	h.registry.edit(func(r *registry) { r.partner.Kind = fraud.Regulator })
	one := func(index int) deadletters.Choice {
		return deadletters.Choice{Targets: []deadletters.Target{{Place: place(0, 0), Index: index}}}
	}
	got, err := h.replay(one(1), nil)
	h.outcomes(got, err, deadletters.Outcome{
		From: place(0, 0), Result: deadletters.RefusedAgain, Reason: "unknown_term", Letters: 1, Accepted: 1, Refused: 1,
	})
	got, err = h.replay(one(0), nil)
	h.outcomes(got, err, deadletters.Outcome{
		From: place(0, 0), To: place(0, 1), Result: deadletters.Sent, Letters: 1, Healed: 1, Accepted: 1, Refused: 1,
	})
	h.ingest()
	h.wantOutstanding(map[string]fraud.Reason{"0:1:1": "unknown_term"})
}

func TestWhatKafkaHoldsNoLongerIsRefusedAndToldSinceWhen(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	h := newHubOn(t, broker.Addr())
	h.put(0, wire.Message{Value: []byte("a")}, wire.Message{Value: []byte("b")})
	h.put(1, wire.Message{Value: []byte("c")})
	h.ingest()
	deleteBefore(t, broker.Addr(), h.reports.Name, 0, 1)
	deleteBefore(t, broker.Addr(), h.reports.Name, 1, 1)
	got, err := h.replay(at(place(0, 0), place(1, 0)), anyway)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	letters := h.known()
	for i, want := range []string{
		"has deleted all of partition 0 before offset 1, which came at " + letters[1].Appended.Format(time.RFC3339),
		"holds nothing of partition 1 any more",
	} {
		if got[i].Result != deadletters.Gone || !strings.Contains(got[i].Why, want) {
			t.Errorf("%+v, want %q", got[i], want)
		}
	}
}

func TestAMessageOfAnotherTopicOfTheSameNameIsNotSent(t *testing.T) {
	h := newHub(t)
	h.put(0, wire.Message{Value: []byte("poison")})
	h.ingest()
	letter := h.known()[0].DeadLetter
	plant := func(edit func(*fraud.DeadLetter)) {
		other := letter
		edit(&other)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.letters[other.Position] = other
	}
	plant(func(l *fraud.DeadLetter) { l.Appended = l.Appended.Add(-time.Hour) })
	plant(func(l *fraud.DeadLetter) { l.Offset = 5 })
	plant(func(l *fraud.DeadLetter) { l.Partition = 9 })
	got, err := h.replay(every, anyway)
	another := deadletters.Outcome{Result: deadletters.Another, Letters: 1}
	var want []deadletters.Outcome
	for _, p := range []fraud.Place{place(0, 0), place(0, 5), place(9, 0)} {
		another.From = p
		want = append(want, another)
	}
	h.outcomes(got, err, want...)
	plant(func(l *fraud.DeadLetter) { l.Size++ })
	got, err = h.replay(at(place(0, 0)), anyway)
	h.outcomes(got, err, want[0])
	if h.messages() != 1 {
		t.Error("something was sent")
	}
}

func TestItStopsWhenKafkaStopsAndKeepsWhatWasDone(t *testing.T) {
	dir := t.TempDir()
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{DataDir: dir})
	h := newHubOn(t, broker.Addr())
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	for range 30 {
		h.put(0, h.seal(h.report()))
	}
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	h.rest()
	got, err := h.replayWith(t.Context(), every, &stopping{h.book, broker.Close}, func(c *deadletters.Config) {
		c.Rate, c.Patience = 40, time.Second // 10 messages at once
	})
	if !errors.Is(err, fraud.ErrUnavailable) {
		t.Fatalf("it ended with %v", err)
	}
	results := map[deadletters.Result]int{}
	for _, o := range got {
		results[o.Result]++
	}
	if results[deadletters.Sent] != 10 || len(h.recorded()) != 10 {
		t.Fatalf("%v, and %d are recorded; want 10 sent and recorded", results, len(h.recorded()))
	}

	restarted, err := devstack.StartBroker(t.Context(), devstack.BrokerOptions{DataDir: dir, Addr: broker.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer restarted.Close()
	if got, err = h.replay(every, nil); err != nil || len(got) != 20 {
		t.Fatalf("%d messages the second time, %v; want the 20 that were left", len(got), err)
	}
	h.ingest()
	if _, events := h.counted(); events != 30 {
		t.Errorf("%d events are accepted, want 30", events)
	}
	h.wantOutstanding(none)
}

// stopping does something when it has recorded for the first time.
type stopping struct {
	deadletters.Records
	stop func()
}

func (s *stopping) RecordReplays(ctx context.Context, replays []fraud.Replay) error {
	err := s.Records.RecordReplays(ctx, replays)
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	return err
}

func TestWhatCouldNotBeRecordedIsToldAndMayBeSentAgain(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	h.put(0, h.seal(h.report()), h.seal(h.report()))
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	got, err := h.replayWith(t.Context(), every, down{}, func(c *deadletters.Config) {
		c.Patience = 100 * time.Millisecond
	})
	if !errors.Is(err, fraud.ErrUnavailable) ||
		!strings.Contains(err.Error(), "2 messages were sent and are not recorded") {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Result != deadletters.Sent || !got[0].Unrecorded || got[0].Done() {
		t.Fatalf("%+v", got)
	}
	h.wantOutstanding(map[string]fraud.Reason{"0:0": "unknown_key", "0:1": "unknown_key"})
	if _, err := h.replay(every, nil); err != nil {
		t.Fatal(err)
	}
	h.ingest()
	h.wantCounted(4, 2)
	h.wantOutstanding(none)
}

type down struct{}

func (down) RecordReplays(context.Context, []fraud.Replay) error {
	return fmt.Errorf("no store: %w", fraud.ErrUnavailable)
}

func TestAnInterruptedReplayRecordsWhatItHasSent(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	for range 10 {
		h.put(0, h.seal(h.report()))
	}
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	ctx, cancel := context.WithCancel(t.Context())
	got, err := h.replayWith(ctx, every, &stopping{h.book, cancel}, func(c *deadletters.Config) { c.Rate = 16 })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
	if len(got) != 4 || len(h.recorded()) != 4 || h.messages() != 14 {
		t.Errorf("%d told, %d recorded, %d messages on the topic; want 4, 4, 14", len(got), len(h.recorded()), h.messages())
	}
}

func TestLargeMessagesAreSentInBatchesThatTheTopicTakes(t *testing.T) {
	h := newHub(t)
	h.registry.edit(func(r *registry) { r.key.ID = "another" })
	for range 3 {
		var events []fraud.Event
		for range wire.MaxEvents {
			e := h.report()
			e.Case = strings.Repeat("x", 64)
			events = append(events, e)
		}
		h.put(1, h.seal(events...))
		h.put(1, h.signer.SealValue(parseID("0190a000-0000-7000-8000-000000000002"), "bank", time.Now(),
			[]byte(`{"events":[`+strings.Repeat(" ", wire.MaxBytes-20)+`]}`)))
	}
	h.ingest()
	h.registry.edit(func(r *registry) { r.key.ID = "bank-1" })
	got, err := h.replay(every, anyway)
	if err != nil || len(got) != 6 || h.messages() != 12 {
		t.Fatalf("%d told, %d messages on the topic, %v", len(got), h.messages(), err)
	}
	h.ingest()
	h.wantCounted(3*wire.MaxEvents, 3*wire.MaxEvents)
}

// deleteBefore does what retention does.
func deleteBefore(t *testing.T, broker, name string, partition int32, offset int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = 5_000
	request.Topics = []kmsg.DeleteRecordsRequestTopic{{
		Topic: name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}},
	}}
	if _, err := request.RequestWith(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}
