package client_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// asked is the body of a look-up.
type asked struct {
	Indicators []jsontext.Value `json:"indicators"`
}

func bodyOf[T any](t testing.TB, s sent) (body T) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.body), &body, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", s.body, err)
	}
	return body
}

func TestLookupOneReadsEveryField(t *testing.T) {
	h := &hub{script: []reply{{status: 200, body: `{"epoch":1,"as_of":"2026-11-21T04:00:00.000Z","results":[{
		"verdict":"suspected","known_fraud":false,"score":70,"categories":["telecommunication"],"reporters":1,
		"first_reported":"2026-11-21T03:00:00.000Z","last_reported":"2026-11-21T03:30:00.000Z","advice":"hold",
		"matched":"weak","answered_by":"index","as_of":"2026-11-21T04:00:00.000Z","new_member":true}]}`}}}
	got, err := h.client(t).LookupOne(t.Context(), client.Item{Type: indicator.Phone, Value: "012-345 6789"})
	if err != nil {
		t.Fatal(err)
	}
	at := func(h, m int) time.Time { return time.Date(2026, 11, 21, h, m, 0, 0, time.UTC) }
	want := client.Result{Verdict: fraud.Suspected, Score: 70, Categories: []string{"telecommunication"}, Reporters: 1,
		FirstReported: at(3, 0), LastReported: at(3, 30), Advice: fraud.Hold, Matched: indicator.Weak,
		AnsweredBy: fraud.ByIndex, AsOf: at(4, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const body = `{"indicators":[{"type":"phone","value":"012-345 6789"}]}`
	if h.sent[0].body != body {
		t.Errorf("without a key ring it sent %s", h.sent[0].body)
	}
}

func TestLookupSendsEveryExpressionAsADigest(t *testing.T) {
	h := &hub{script: []reply{notListed(1)}}
	ring := testRing(t)
	item := client.Item{Type: indicator.BankAccount, Value: "maybank: 1234 5678 9012"}
	if _, err := h.client(t, client.WithKeyRing(ring)).LookupOne(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"indicators":[{"type":"bank_account","epoch":2,"digest":"%s","also":[`+
		`{"grade":"weak","digest":"%s"}]}]}`, ring.Digest(indicator.BankAccount, "MY/MBBEMYKL/123456789012"),
		ring.Digest(indicator.BankAccount, "MY/*/123456789012"))
	if diff := cmp.Diff(want, h.sent[0].body); diff != "" {
		t.Error(diff)
	}
}

func TestLookupAnswersInOrderAroundBadValues(t *testing.T) {
	h := &hub{script: []reply{{status: 200, body: `{"epoch":2,"results":[
		{"verdict":"confirmed","known_fraud":true,"score":99,"categories":[],"reporters":2},
		{"error":{"code":"unknown_epoch","pointer":"/indicators/1/epoch","detail":"D"}}]}`}}}
	results, err := h.client(t, client.WithKeyRing(testRing(t))).Lookup(t.Context(), []client.Item{
		{Type: indicator.Phone, Value: "not a number"},
		{Type: indicator.Phone, Value: "012-345 6789"},
		{Type: 99, Value: "x"},
		{Type: indicator.Phone, Ref: fraud.Ref{Epoch: 9, Digest: indicator.Digest{1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		if r.Fault != nil {
			got = append(got, r.Fault.Code)
			continue
		}
		got = append(got, r.Verdict.String())
	}
	want := []string{"phone/alphanumeric", "confirmed", "indicator/unknown_type", "unknown_epoch"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLookupSplitsWhatOneRequestCannotHold(t *testing.T) {
	h := &hub{answer: func(s sent) reply { return notListed(len(bodyOf[asked](t, s).Indicators)) }}
	long := "http://a.b.c.d.e.evil.example/1/2/3/4/5?q=" // 30 expressions, 3 KB
	var items []client.Item
	for i := range 1200 {
		item := client.Item{Type: indicator.Phone, Value: indicator.Raw(fmt.Sprintf("012-345 %04d", i))}
		if i%3 == 0 {
			item = client.Item{Type: indicator.URL, Value: indicator.Raw(fmt.Sprint(long, i))}
		}
		items = append(items, item)
	}
	results, err := h.client(t, client.WithKeyRing(testRing(t))).Lookup(t.Context(), items)
	if err != nil || len(results) != len(items) {
		t.Fatal(len(results), err)
	}
	total := 0
	for _, s := range h.sent {
		n := len(bodyOf[asked](t, s).Indicators)
		if total += n; n > client.MaxLookup || len(s.body) > 256<<10 {
			t.Errorf("a request of %d items and %d bytes", n, len(s.body))
		}
	}
	for i, r := range results {
		if r.Verdict != fraud.NotListed {
			t.Fatalf("item %d has no answer", i)
		}
	}
	if total != len(items) {
		t.Errorf("asked about %d of %d", total, len(items))
	}
}

func TestAnswerOfTheWrongLengthIsAnError(t *testing.T) {
	h := &hub{script: []reply{notListed(2)}}
	r, err := h.client(t).LookupOne(t.Context(), client.Item{Type: indicator.Phone, Value: "012-345 6789"})
	if err == nil {
		t.Errorf("took %+v", r)
	}
}

func TestLookupDigestsReadsTheBatch(t *testing.T) {
	b := []byte("WSPB\x01\x00\x00\x02")
	b = binary.BigEndian.AppendUint32(b, 9)             // digests
	b = binary.BigEndian.AppendUint32(b, 1)             // hits
	b = binary.BigEndian.AppendUint64(b, 1795233600123) // as_of
	b = append(b, 0, 1)                                 // digest 8
	b = binary.BigEndian.AppendUint32(b, 8)
	b = append(b, byte(fraud.Confirmed), 97, byte(fraud.Block), byte(fraud.ByIndex))
	for _, n := range []uint16{2, 101, 3, 0} { // reporters and categories
		b = binary.BigEndian.AppendUint16(b, n)
	}
	b = binary.BigEndian.AppendUint32(b, 1795230000)
	b = binary.BigEndian.AppendUint32(b, 1795233600)
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	h := &hub{script: []reply{{status: 200, header: octets, body: string(b)}}}
	digests := make([]indicator.Digest, 9)
	digests[8] = indicator.Digest{8}
	got, err := h.client(t).LookupDigests(t.Context(), 2, digests)
	if err != nil {
		t.Fatal(err)
	}
	want := client.Screening{AsOf: time.UnixMilli(1795233600123).UTC(), Hits: []client.Hit{{Index: 8,
		Verdict: fraud.Confirmed, Score: 97, Advice: fraud.Block, AnsweredBy: fraud.ByIndex, Reporters: 2,
		Categories: []fraud.Code{101, 3}, FirstReported: time.Unix(1795230000, 0).UTC(),
		LastReported: time.Unix(1795233600, 0).UTC()}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s := h.sent[0]
	if s.target != "/v1/lookup/batch?epoch=2" || len(s.body) != 9*32 || s.contentType != octets["Content-Type"] {
		t.Errorf("sent %s of %d bytes", s.target, len(s.body))
	}
	for cut := range b {
		h.script[0].body = string(b[:cut])
		if _, err := h.client(t).LookupDigests(t.Context(), 2, digests); err == nil {
			t.Fatalf("took an answer cut at byte %d", cut)
		}
	}
}

func TestEventSaysWhatBecameOfIt(t *testing.T) {
	id := uuid.Must(uuid.NewV7())
	h := &hub{script: []reply{problem(404, "event_not_found"),
		{status: 200, body: `{"event_id":"` + id.String() + `","status":"stored","taken_at":"2026-11-21T04:00:00.000Z"}`}}}
	if _, known, err := h.client(t).Event(t.Context(), id); known || err != nil {
		t.Errorf("known %t, %v", known, err)
	}
	got, known, err := h.client(t).Event(t.Context(), id)
	want := client.EventState{EventID: id, Status: client.Stored, TakenAt: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got); diff != "" || !known || err != nil {
		t.Error(known, err, diff)
	}
	if h.sent[0].target != "/v1/events/"+id.String() {
		t.Error(h.sent[0].target)
	}
}

func TestSeriesAsksAndReads(t *testing.T) {
	h := &hub{script: []reply{{status: 200, body: `{"metric":"events","by":"type","bucket":"day",
		"from":"2026-11-01T00:00:00+08:00","to":"2026-11-02T00:00:00+08:00",
		"series":[{"key":"phone","points":[{"at":"2026-11-01T00:00:00+08:00","value":3}]}]}`}}}
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	query := client.SeriesQuery{By: "type", Bucket: "day", From: day, To: day.AddDate(0, 0, 1)}
	got, err := h.client(t).Series(t.Context(), query)
	want := client.SeriesSet{Metric: "events", By: "type", Bucket: "day", From: day, To: day.AddDate(0, 0, 1),
		Series: []client.Series{{Key: "phone", Points: []client.Point{{At: day, Value: 3}}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	const target = "/v1/trends/series?bucket=day&by=type" +
		"&from=2026-10-31T16%3A00%3A00.000Z&to=2026-11-01T16%3A00%3A00.000Z"
	if h.sent[0].target != target {
		t.Error(h.sent[0].target)
	}
}

func TestReadyReadsAnUnreadyNode(t *testing.T) {
	h := &hub{script: []reply{{status: 503, body: `{"status":"unready","checks":[{"name":"index","status":"failed"}]}`}}}
	got, err := h.client(t).Ready(t.Context())
	want := client.Readiness{Status: "unready", Checks: []client.Check{{Name: "index", Status: "failed"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || len(h.sent) != 1 {
		t.Error(err, len(h.sent), diff)
	}
}

func TestKeyIsInNoError(t *testing.T) {
	h := &hub{script: []reply{{err: errReset}}}
	_, err := h.client(t, client.WithPatience(0)).Me(t.Context())
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
