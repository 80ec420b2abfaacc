package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The short forms run with every `make test`; `make test-kill` runs the long ones.
var (
	kills  = flag.Int("kills", 3, "how often the daemon is killed with -9")
	events = flag.Int("events", 9000, "how many events are published meanwhile")
	outage = flag.Duration("outage", 5*time.Second, "how long ClickHouse is stopped")
)

// ledger is the load generator's own book: what Kafka acknowledged.
type ledger struct {
	mu        sync.Mutex
	acked     map[uuid.UUID]bool
	listed    []indicator.Digest // reported and not withdrawn
	withdrawn []indicator.Digest
}

func (l *ledger) add(events []fraud.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.acked[e.ID] = true
		if e.Kind == fraud.Withdraw {
			l.withdrawn = append(l.withdrawn, e.Indicator.Digest)
		}
	}
}

func (l *ledger) list(d indicator.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listed = append(l.listed, d)
}

func (l *ledger) stillListed() []indicator.Digest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.listed)
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// generate publishes n events at an even pace: reports of ever new indicators, and every tenth is withdrawn at once in
// the same bundle, in either order. Each bundle is in the ledger only once Kafka has acknowledged it.
func generate(ctx context.Context, t *testing.T, hub *hubtest.Hub, book *ledger, n int, over time.Duration) error {
	const bundle = 50
	country := nation.New(99, nation.Size)
	pub := hub.Publisher(t, "bank-harimau")
	pace := time.NewTicker(max(time.Millisecond, over*bundle/time.Duration(n)))
	defer pace.Stop()
	for i, sent := 0, 0; sent < n; {
		var batch []fraud.Event
		var keep []indicator.Digest
		for len(batch) < min(bundle, n-sent) {
			c := country.Case(i)
			ref, err := c.Ref(hub.Ring)
			if err != nil {
				return err
			}
			e := c.Words[0].Event(ref, time.Now())
			if i++; i%10 == 0 && len(batch)+2 <= min(bundle, n-sent) {
				back := fraud.Event{
					ID: uuid.Must(uuid.NewV7()), Kind: fraud.Withdraw, IssuedAt: e.IssuedAt.Add(time.Millisecond), Indicator: ref,
				}
				pair := []fraud.Event{e, back}
				if i%20 == 0 {
					slices.Reverse(pair)
				}
				batch = append(batch, pair...)
				continue
			}
			batch = append(batch, e)
			keep = append(keep, ref.Digest)
		}
		if err := pub.Publish(ctx, batch); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		book.add(batch)
		for _, d := range keep {
			book.list(d)
		}
		sent += len(batch)
		<-pace.C
	}
	return nil
}

// listedNow are those of the digests that the hub lists.
func listedNow(t *testing.T, hub *hubtest.Hub, digests []indicator.Digest) map[indicator.Digest]bool {
	t.Helper()
	screening, err := hub.Client(t, "platform").LookupDigests(t.Context(), hub.Ring.Epoch(), digests)
	if err != nil {
		t.Fatal(err)
	}
	found := map[indicator.Digest]bool{}
	for _, h := range screening.Hits {
		if h.Verdict == fraud.Suspected || h.Verdict == fraud.Confirmed {
			found[digests[h.Index]] = true
		}
	}
	return found
}

// settle waits until everything acknowledged is stored and checks the books: nothing lost, nothing counted twice,
// everything listed that should be and nothing else.
func settle(t *testing.T, hub *hubtest.Hub, book *ledger) {
	t.Helper()
	testkit.Eventually(t, 90*time.Second, func() error {
		if got, want := hub.Query(t, "SELECT uniqExact(event_id) FROM events"), fmt.Sprint(book.size()); got != want {
			return fmt.Errorf("%s events stored, %s acknowledged", got, want)
		}
		return nil
	})
	stored := map[uuid.UUID]bool{}
	for _, line := range strings.Split(hub.Query(t, "SELECT DISTINCT event_id FROM events"), "\n") {
		stored[uuid.MustParse(line)] = true
	}
	lost := 0
	for id := range book.acked {
		if !stored[id] {
			lost++
		}
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if got, want := len(listedNow(t, hub, book.listed)), len(book.listed); got != want {
			return fmt.Errorf("%d of %d reported indicators are listed", got, want)
		}
		return nil
	})
	wrongly := len(listedNow(t, hub, book.withdrawn))
	if lost != 0 || wrongly != 0 {
		t.Errorf("%d acknowledged events lost, %d withdrawn indicators listed; want none", lost, wrongly)
	}
	// The roll-up may lag behind the ledger; its answer may not.
	counted := hub.Counted(t)
	if counted != book.size() {
		t.Errorf("trends count %d events, %d were acknowledged", counted, book.size())
	}
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
	t.Logf("acknowledged %d, stored %d, lost %d, counted %d, listed %d, withdrawn %d of which listed %d",
		book.size(), len(stored), lost, counted, len(book.listed), len(book.withdrawn), wrongly)
}

func TestKillMinusNineAtRandomMomentsLosesNothing(t *testing.T) {
	random := testkit.Seed(t)
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{Snapshots: true}})
	book := &ledger{acked: map[uuid.UUID]bool{}}
	published := make(chan error, 1)
	go func() {
		published <- generate(t.Context(), t, hub, book, *events, time.Duration(*kills)*2500*time.Millisecond)
	}()
	falseNegatives := 0
	for range *kills {
		time.Sleep(time.Duration(200+random.IntN(1500)) * time.Millisecond) // the moment is random on purpose
		before := listedNow(t, hub, book.stillListed())
		hub.Kill(t)
		hub.Restart(t)
		var digests []indicator.Digest
		for d := range before {
			digests = append(digests, d)
		}
		falseNegatives += len(digests) - len(listedNow(t, hub, digests))
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	settle(t, hub, book)
	if falseNegatives != 0 {
		t.Errorf("%d false negatives right after readiness", falseNegatives)
	}
	t.Logf("%d kills, %d false negatives after readiness", *kills, falseNegatives)
}

func TestClickHouseStoppedChangesNoLookupAndLosesNothing(t *testing.T) {
	t.Run("ClickHouse", func(t *testing.T) {
		engine := testkit.OwnClickHouse(t, devstack.EngineOptions{})
		stopped(t, engine, engine)
	})
	t.Run("the shard that the daemon does not speak to", func(t *testing.T) {
		engine := testkit.OwnShards(t, devstack.EngineOptions{})
		stopped(t, engine, engine.Shards()[1])
	})
}

// stopped runs a hub on an engine and takes the victim away for a time.
func stopped(t *testing.T, engine, victim *devstack.Engine) {
	hub := hubtest.Start(t, hubtest.Options{Engine: engine})
	book := &ledger{acked: map[uuid.UUID]bool{}}
	if err := generate(t.Context(), t, hub, book, 500, time.Second); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if n := len(listedNow(t, hub, book.listed)); n != len(book.listed) {
			return fmt.Errorf("%d of %d listed", n, len(book.listed))
		}
		return nil
	})
	victim.Kill()
	published := make(chan error, 1)
	go func() { published <- generate(t.Context(), t, hub, book, 2000, *outage) }()
	calm := book.stillListed()
	for end := time.Now().Add(*outage); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		start := time.Now()
		if n := len(listedNow(t, hub, calm)); n != len(calm) {
			t.Fatalf("%d of %d listed while ClickHouse is down", n, len(calm))
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Fatalf("a lookup took %s while ClickHouse is down", took)
		}
	}
	// No half answers: what cannot be known now is said.
	now := time.Now()
	_, err := hub.Client(t, "analyst", client.WithPatience(0)).Series(t.Context(), client.SeriesQuery{
		By: "type", Bucket: "hour", From: now.Add(-fraud.MaxAge), To: now,
	})
	if refusal := new(client.Problem); !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable {
		t.Errorf("trends while ClickHouse is down: %v", err)
	}
	if err := hub.Audit(t, nil); err == nil {
		t.Error("an audit succeeded while ClickHouse is down")
	}
	// A correction does not wait for ClickHouse either.
	hub.Publish(t, "bank-harimau", report(t, hub, caller))
	becomes(t, hub, caller, fraud.Suspected)
	e := withdraw(t, hub, caller)
	hub.Publish(t, "bank-harimau", e)
	becomes(t, hub, caller, fraud.NotListed)

	if err := victim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 60*time.Second, func() error {
		if got, want := hub.Query(t, "SELECT uniqExact(event_id) FROM events"), fmt.Sprint(book.size()+2); got != want {
			return fmt.Errorf("%s events stored, %s acknowledged", got, want)
		}
		return nil
	})
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
}
