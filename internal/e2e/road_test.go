package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// caller is the number that everybody reports here.
var caller = nation.Case{Type: indicator.Phone, Raw: "012-345 6789"}

func report(t *testing.T, hub *hubtest.Hub, c nation.Case) fraud.Event {
	t.Helper()
	ref, err := c.Ref(hub.Ring)
	if err != nil {
		t.Fatal(err)
	}
	return fraud.Event{
		ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, IssuedAt: time.Now().UTC(), Indicator: ref,
		Category: "telecommunication", Confidence: 80, Evidence: fraud.BankSuspected, Advice: fraud.Block,
	}
}

func withdraw(t *testing.T, hub *hubtest.Hub, c nation.Case) fraud.Event {
	t.Helper()
	e := report(t, hub, c)
	return fraud.Event{ID: e.ID, Kind: fraud.Withdraw, IssuedAt: e.IssuedAt, Indicator: e.Indicator}
}

func lookup(t *testing.T, hub *hubtest.Hub, c nation.Case) client.Result {
	t.Helper()
	return lookupFor(t, hub, "platform", c)
}

func lookupFor(t *testing.T, hub *hubtest.Hub, role string, c nation.Case) client.Result {
	t.Helper()
	results, err := hub.Client(t, role).Lookup(t.Context(), []client.Item{{Type: c.Type, Value: c.Raw}})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// becomes waits until a lookup gives the verdict.
func becomes(t *testing.T, hub *hubtest.Hub, c nation.Case, want fraud.Status) {
	t.Helper()
	becomesFor(t, hub, "platform", c, want)
}

func becomesFor(t *testing.T, hub *hubtest.Hub, role string, c nation.Case, want fraud.Status) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, func() error {
		if got := lookupFor(t, hub, role, c); got.Verdict != want {
			return fmt.Errorf("verdict %s, want %s", got.Verdict, want)
		}
		return nil
	})
}

func TestAReportIsListedConfirmedByASecondAndWithdrawn(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	if got := lookup(t, hub, caller); got.Verdict != fraud.NotListed || got.AnsweredBy != fraud.ByFilter {
		t.Errorf("never reported: %s by %s, want not_listed by the filter", got.Verdict, got.AnsweredBy)
	}
	hub.Publish(t, "bank-harimau", report(t, hub, caller))
	becomes(t, hub, caller, fraud.Suspected)
	hub.Publish(t, "bank-kenari", report(t, hub, caller))
	becomes(t, hub, caller, fraud.Confirmed)
	if got := lookup(t, hub, caller); !got.KnownFraud || got.Reporters != 2 || got.AnsweredBy != fraud.ByIndex {
		t.Errorf("confirmed by two banks: %+v", got)
	}
	hub.Publish(t, "bank-harimau", withdraw(t, hub, caller))
	becomes(t, hub, caller, fraud.Suspected)
	hub.Publish(t, "bank-kenari", withdraw(t, hub, caller))
	becomes(t, hub, caller, fraud.NotListed)
}

func TestThePartnersCommandLineReportsChecksAndWithdraws(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	for _, step := range []struct{ args, want string }{
		{"check --type phone", "not_listed"},
		{"report --wait --type phone --category telecommunication", "event_id"},
		{"check --type phone", "suspected"},
		{"withdraw --wait --type phone", "event_id"},
		{"check --type phone", "not_listed"},
	} {
		out, err := hub.CLI(t, "bank", append(strings.Fields(step.args), "-o", "json", string(caller.Raw))...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Fatalf("waspada %s: %v\n%s\nwant %q in it", step.args, err, out, step.want)
		}
	}
	if out, err := hub.CLI(t, "bank", "doctor"); err != nil {
		t.Errorf("doctor: %v\n%s", err, out)
	}
}

func TestADomainReportCoversEveryPageBelowItAndAnAccountItsBareNumber(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	domain := nation.Case{Type: indicator.Domain, Raw: "bonus-kl.example"}
	account := nation.Case{Type: indicator.BankAccount, Raw: "Maybank: 1122 3344 5566"}
	hub.Publish(t, "bank-harimau", report(t, hub, domain), report(t, hub, account))
	becomes(t, hub, nation.Case{Type: indicator.URL, Raw: "hxxps://www.bonus-kl[.]example/claim?x=1"}, fraud.Suspected)
	becomes(t, hub, nation.Case{Type: indicator.BankAccount, Raw: "112233445566"}, fraud.Suspected)
	if got := lookup(t, hub, nation.Case{Type: indicator.BankAccount, Raw: "112233445566"}); got.Matched != indicator.Weak {
		t.Errorf("the bare number matched as %s, want weak", got.Matched)
	}
	hub.Publish(t, "bank-harimau", withdraw(t, hub, domain), withdraw(t, hub, account))
	becomes(t, hub, nation.Case{Type: indicator.URL, Raw: "https://www.bonus-kl.example/claim?x=1"}, fraud.NotListed)
	becomes(t, hub, nation.Case{Type: indicator.BankAccount, Raw: "112233445566"}, fraud.NotListed)
}

func TestTheHolderClearsAndAnAuthorityConfirms(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	account := nation.Case{Type: indicator.BankAccount, Raw: "CIMB: 8001234567"}
	hub.Publish(t, "police-ccid", report(t, hub, account))
	becomes(t, hub, account, fraud.Confirmed)
	clear := withdraw(t, hub, account)
	clear.Kind = fraud.Clear
	hub.Publish(t, "bank-penyu", clear)
	becomes(t, hub, account, fraud.ClearedUp)
}

func TestEveryMessageDeliveredThreeTimesCountsOnce(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	country := nation.New(7, 300)
	signer := hub.Signer(t, "bank-harimau")
	pub := hub.Publisher(t, "bank-harimau")
	for from := 0; from < country.Len(); from += 30 {
		var events []fraud.Event
		for i := from; i < from+30; i++ {
			c := country.Case(i)
			e := report(t, hub, c)
			e.IssuedAt = e.IssuedAt.Add(-c.Words[0].Ago)
			events = append(events, e)
		}
		message, err := signer.Seal(uuid.Must(uuid.NewV7()), "bank-harimau", time.Now(), events)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := pub.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
		}
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if rows := hub.Query(t, "SELECT count() FROM events FINAL"); rows != "900" {
			return fmt.Errorf("%s rows stored, want 900", rows)
		}
		return nil
	})
	if got := hub.Counted(t); got != 300 {
		t.Errorf("trends count %d events, want 300", got)
	}
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
}

func TestARestartedDaemonKnowsWhatItKnew(t *testing.T) {
	for _, snapshots := range []bool{false, true} {
		t.Run(fmt.Sprintf("snapshots %t", snapshots), func(t *testing.T) {
			hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{Snapshots: snapshots}})
			hub.Publish(t, "bank-harimau", report(t, hub, caller))
			becomes(t, hub, caller, fraud.Suspected)
			hub.Stop(t)
			if _, err := os.Stat(filepath.Join(hub.SnapshotDir, "index.snapshot")); snapshots && err != nil {
				t.Error(err)
			}
			hub.Restart(t)
			if got := lookup(t, hub, caller); got.Verdict != fraud.Suspected {
				t.Errorf("after a restart: %s", got.Verdict)
			}
		})
	}
}

func TestAnEventTellsItsFateToItsPartnerAlone(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	e := report(t, hub, caller)
	hub.Publish(t, "bank-harimau", e)
	testkit.Eventually(t, 10*time.Second, func() error {
		state, known, err := hub.Client(t, "bank").Event(t.Context(), e.ID)
		if err != nil || !known || state.Status != client.Stored {
			return fmt.Errorf("state %+v, known %t, error %v", state, known, err)
		}
		return nil
	})
	if state, known, err := hub.Client(t, "platform").Event(t.Context(), e.ID); known || err != nil {
		t.Errorf("another partner asked for the event and got %+v, error %v; want nothing", state, err)
	}
}

func TestAnImportedFileIsListedAndCountedOnceHoweverOftenItIsImported(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{})
	file := filepath.Join(t.TempDir(), "mules.csv")
	rows := "type,value,category,confidence\n" +
		"bank_account,Maybank: 5140 9988 7766,loan,80\n" +
		"phone,012-345 6789,telecommunication,\n" +
		"phone,not a number,telecommunication,\n"
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := hub.CLI(t, "bank", "import", file)
		if err == nil || !strings.Contains(err.Error(), "line 4, value: ") || strings.Contains(err.Error(), "not a number") {
			t.Fatalf("import printed %q and ended with %v; want the bad row refused by its rule", out, err)
		}
	}
	becomes(t, hub, caller, fraud.Suspected)
	becomes(t, hub, nation.Case{Type: indicator.BankAccount, Raw: "514099887766"}, fraud.Suspected)
	testkit.Eventually(t, 10*time.Second, func() error {
		if rows := hub.Query(t, "SELECT count() FROM events FINAL"); rows != "4" {
			return fmt.Errorf("%s rows stored, want the 2 events of each run", rows)
		}
		return nil
	})
	out, err := hub.CLI(t, "analyst", "trends", "--by", "type", "--last", "7d", "-o", "csv")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		fields := strings.Split(line, ",")
		n, err := strconv.Atoi(fields[2])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		counts[fields[1]] += n
	}
	if diff := cmp.Diff(map[string]int{"bank_account": 1, "phone": 1}, counts); diff != "" {
		t.Errorf("trends (-want +got):\n%s", diff)
	}
}
