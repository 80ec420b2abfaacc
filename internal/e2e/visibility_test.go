package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// visible is the table: whom an event of each marking is told to, beside authorities and the organisation of its source.
var visible = []struct {
	tlp   fraud.TLP
	group string
	told  string
}{
	{fraud.TLPRed, "", "nobody"},
	{fraud.TLPAmberStrict, "", "nobody"},
	{fraud.TLPAmberStrict, "banks", "banks"},
	{fraud.TLPAmberStrict, "payments", "payments"},
	{fraud.TLPAmber, "banks", "banks"},
	{fraud.TLPAmber, "payments", "payments"},
	{0, "banks", "banks"},
	{0, "payments", "payments"},
	{fraud.TLPAmber, "", "everybody"},
	{0, "", "everybody"},
	{fraud.TLPGreen, "", "everybody"},
	{fraud.TLPClear, "", "everybody"},
}

// asker is a partner of the walk, with a key for each scope.
type asker struct {
	id, kind, group string
	inside          bool // the source, or of its organisation
	keys            map[string]string
}

func (a *asker) sees(told string) bool {
	return told == "everybody" || told == a.group || a.inside || a.authority()
}

func (a *asker) authority() bool { return a.kind == "police" || a.kind == "regulator" }

const source = "bank-harimau"

// scopes are those of the two keys that a partner may have.
var scopes = []string{"lookup", "report, analyse"}

// takePart writes partners of every kind and membership into the partner file, and lets the source into both groups.
func takePart(t *testing.T, hub *hubtest.Hub) (all []*asker) {
	t.Helper()
	var entries strings.Builder
	number := 100
	issue := func(a *asker) (list string) {
		a.keys = map[string]string{}
		for i, scope := range scopes {
			id := fmt.Sprintf("%s.%d", a.id, i+1)
			key, hash := partners.NewAPIKey(id)
			for one := range strings.SplitSeq(scope, ", ") {
				a.keys[one] = key
			}
			list += fmt.Sprintf("  - {id: %s, sha256: %s, scopes: [%s]}\n", id, hash, scope)
		}
		return list
	}
	add := func(id, kind, group, organisation string) {
		a := &asker{id: id, kind: kind, group: group, inside: organisation == source}
		number++
		fmt.Fprintf(&entries, "- id: %s\n  number: %d\n  name: %s\n  kind: %s\n  organisation: %s\n", id, number, id, kind,
			organisation)
		if group != "" {
			fmt.Fprintf(&entries, "  sharing_groups: [%s]\n", group)
		}
		fmt.Fprintf(&entries, "  quotas: {requests: 100000, indicators: 100000, distinct: 100000}\n  api_keys:\n%s", issue(a))
		all = append(all, a)
	}
	for _, kind := range fraud.PartnerKinds() {
		for _, group := range []string{"", "banks", "payments"} {
			id := "asks-" + kind + "-" + group
			add(strings.TrimSuffix(id, "-"), kind, group, id)
		}
	}
	add("harimau-wallet", "ewallet", "", source)
	path := hub.Keys.File("partners.yaml")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	own := &asker{id: source, kind: "bank", group: "banks", inside: true, keys: map[string]string{}}
	all = append(all, own)
	own.keys["lookup"], own.keys["report"] = hub.Keys.API["bank"], hub.Keys.API["bank"]
	text := strings.Replace(string(file), "partners:\n", "partners:\n"+entries.String(), 1)
	text = strings.Replace(text, "- id: "+source+"\n", "- id: "+source+"\n  sharing_groups: [banks, payments]\n", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return all
}

// walk asks and counts.
type walk struct {
	*testing.T
	hub     *hubtest.Hub
	checked int
}

// ask sends one request; body nil is a GET.
func (w *walk) ask(key, path string, body []byte, media string) (status int, answer string) {
	w.Helper()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(w.Context(), method, w.hub.API+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	if body != nil {
		r.Header.Set("Content-Type", media)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// get is ask for what must be answered, decoded.
func (w *walk) get(key, path string, into any) string {
	w.Helper()
	status, answer := w.ask(key, path, nil, "")
	if status != http.StatusOK {
		w.Fatalf("GET %s: %d %s", path, status, answer)
	}
	if err := json.Unmarshal([]byte(answer), into); err != nil {
		w.Fatal(err)
	}
	return answer
}

// told compares what an asker was told of each marking with the table.
func (w *walk) told(a *asker, route string, got func(i int) bool) {
	w.Helper()
	for i, v := range visible {
		w.checked++
		if want := a.sees(v.told); got(i) != want {
			w.Errorf("%s: of %v %q %s is told: %t, want %t", route, v.tlp, v.group, a.id, !want, want)
		}
	}
}

type verdictAnswer struct {
	Verdict   string `json:"verdict"`
	Reporters int    `json:"reporters"`
}

type changesPage struct {
	Changes []struct {
		Stance    string
		Indicator struct{ Digest string }
	}
	More bool
}

func (p *changesPage) tells(into map[string]bool) {
	for _, c := range p.Changes {
		into[c.Indicator.Digest] = true
	}
}

// stream reads a stream of changes until it has caught up.
func (w *walk) stream(key, query string) (told map[string]bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.hub.API+"/v1/changes?"+query, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	told = map[string]bool{}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var page changesPage
			if err := json.Unmarshal([]byte(data), &page); err != nil {
				w.Fatal(err)
			}
			if page.tells(told); !page.More {
				return told
			}
		}
	}
	w.Fatalf("the stream ended: %v", lines.Err())
	return nil
}

// TestEveryRouteTellsEachPartnerWhatItsMarkingAllows walks every route that tells of what was said, for every kind of
// partner, membership, scope and marking.
func TestEveryRouteTellsEachPartnerWhatItsMarkingAllows(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	hub := hubtest.Start(t, hubtest.Options{NotStarted: true})
	askers := takePart(t, hub)
	hub.Restart(t)
	begun := time.Now().Add(-time.Minute)
	first := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(len(visible)) * time.Hour)
	events := make([]fraud.Event, len(visible))
	for i, v := range visible {
		events[i] = fraud.Event{
			ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, IssuedAt: first.Add(time.Duration(i)*time.Hour + time.Minute),
			Indicator: fraud.Ref{Type: indicator.Phone, Epoch: hub.Ring.Epoch(), Digest: randomDigest()},
			Category:  "telecommunication", Confidence: 80, Evidence: fraud.BankSuspected, Advice: fraud.Warn,
			TLP: v.tlp, Group: v.group,
		}
	}
	// Trends show nobody less than five.
	var beside []fraud.Event
	for i := range 4 * len(events) {
		e := events[i%len(events)]
		e.ID, e.Kind, e.Action = uuid.Must(uuid.NewV7()), fraud.ActionTaken, fraud.Blocked
		e.Indicator.Digest, e.Confidence = randomDigest(), 0
		beside = append(beside, e)
	}
	hub.Publish(t, source, append(beside, events...)...)
	w := &walk{T: t, hub: hub}
	police := askers[slices.IndexFunc(askers, func(a *asker) bool { return a.kind == "police" })]
	testkit.Eventually(t, time.Minute, func() error {
		for _, e := range events {
			var v verdictAnswer
			w.get(police.keys["lookup"], lookupPath(e), &v)
			if v.Verdict != "suspected" {
				return errors.New("the index does not list all of it yet")
			}
		}
		if n := hub.Query(t, "SELECT uniqExact(event_id) FROM events"); n != fmt.Sprint(len(beside)+len(events)) {
			return errors.New("the ledger does not hold all of it yet")
		}
		return nil
	})
	w.scopes(askers, events[0])
	for _, a := range askers {
		w.lookups(a, events)
		w.histories(a, events)
		w.changes(a, events, begun)
		w.own(a, events)
		if key := a.keys["analyse"]; key != "" {
			w.trends(a, key, first)
		}
	}
	t.Logf("%d combinations of route, partner, scope, TLP and group", w.checked)
	w.loosened(askers, events)
	commands(t, hub)
}

// commands asks with the command line, about a value of its own.
func commands(t *testing.T, hub *hubtest.Hub) {
	const value = "012-345 6789"
	watched := make(chan string, 1)
	go func() {
		out, err := hub.CLI(t, "platform", "watch", "--changes", "1", "--for", "60s")
		if err != nil {
			out = err.Error()
		}
		watched <- out
	}()
	sent := 0
	for watched != nil { // the watch may begin after the first report
		if out, err := hub.CLI(t, "bank", "report", "-t", "phone", "-c", "loan", "--wait", value); err != nil {
			t.Fatal(out, err)
		}
		sent++
		select {
		case out := <-watched:
			if !strings.Contains(out, "  listed  [") || !strings.Contains(out, "  phone  ") || strings.Contains(out, source) {
				t.Errorf("watch: %s", out)
			}
			watched = nil
		case <-time.After(time.Second):
		}
	}
	var out string
	testkit.Eventually(t, time.Minute, func() (err error) {
		if out, err = hub.CLI(t, "bank", "history", "phone", value, "--at", "0s"); err == nil &&
			strings.Count(out, "report  by you") != sent {
			err = errors.New("the ledger does not hold it yet")
		}
		return err
	})
	if !strings.Contains(out, "now   SUSPECTED") || !strings.Contains(out, "then  SUSPECTED") {
		t.Errorf("history: %s", out)
	}
	out, err := hub.CLI(t, "bank", "events", "--kind", "report", "-o", "json")
	if n := strings.Count(out, `"status":"stored"`); err != nil || n != len(visible)+1+sent {
		t.Errorf("events: %d lines, %v", n, err)
	}
}

func randomDigest() (d indicator.Digest) {
	for i := 0; i < len(d); i += 8 {
		binary.BigEndian.PutUint64(d[i:], rand.Uint64())
	}
	return d
}

func lookupPath(e fraud.Event) string {
	return "/v1/lookup/phone/" + e.Indicator.Digest.String() + "?epoch=1"
}

func historyPath(e fraud.Event) string {
	return "/v1/indicators/phone/" + e.Indicator.Digest.String() + "?epoch=1"
}

// scopes asks every route with every key.
func (w *walk) scopes(askers []*asker, e fraud.Event) {
	for path, needed := range map[string]string{
		lookupPath(e): "lookup", historyPath(e): "lookup", "/v1/changes": "lookup", "/v1/events?mine": "report",
		"/v1/events/" + e.ID.String(): "report", "/v1/trends/series": "analyse",
	} {
		for _, a := range askers {
			if a.id == source { // its key has two scopes
				continue
			}
			for scope, key := range a.keys {
				w.checked++
				status, answer := w.ask(key, path, nil, "")
				if (status == http.StatusForbidden) != (key != a.keys[needed]) {
					w.Errorf("%s by %s with a key of the scope %s: %d %s", path, a.id, scope, status, answer)
				}
			}
		}
	}
}

func (w *walk) lookups(a *asker, events []fraud.Event) {
	key := a.keys["lookup"]
	length := 0
	w.told(a, "lookup of one", func(i int) bool {
		var v verdictAnswer
		answer := w.get(key, lookupPath(events[i]), &v)
		if length == 0 {
			length = len(answer)
		}
		if len(answer) != length {
			w.Errorf("the answer to %s about %v is %d bytes long, and another %d", a.id, visible[i], len(answer), length)
		}
		return v.Verdict == "suspected" && v.Reporters == 1
	})
	var questions []string
	var digests []byte
	for _, e := range events {
		questions = append(questions, fmt.Sprintf(`{"type":"phone","epoch":1,"digest":%q}`, e.Indicator.Digest.String()))
		digests = append(digests, e.Indicator.Digest[:]...)
	}
	var many struct{ Results []verdictAnswer }
	_, answer := w.ask(key, "/v1/lookup", []byte(`{"indicators":[`+strings.Join(questions, ",")+`]}`), "application/json")
	if err := json.Unmarshal([]byte(answer), &many); err != nil || len(many.Results) != len(events) {
		w.Fatalf("%v %s", err, answer)
	}
	w.told(a, "lookup of many", func(i int) bool { return many.Results[i].Verdict == "suspected" })
	_, batch := w.ask(key, "/v1/lookup/batch?epoch=1", digests, "application/octet-stream")
	if !strings.HasPrefix(batch, "WSPB") {
		w.Fatalf("batch: %s", batch)
	}
	w.told(a, "binary batch", func(i int) bool { return batch[24+i/8]>>(i%8)&1 == 1 })
}

func (w *walk) histories(a *asker, events []fraud.Event) {
	at := time.Now().UTC().Add(-time.Second).Format(time.RFC3339Nano)
	w.told(a, "history", func(i int) bool {
		var h struct {
			Verdict verdictAnswer
			Then    struct{ Verdict verdictAnswer }
			Events  []struct {
				Mine    bool
				EventID string `json:"event_id"`
				Partner string
			}
		}
		answer := w.get(a.keys["lookup"], historyPath(events[i])+"&at="+at, &h)
		if named := strings.Contains(answer, source); named && !a.authority() {
			w.Errorf("a history names the source to %s: %s", a.id, answer)
		}
		if id := strings.Contains(answer, events[i].ID.String()); id != (a.id == source) {
			w.Errorf("a history has the id of the event for %s: %t", a.id, id)
		}
		shown := len(h.Events) == 1
		if listed := h.Verdict.Verdict == "suspected"; listed != shown {
			w.Errorf("%s sees the event: %t, and a verdict of it: %t", a.id, shown, listed)
		}
		if listed := h.Then.Verdict.Verdict == "suspected"; listed != shown {
			w.Errorf("%s sees the event: %t, and that it was listed then: %t", a.id, shown, listed)
		}
		if shown && (h.Events[0].Mine != (a.id == source) || (h.Events[0].Partner == source) != a.authority()) {
			w.Errorf("%s is told: %+v", a.id, h.Events[0])
		}
		return shown
	})
}

func (w *walk) changes(a *asker, events []fraud.Event, since time.Time) {
	query := "since=" + since.UTC().Format(time.RFC3339)
	var page changesPage
	answer := w.get(a.keys["lookup"], "/v1/changes?"+query, &page)
	for _, other := range []string{source, "bank", events[0].ID.String()} {
		if strings.Contains(answer, `"`+other+`"`) {
			w.Errorf("the changes tell %s %s", a.id, other)
		}
	}
	paged := map[string]bool{}
	page.tells(paged)
	w.told(a, "page of changes", func(i int) bool { return paged[events[i].Indicator.Digest.String()] })
	streamed := w.stream(a.keys["lookup"], query)
	w.told(a, "stream of changes", func(i int) bool { return streamed[events[i].Indicator.Digest.String()] })
	if len(paged) != len(page.Changes) || len(streamed) != len(paged) {
		w.Errorf("%s is told of %d digests in %d changes, and of %d in the stream", a.id, len(paged), len(page.Changes),
			len(streamed))
	}
}

// own asks for what only the source is told.
func (w *walk) own(a *asker, events []fraud.Event) {
	var mine struct {
		Events []struct {
			EventID string `json:"event_id"`
		}
	}
	w.get(a.keys["report"], "/v1/events?mine&kind=report", &mine)
	want := 0
	if a.id == source {
		want = len(events)
	}
	w.checked += len(events)
	if len(mine.Events) != want {
		w.Errorf("%s has %d events, want %d", a.id, len(mine.Events), want)
	}
	for i, e := range events {
		w.checked++
		if status, answer := w.ask(a.keys["report"], "/v1/events/"+e.ID.String(), nil, ""); (status == 200) != (a.id == source) {
			w.Errorf("%s asks for the event of %v: %d %s", a.id, visible[i], status, answer)
		}
	}
}

func (w *walk) trends(a *asker, key string, first time.Time) {
	var set struct {
		Series []struct {
			Points []struct {
				At    time.Time
				Value int
			}
		}
	}
	w.get(key, "/v1/trends/series?bucket=hour&by=type&from="+first.Format(time.RFC3339), &set)
	counts := map[int64]int{}
	for _, s := range set.Series {
		for _, p := range s.Points {
			counts[p.At.Unix()] += p.Value
		}
	}
	w.told(a, "trends", func(i int) bool { return counts[first.Add(time.Duration(i)*time.Hour).Unix()] == 5 })
}

// loosened lets the source loosen its own marking, and another partner speak openly of what was marked: that loosens
// nothing.
func (w *walk) loosened(askers []*asker, events []fraud.Event) {
	again := events[0] // RED
	again.ID, again.IssuedAt, again.TLP = uuid.Must(uuid.NewV7()), time.Now().UTC().Truncate(time.Millisecond), fraud.TLPClear
	w.hub.Publish(w.T, source, again)
	open := events[1] // AMBER+STRICT
	open.ID, open.IssuedAt, open.TLP = uuid.Must(uuid.NewV7()), again.IssuedAt, fraud.TLPClear
	w.hub.Publish(w.T, "bank-kenari", open)
	reporters := func(a *asker, e fraud.Event) int {
		var v verdictAnswer
		w.get(a.keys["lookup"], lookupPath(e), &v)
		return v.Reporters
	}
	said := func(a *asker, e fraud.Event) int {
		var h struct{ Events []struct{} }
		w.get(a.keys["lookup"], historyPath(e), &h)
		return len(h.Events)
	}
	testkit.Eventually(w.T, time.Minute, func() error {
		if n := w.hub.Query(w.T, "SELECT uniqExact(event_id) FROM events"); n != fmt.Sprint(5*len(events)+2) {
			return errors.New("the ledger does not hold it yet")
		}
		for _, a := range askers {
			own, others := 1, 1
			ownSaid, othersSaid := 1, 1
			if a.sees("nobody") {
				others, ownSaid, othersSaid = 2, 2, 2
			}
			got := []int{reporters(a, again), said(a, again), reporters(a, open), said(a, open)}
			if diff := cmp.Diff([]int{own, ownSaid, others, othersSaid}, got); diff != "" {
				return fmt.Errorf("%s sees of what was loosened, and of what another says (-want +got):\n%s", a.id, diff)
			}
		}
		return nil
	})
}
