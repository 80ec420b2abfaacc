package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goyaml "github.com/goccy/go-yaml"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// attack is a hub of two api nodes, and a bank whose signing key is stolen.
type attack struct {
	*hubtest.Hub
	other     *hubtest.Node
	innocents []indicator.Digest
	protected []fraud.Event
	// asked and failed count the look-ups of the load.
	asked, failed atomic.Int64
}

const victim, sister, honest = "bank-harimau", "bank-kenari", "bank-penyu"

// A stolen key that lists innocents and what is protected at full speed: what is protected is refused, what is beyond the
// day's allowance is held, nothing is confirmed, and one void clears the rest on every node, while honest listings
// stand. Undone, it all comes back; ended and restored, the bank's honest word does.
func TestAStolenKeyIsBoundedAndOneVoidUndoesIt(t *testing.T) {
	innocents, allowance := 5000, 500
	if testkit.Long() {
		innocents, allowance = 100_000, 20_000 // a bank's by default
	}
	a := newAttack(t, innocents, allowance)
	ctx, admin := t.Context(), a.Client(t, "admin")
	own, others := nation.Case{Type: indicator.Phone, Raw: "012-345 6789"}, nation.Case{Type: indicator.Phone, Raw: "013-456 7890"}
	a.Publish(t, victim, report(t, a.Hub, own))
	for _, bank := range []string{honest, "bank-seladang"} {
		a.Publish(t, bank, report(t, a.Hub, others))
	}
	a.bothSay(t, own, fraud.Suspected)
	a.bothSay(t, others, fraud.Confirmed)
	since := nextSecond(t)
	stop := a.load(t)

	// The theft, by Kafka, as fast as it goes: the bank's honest word is withdrawn, and what nobody may list is in between.
	events, ids := []fraud.Event{withdraw(t, a.Hub, own)}, []uuid.UUID{}
	for i, digest := range a.innocents {
		e := listing(digest)
		events, ids = append(events, e), append(ids, e.ID)
		if every := len(a.innocents) / len(a.protected); i%every == 0 && i/every < len(a.protected) {
			events = append(events, a.protected[i/every])
		}
	}
	begin := time.Now()
	a.Publish(t, victim, events...)
	published := time.Since(begin)
	a.stored(t, len(events)+3)
	ingested := time.Since(begin)

	if got, want := a.Query(t, "SELECT reason, uniqExact(event_id) FROM dead_letters GROUP BY reason"),
		fmt.Sprintf("protected\t%d", len(a.protected)); got != want {
		t.Errorf("refused: %q, want %q: everything that is protected, and nothing else", got, want)
	}
	counting := allowance - 1 // the honest word of the same day is one of them
	listed := a.bothList(t, counting)
	held := len(a.innocents) - counting
	holds, err := admin.Holds(ctx)
	if err != nil || len(holds) != 1 || holds[0].Partner != victim || holds[0].Events != held || holds[0].State != "held" {
		t.Fatalf("holds %+v, %v; want %d of %s", holds, err, held, victim)
	}
	counts := map[indicator.Digest]bool{}
	for _, digest := range listed {
		counts[digest] = true
	}
	waiting := slices.IndexFunc(a.innocents, func(d indicator.Digest) bool { return !counts[d] })
	if state, known, err := a.Client(t, "bank").Event(ctx, ids[waiting]); err != nil || !known ||
		state.Status != client.Held || state.Detail == "" {
		t.Errorf("an event that does not count: %+v, %t, %v; want held", state, known, err)
	}
	a.bothSay(t, own, fraud.NotListed)

	// A second key of the same organisation confirms nothing.
	var joined []fraud.Event
	for _, digest := range listed {
		joined = append(joined, listing(digest))
	}
	a.Publish(t, sister, joined...)
	a.stored(t, len(events)+3+len(joined))
	a.bothList(t, counting)
	for i := range joined {
		joined[i] = fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: fraud.Withdraw, IssuedAt: time.Now().UTC(),
			Indicator: joined[i].Indicator}
	}
	a.Publish(t, sister, joined...)
	a.stored(t, len(events)+3+2*len(joined))

	// One void.
	p := a.partner(t)
	begin = time.Now()
	if p, err = admin.AddVoid(ctx, victim, p.Revision, client.Void{Since: since, Reason: "the key was stolen"}); err != nil {
		t.Fatal(err)
	}
	a.bothList(t, 0)
	voided := time.Since(begin)
	a.bothSay(t, others, fraud.Confirmed)

	// Undone, and said again with an end: the bank has another key.
	begin = time.Now()
	if p, err = admin.UndoVoid(ctx, victim, p.Revision, p.Voids[0].ID, "a false alarm"); err != nil {
		t.Fatal(err)
	}
	a.bothList(t, counting)
	undone := time.Since(begin)
	if p, err = admin.AddVoid(ctx, victim, p.Revision, client.Void{Since: since, Reason: "no false alarm"}); err != nil {
		t.Fatal(err)
	}
	void := p.Voids[0].ID
	if out, err := a.Daemon(t, "restore", "--partner", victim, "--void", void); err == nil ||
		!strings.Contains(err.Error(), "end the open void first") {
		t.Errorf("restored under an open void: %s %v", out, err)
	}
	if p, err = admin.EndVoid(ctx, victim, p.Revision, void, nextSecond(t), "it has another key"); err != nil {
		t.Fatal(err)
	}
	a.bothList(t, 0)

	// What the thief withdrew is said anew, and counts although the thief has used up the allowance of the day.
	a.allowanceIsBack(t)
	out, err := a.Daemon(t, "restore", "--partner", victim, "--void", void)
	if want := fmt.Sprintf("Said anew: 1 word of %d indicators, 1 report.\n", len(a.innocents)+1); err != nil || out != want {
		t.Errorf("restore: %q, %v; want %q", out, err, want)
	}
	a.bothSay(t, own, fraud.Suspected)
	testkit.Eventually(t, time.Minute, func() error { // once the ledger has it
		out, err := a.Daemon(t, "restore", "--partner", victim, "--void", void, "--dry-run")
		if err != nil || !strings.Contains(out, "Would say anew: 0 words") {
			return fmt.Errorf("restore once more: %q, %w", out, err)
		}
		return nil
	})
	acts, _, err := admin.Acts(ctx, "", 500)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, act := range acts {
		if act.Whom == victim && act.Done {
			told[act.What]++
		}
	}
	for _, what := range []string{"void", "undo_void", "end_void", "restore", "begin_hold"} {
		if told[what] == 0 {
			t.Errorf("the audit does not tell of %s: %v", what, told)
		}
	}
	stop()
	if a.asked.Load() == 0 || a.failed.Load() > a.asked.Load()/10 {
		t.Errorf("of %d look-ups %d failed", a.asked.Load(), a.failed.Load())
	}
	t.Logf(`
innocents listed by the thief        %8d   published in %s, stored in %s
protected among them                 %8d   refused: all
allowance of the day                 %8d   counting: %d, held: %d, confirmed: 0, also with a sister organisation
void: all cleared on both nodes      %8s
undone: all back on both nodes       %8s
look-ups of the load meanwhile       %8d   failed: %d`, len(a.innocents), round(published), round(ingested),
		len(a.protected), allowance, counting, held, round(voided), round(undone), a.asked.Load(), a.failed.Load())
	if testkit.Long() && voided > 5*time.Second {
		t.Errorf("the void took %s on both nodes, want 5 s", voided)
	}
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// nextSecond waits for the beginning of a second: times of acceptance are told apart by it.
func nextSecond(t *testing.T) time.Time {
	t.Helper()
	next := time.Now().Truncate(time.Second).Add(time.Second)
	time.Sleep(time.Until(next))
	return next
}

func newAttack(t *testing.T, innocents, allowance int) *attack {
	t.Helper()
	options := hubtest.NodeOptions{Settings: map[string]any{"registry": "clickhouse"}}
	a := &attack{Hub: hubtest.Start(t, hubtest.Options{NodeOptions: options})}
	options.Role = "api"
	a.other = a.NewNode(t, options)
	a.other.Restart(t)
	for i := range innocents {
		a.innocents = append(a.innocents, sha256.Sum256(fmt.Append([]byte(a.Database), i)))
	}
	var list struct {
		Protected []struct {
			Type   indicator.Type  `yaml:"type"`
			Why    string          `yaml:"why"`
			Values []indicator.Raw `yaml:"values"`
		} `yaml:"protected"`
	}
	text, err := fs.ReadFile(schemas.FS, "protected/malaysia.yaml")
	if err == nil {
		err = goyaml.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range list.Protected {
		for _, value := range group.Values {
			// The thief holds the key ring: it can say of anything what honest programs would not report.
			parsed, err := indicator.Parse(group.Type, value)
			if err != nil {
				t.Fatal(err)
			}
			e := listing(a.Ring.DigestOf(parsed.Lookup[0]))
			e.Indicator.Type = group.Type
			a.protected = append(a.protected, e)
		}
	}
	admin, organisation := a.Client(t, "admin"), victim
	p := a.partner(t)
	if _, err := admin.ChangePartner(t.Context(), victim, p.Revision, client.PartnerChange{Reason: "test",
		Quotas: map[string]int{"listings": allowance}}); err != nil {
		t.Fatal(err)
	}
	if p, err = admin.Partner(t.Context(), sister); err == nil {
		_, err = admin.ChangePartner(t.Context(), sister, p.Revision, client.PartnerChange{Reason: "test",
			Organisation: &organisation})
	}
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error { // in force on both nodes
		for _, node := range []*hubtest.Node{a.Node, a.other} {
			p, err := node.Client(t, "admin").Partner(t.Context(), sister)
			if err != nil || p.Organisation != organisation {
				return fmt.Errorf("%s: organisation %q, %w", node.Name, p.Organisation, err)
			}
		}
		return nil
	})
	return a
}

func (a *attack) partner(t *testing.T) client.Partner {
	t.Helper()
	p, err := a.Client(t, "admin").Partner(t.Context(), victim)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func listing(digest indicator.Digest) fraud.Event {
	return fraud.Event{ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, IssuedAt: time.Now().UTC(),
		Indicator: fraud.Ref{Type: indicator.Phone, Epoch: 1, Digest: digest}, Category: "telecommunication",
		Confidence: 100, Evidence: fraud.PoliceReport | fraud.ConfirmedLoss | fraud.BankSuspected, Advice: fraud.Block}
}

// load asks both nodes, in an open loop, until the stop that it returns; an honest bank reports meanwhile.
func (a *attack) load(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, node := range []*hubtest.Node{a.Node, a.other} {
		by := node.Client(t, "platform", client.WithPatience(0))
		running.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			places := make(chan struct{}, 32) // at a time: beyond that it counts as failed
			for i := 0; ctx.Err() == nil; i++ {
				<-tick.C
				some := a.innocents[i*50%len(a.innocents):]
				some = some[:min(50, len(some))]
				select {
				case places <- struct{}{}:
				default:
					a.asked.Add(1)
					a.failed.Add(1)
					continue
				}
				running.Go(func() {
					defer func() { <-places }()
					_, err := by.LookupDigests(ctx, a.Ring.Epoch(), some)
					if ctx.Err() == nil {
						a.asked.Add(1)
						if err != nil {
							a.failed.Add(1)
						}
					}
				})
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// stored waits until so many events and dead letters are in the ledger.
func (a *attack) stored(t *testing.T, want int) {
	t.Helper()
	testkit.Eventually(t, 5*time.Minute, func() error {
		got := a.Query(t, `SELECT (SELECT uniqExact(kafka_partition, kafka_offset, bundle_index) FROM events) +
			(SELECT uniqExact(kafka_partition, kafka_offset, bundle_index) FROM dead_letters)`)
		if got != fmt.Sprint(want) {
			return fmt.Errorf("%s events are stored, want %d", got, want)
		}
		return nil
	})
}

// bothList waits until both nodes list so many of the innocents, and tells which; no one is ever confirmed.
func (a *attack) bothList(t *testing.T, want int) (listed []indicator.Digest) {
	t.Helper()
	for _, node := range []*hubtest.Node{a.Node, a.other} {
		by := node.Client(t, "telco")
		testkit.Eventually(t, time.Minute, func() error {
			answer, err := by.LookupDigests(t.Context(), a.Ring.Epoch(), a.innocents)
			if err != nil {
				return err
			}
			listed = listed[:0]
			for _, h := range answer.Hits {
				listed = append(listed, a.innocents[h.Index])
				if h.Verdict != fraud.Suspected {
					t.Fatalf("%s: an innocent is %s", node.Name, h.Verdict)
				}
			}
			if len(answer.Hits) != want {
				return fmt.Errorf("%s lists %d of the innocents, want %d", node.Name, len(answer.Hits), want)
			}
			return nil
		})
	}
	return listed
}

// bothSay waits until both nodes give a verdict.
func (a *attack) bothSay(t *testing.T, c nation.Case, want fraud.Status) {
	t.Helper()
	for _, node := range []*hubtest.Node{a.Node, a.other} {
		by := node.Client(t, "telco")
		testkit.Eventually(t, time.Minute, func() error {
			got, err := by.Lookup(t.Context(), []client.Item{{Type: c.Type, Value: c.Raw}})
			if err != nil {
				return err
			}
			if got[0].Verdict != want {
				return fmt.Errorf("%s says %s, want %s", node.Name, got[0].Verdict, want)
			}
			return nil
		})
	}
}

// allowanceIsBack waits until ingest has noticed that the theft is void, and counts what the bank says now.
func (a *attack) allowanceIsBack(t *testing.T) {
	t.Helper()
	bank := a.Client(t, "bank")
	for try := 0; ; try++ {
		e := listing(sha256.Sum256(fmt.Append([]byte(a.Database), "probe", try)))
		if _, err := bank.Report(t.Context(), client.Event{Event: e}); err != nil {
			t.Fatal(err)
		}
		var status string
		testkit.Eventually(t, time.Minute, func() error {
			state, known, err := bank.Event(t.Context(), e.ID)
			if status = state.Status; err != nil || !known {
				return fmt.Errorf("the event is not known yet: %w", err)
			}
			return nil
		})
		switch {
		case status == client.Stored:
			return
		case try == 30:
			t.Fatalf("what the bank says is still %s", status)
		}
	}
}
