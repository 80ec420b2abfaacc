package api

import (
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func (f *fakes) AuditTrail(_ context.Context, q fraud.AuditQuery) ([]fraud.AuditRecord, error) {
	f.asked = q
	return f.trail[:min(len(f.trail), q.Limit)], f.storeErr
}

func (f *fakes) RecordActs(_ context.Context, acts ...fraud.Act) error {
	f.recorded = append(f.recorded, acts...)
	return f.storeErr
}

// someTrail has a record of each kind.
func someTrail() []fraud.AuditRecord {
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	id := uuid.MustParse(someID)
	event := fraud.AuditRecord{At: at, Kind: fraud.AuditEvent, What: "report", By: "bank-b", EventID: id, Type: indicator.Phone,
		IssuedAt: at.Add(-time.Second), Position: fraud.Position{Partition: 3, Offset: 128, Index: 7}, Done: true,
		Place: fraud.AuditPlace{At: at, Kind: fraud.AuditEvent, A: 3, B: 128<<16 + 7}}
	repeat := event
	repeat.Kind, repeat.First, repeat.Place.Kind = fraud.AuditRepeat, fraud.Position{Partition: 1, Offset: 2}, fraud.AuditRepeat
	return []fraud.AuditRecord{
		event, repeat,
		{At: at, Kind: fraud.AuditRefusal, What: "bad_signature", Position: fraud.Position{Offset: 5}, Done: true,
			Place: fraud.AuditPlace{At: at, Kind: fraud.AuditRefusal, B: 5 << 16}},
		{At: at, Kind: fraud.AuditAct, What: "set_state", By: "reg-d", Key: "d.2", Whom: "bank-b", Reason: "a, \"b\"", ID: id,
			Place: fraud.AuditPlace{At: at, Kind: fraud.AuditAct, B: 1<<64 - 1}},
		{At: at, Kind: fraud.AuditUsage, What: "lookup_many", By: "bank-b", Node: "hub-1", Calls: 5, Done: true,
			Verdicts: fraud.Verdicts{fraud.NotListed: 40, fraud.Confirmed: 2},
			Place:    fraud.AuditPlace{At: at, Kind: fraud.AuditUsage, B: 9}},
	}
}

// watchdog is a key of a regulator with the scope analyse; callers has others.
func watchdog(_ *Config, d *Deps) {
	d.Auth = one{fraud.Identity{KeyID: "w.1", Scopes: fraud.MayAnalyse,
		Partner: &fraud.Partner{Number: 9, ID: "watchdog", Kind: fraud.Regulator, State: fraud.Active}}}
}

type one struct{ who fraud.Identity }

func (o one) Authenticate(string, *fraud.Certificate, time.Time) (fraud.Identity, error) {
	return o.who, nil
}

func TestTheAuditIsTheSameInEveryFormat(t *testing.T) {
	h := newHub(t, watchdog)
	h.trail = someTrail()
	got := h.do(t, ask{method: "GET", path: "/v1/audit?limit=5"})
	var page struct {
		Records []auditRecord `json:"records"`
		Next    string        `json:"next"`
	}
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Records) != 5 || page.Next != "1795330800000.5.0.9" {
		t.Fatalf("%d records, next %q", len(page.Records), page.Next)
	}
	if len(h.recorded) != 0 {
		t.Error("a page is no export")
	}
	var lines []auditRecord
	for line := range strings.Lines(h.do(t, ask{method: "GET", path: "/v1/audit?format=ndjson"}).Body) {
		var r auditRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, r)
	}
	if diff := cmp.Diff(page.Records, lines); diff != "" {
		t.Errorf("NDJSON (-json +ndjson):\n%s", diff)
	}
	rows, err := csv.NewReader(strings.NewReader(h.do(t, ask{method: "GET", path: "/v1/audit?format=csv"}).Body)).ReadAll()
	if err != nil || len(rows) != 6 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		// A row says what the record says, field by field.
		whole, err := json.Marshal(page.Records[i])
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(whole, &fields); err != nil {
			t.Fatal(err)
		}
		for c, name := range rows[0] {
			want := ""
			if v, ok := fields[name]; ok {
				want = fmt.Sprint(v)
			} else if row[2] == "usage" && row[c] == "0" {
				want = "0"
			}
			if row[c] != want {
				t.Errorf("row %d, %s: %q, want %q", i, name, row[c], want)
			}
			delete(fields, name)
		}
		if len(fields) > 0 {
			t.Errorf("row %d lacks %v", i, fields)
		}
	}
}

func TestAnExportAndAQuestionAboutOneIndicatorAreAuditedBeforeTheyAreAnswered(t *testing.T) {
	h := newHub(t, watchdog)
	digest := indicator.Digest{7}
	for _, step := range []struct {
		path string
		want fraud.Act
	}{
		{"/v1/audit?format=csv&kind=refusal&what=bad_signature,future&partner=bank-b", fraud.Act{}},
		{"/v1/audit?format=csv&kind=refusal&what=bad_signature,issued_in_future&partner=bank-b", fraud.Act{What: fraud.AuditExported,
			Object: "csv", Reason: "2026-11-21T08:00:00Z to 2026-11-22T08:00:00Z: refusal bad_signature,issued_in_future of bank-b"}},
		{"/v1/audit?type=phone&epoch=2&digest=" + digest.String(), fraud.Act{What: fraud.IndicatorAudited, Object: "phone",
			Reason: "2026-11-21T08:00:00Z to 2026-11-22T08:00:00Z: event "}},
	} {
		h.recorded = nil
		h.do(t, ask{method: "GET", path: step.path})
		if step.want.What == "" {
			if len(h.recorded) > 0 {
				t.Errorf("%s: %+v", step.path, h.recorded)
			}
			continue
		}
		step.want.By, step.want.Key, step.want.At = "watchdog", "w.1", now.UTC()
		if diff := cmp.Diff([]fraud.Act{step.want}, h.recorded, cmpopts.IgnoreFields(fraud.Act{}, "ID")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.path, diff)
		}
	}
	if h.asked.Digest == nil || *h.asked.Digest != digest || h.asked.Type != indicator.Phone {
		t.Errorf("asked for %+v", h.asked)
	}
	h.storeErr = errSecret
	h.asked = fraud.AuditQuery{}
	if got := h.do(t, ask{method: "GET", path: "/v1/audit?format=csv"}); got.Status != 500 || h.asked.Limit != 0 {
		t.Errorf("an export that is not audited is answered: %d", got.Status)
	}
}

func TestQuestionsAboutTheAuditAreBounded(t *testing.T) {
	h := newHub(t, watchdog)
	bank := newHub(t, func(_ *Config, d *Deps) {
		d.Auth = one{fraud.Identity{KeyID: "o.1", Scopes: fraud.MayAdmin,
			Partner: &fraud.Partner{Number: 8, ID: "operator", Kind: fraud.Bank, State: fraud.Active}}}
	})
	digest := "&digest=" + (indicator.Digest{7}).String()
	for _, c := range []struct {
		situation, query string
		parameter        string // at fault, "" for none
	}{
		{"nothing", "", ""},
		{"31 days", "from=2026-10-23T00:00:00Z&to=2026-11-23T00:00:00Z", ""},
		{"32 days", "from=2026-10-22T00:00:00Z&to=2026-11-23T00:00:00Z", "from"},
		{"a year of acts and usage", "kind=act,usage&from=2025-11-23T00:00:00Z&to=2026-11-23T00:00:00Z", ""},
		{"8 days of repeats", "kind=repeat&from=2026-11-15T00:00:00Z&to=2026-11-23T00:00:00Z", "from"},
		{"a year of one indicator", "type=phone&epoch=2&from=2025-11-23T00:00:00Z&to=2026-11-23T00:00:00Z" + digest, ""},
		{"backwards", "from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z", "from"},
		{"an unknown kind", "kind=event,lookup", "kind"},
		{"an unknown word", "what=listed", "what"},
		{"no partner's id", "partner=012-345%206789", "partner"},
		{"a cursor", "cursor=1795330800000.5.0.18446744073709551615", ""},
		{"a forged cursor", "cursor=1795330800000.05.0.1", "cursor"},
		{"too many", "limit=1001", "limit"},
		{"an export of many", "limit=10000&format=ndjson", ""},
		{"an unknown format", "format=xml", "format"},
		{"a digest without its type", "epoch=2" + digest, "type"},
		{"a digest without its epoch", "type=phone" + digest, "epoch"},
		{"a type without a digest", "type=phone&epoch=2", "digest"},
		{"refusals of one indicator", "kind=refusal&type=phone&epoch=2" + digest, "kind"},
	} {
		got := h.do(t, ask{method: "GET", path: "/v1/audit?" + c.query, raw: true})
		var p struct {
			Parameter string `json:"parameter"`
		}
		if err := json.Unmarshal([]byte(got.Body), &p); got.Status != 200 && err != nil {
			t.Fatal(err)
		}
		if p.Parameter != c.parameter || (got.Status == 200) != (c.parameter == "") {
			t.Errorf("%s: %d %s, want %q", c.situation, got.Status, got.Body, c.parameter)
		}
	}
	if got := bank.do(t, ask{method: "GET", path: "/v1/audit"}); got.Status != 200 {
		t.Errorf("an operator: %d", got.Status)
	}
	if got := bank.do(t, ask{method: "GET", path: "/v1/audit?type=phone&epoch=2" + digest}); got.Status != 403 {
		t.Errorf("an operator who is no authority asks about one indicator: %d %s", got.Status, got.Body)
	}
}
