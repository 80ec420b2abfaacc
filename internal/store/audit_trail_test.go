package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

var everyKind = []fraud.AuditKind{fraud.AuditEvent, fraud.AuditRefusal, fraud.AuditRepeat, fraud.AuditAct, fraud.AuditUsage}

// told is a record as one line.
func told(a *fraud.AuditRecord) string {
	line := fmt.Sprintf("%s %s %s by %q", a.At.Format("02T15:04:05"), a.Kind, a.What, a.By)
	switch a.Kind {
	case fraud.AuditAct:
		line += fmt.Sprintf(" %s %s %t", a.Whom, a.Reason, a.Done)
	case fraud.AuditUsage:
		line += fmt.Sprintf(" %s %d %d %v", a.Node, a.Calls, a.Refused, a.Verdicts[1:])
	default:
		line += " " + a.Position.Place().String() + fmt.Sprintf(":%d", a.Position.Index)
	}
	if a.Kind == fraud.AuditRepeat {
		line += " of " + a.First.Place().String() + fmt.Sprintf(":%d", a.First.Index)
	}
	return line
}

// trail asks for the audit from 9 to 11 March.
func trail(t *testing.T, d *db, q fraud.AuditQuery) (lines []string) {
	t.Helper()
	if q.From.IsZero() {
		q.From, q.To = noon.Add(-24*time.Hour), noon.Add(24*time.Hour)
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Kinds == nil {
		q.Kinds = everyKind
	}
	records, err := d.AuditTrail(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		lines = append(lines, told(&records[i]))
	}
	return lines
}

func TestTheAuditTellsWhoDidWhatWithoutEverTellingAboutWhat(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	event := func(partner fraud.PartnerNumber, kind fraud.Kind, seconds int) fraud.Entry {
		e := m.entry(noon)
		e.Partner, e.Event.Kind, e.Appended = partner, kind, noon.Add(time.Duration(seconds)*time.Second)
		e.Opinions = e.Event.Opinions(e.Partner, e.Category, fraud.Provenance{})
		return e
	}
	listed, withdrawn := event(1, fraud.Report, 1), event(1, fraud.Withdraw, 2)
	again := listed
	again.Appended = noon.Add(5 * time.Second)
	old := event(2, fraud.Report, -3*24*3600)
	oldAgain := old
	oldAgain.Appended = noon.Add(6 * time.Second)
	letter := fraud.DeadLetter{Position: fraud.Position{Partition: 0, Offset: 13}, Whole: true, Appended: noon.Add(3 * time.Second),
		Fault: *fraud.Refuse(fraud.ReasonSignature, "", "does not fit")}
	segment := messages(0, 10, []fraud.Entry{listed, withdrawn, again})
	segment.Last, segment.DeadLetters = 13, []fraud.DeadLetter{letter}
	act := fraud.Act{ID: m.id(noon), At: noon.Add(4 * time.Second), By: "force", Key: "force.1", What: fraud.PartnerStateSet,
		Whom: "alpha", Reason: "why"}
	lost := act
	lost.ID, lost.At, lost.Revision = m.id(noon), noon.Add(-time.Second), 7
	usage := fraud.Usage{Hour: noon, Partner: 1, Class: fraud.LookupMany, Node: "hub-1", Run: uuid.New(), Calls: 2,
		Verdicts: fraud.Verdicts{fraud.NotListed: 1500}}
	later := usage
	later.Calls, later.Refused, later.Verdicts[fraud.Confirmed] = 5, 1, 3
	restarted := usage
	restarted.Run = uuid.New()
	for range 2 { // everything is delivered and written twice
		d.insert(t, segment, messages(1, 0, []fraud.Entry{old, oldAgain}))
		if err := d.RecordActs(t.Context(), act, lost); err != nil {
			t.Fatal(err)
		}
		for _, u := range []fraud.Usage{later, usage, restarted} {
			if err := d.AddUsage(t.Context(), []fraud.Usage{u}); err != nil {
				t.Fatal(err)
			}
		}
	}
	place := fraud.Place{Partition: 0, Offset: 13}
	if err := d.RecordReplays(t.Context(), []fraud.Replay{{From: place, To: place, At: noon.Add(9 * time.Second), By: "aminah"}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`10T12:00:09 act replay_message by ""  by aminah true`,
		`10T12:00:06 repeat report by "purse" 1:1:0 of 1:0:0`,
		`10T12:00:06 event report by "purse" 1:1:0`,
		`10T12:00:05 repeat report by "alpha" 0:12:0 of 0:10:0`,
		`10T12:00:05 event report by "alpha" 0:12:0`,
		`10T12:00:04 act set_state by "force" alpha why true`,
		`10T12:00:03 refusal bad_signature by "" 0:13:0`,
		`10T12:00:02 event withdraw by "alpha" 0:11:0`,
		`10T12:00:01 event report by "alpha" 0:10:0`,
		`10T12:00:00 usage lookup_many by "alpha" hub-1 7 1 [3000 0 0 0 3 0]`,
		`10T11:59:59 act set_state by "force" alpha why false`,
	}
	if diff := cmp.Diff(want, trail(t, d, fraud.AuditQuery{})); diff != "" {
		t.Errorf("the whole (-want +got):\n%s", diff)
	}
	// Page by page it is the same.
	var paged []string
	q := fraud.AuditQuery{Kinds: everyKind, From: noon.Add(-24 * time.Hour), To: noon.Add(24 * time.Hour), Limit: 2}
	for {
		page, err := d.AuditTrail(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page {
			paged = append(paged, told(&page[i]))
		}
		if len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].Place
	}
	if diff := cmp.Diff(want, paged); diff != "" {
		t.Errorf("page by page (-want +got):\n%s", diff)
	}
	// pick are the wanted lines of these numbers.
	pick := func(numbers ...int) (lines []string) {
		for _, n := range numbers {
			lines = append(lines, want[n])
		}
		return lines
	}
	for name, c := range map[string]struct {
		q    fraud.AuditQuery
		want []string
	}{
		"a kind":                  {fraud.AuditQuery{Kinds: []fraud.AuditKind{fraud.AuditRefusal}}, pick(6)},
		"a reason":                {fraud.AuditQuery{What: []string{"bad_signature", "set_state"}}, pick(5, 6, 10)},
		"a partner":               {fraud.AuditQuery{Partner: "alpha"}, pick(3, 4, 5, 7, 8, 9, 10)},
		"a partner of the acts":   {fraud.AuditQuery{Partner: "force"}, pick(5, 10)},
		"an unknown partner":      {fraud.AuditQuery{Partner: "nobody"}, nil},
		"an hour":                 {fraud.AuditQuery{From: noon.Add(-time.Hour), To: noon}, pick(10)},
		"one indicator":           {fraud.AuditQuery{Kinds: everyKind[:1], Digest: &listed.Event.Indicator.Digest, Type: listed.Event.Indicator.Type}, pick(4, 8)},
		"one indicator's repeats": {fraud.AuditQuery{Kinds: everyKind[2:3], Digest: &listed.Event.Indicator.Digest, Type: listed.Event.Indicator.Type}, pick(3)},
		"an unknown indicator":    {fraud.AuditQuery{Kinds: everyKind[:1], Digest: &indicator.Digest{1}, Type: indicator.Phone}, nil},
	} {
		if diff := cmp.Diff(c.want, trail(t, d, c.q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
