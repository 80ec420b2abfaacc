package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func historyOf(body string) ask {
	return ask{method: "POST", path: "/v1/indicators", key: "lookup", body: body}
}

func TestTheHistoryOfAValueIsThatOfItsDigestsOfEveryEpoch(t *testing.T) {
	h := newHub(t)
	at := now.Add(-48 * time.Hour).UTC()
	h.told = fraud.History{Then: &fraud.Verdict{Status: fraud.Suspected, Score: 70, Reporters: 1},
		Sayings: []fraud.Saying{{Kind: fraud.Report, Grade: indicator.Exact, IssuedAt: at, Reporter: 1}}, More: true}
	const value = "013-345 6789"
	got := h.do(t, historyOf(`{"indicator":{"type":"phone","value":"`+value+`"},"at":"`+at.Format(time.RFC3339)+`","limit":1}`))
	if got.Status != 200 || !strings.Contains(got.Body, `"then":{"at":`) || !strings.Contains(got.Body, `"next":`) {
		t.Fatal(got)
	}
	first, newest := digestOf(oldRing, indicator.Phone, value), digestOf(ring, indicator.Phone, value)
	want := fraud.HistoryQuestion{Forms: []indicator.Digest{first, newest},
		Probes: []fraud.Probe{{Digest: newest, Grade: indicator.Exact}}, At: at, Limit: 1}
	asked := h.historyOf
	asked.Asker = nil
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, d := range []indicator.Digest{first, newest} {
		if strings.Contains(got.Body+h.logged(), d.String()) {
			t.Error("the digest of a value is told")
		}
	}

	_, cursor, _ := strings.Cut(got.Body, `"next":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	h.do(t, historyOf(`{"indicator":{"type":"phone","epoch":1,"digest":"`+first.String()+`"},"cursor":"`+cursor+`"}`))
	asked = h.historyOf
	if diff := cmp.Diff(want.Forms, asked.Forms); diff != "" || asked.Limit != defaultSayings || !asked.At.IsZero() {
		t.Errorf("asked by a digest: %+v\n%s", asked, diff)
	}
	if diff := cmp.Diff(h.told.Sayings[0].Place, asked.Before); diff != "" {
		t.Errorf("the place of the cursor (-want +got):\n%s", diff)
	}
}

func TestAHistoryThatCannotBeToldIsRefusedWithoutTheValue(t *testing.T) {
	h := newHub(t)
	strict := newHub(t, func(c *Config, _ *Deps) { c.RefuseValues = true })
	const value = `"indicator":{"type":"phone","value":"013-345 6789"}`
	digest := strings.Repeat("ab", 32)
	prefix := `{"grade":"prefix","digest":"` + digest + `"}`
	for situation, c := range map[string]struct {
		hub          *hub
		body         string
		code, where  string
		withContract bool // the contract cannot say what is wrong
	}{
		"a time to come":       {h, `{` + value + `,"at":"2099-01-01T00:00:00Z"}`, "schema", "/at", true},
		"no events at all":     {h, `{` + value + `,"limit":0}`, "schema", "/limit", false},
		"too many events":      {h, `{` + value + `,"limit":201}`, "schema", "/limit", false},
		"a cursor of nothing":  {h, `{` + value + `,"cursor":"x"}`, "schema", "/cursor", true},
		"nothing asked about":  {h, `{}`, "schema", "/indicator/type", false},
		"a value of no e-mail": {h, `{"indicator":{"type":"email","value":"` + planted + `"}}`, "schema", "/indicator/value", true},
		"an epoch to come":     {h, `{"indicator":{"type":"phone","epoch":9,"digest":"` + digest + `"}}`, "unknown_epoch", "", true},
		"a plain hash":         {h, `{"indicator":{"type":"phone","digest":"` + digest + `"}}`, "schema", "/indicator/epoch", false},
		"a value and a digest": {h, `{"indicator":{"type":"phone","value":"1","epoch":1}}`, "schema", "/indicator", false},
		"ten expressions": {h, `{"indicator":{"type":"url","epoch":1,"digest":"` + digest + `","also":[` +
			strings.Repeat(prefix+",", 8) + prefix + `]}}`, "schema", "/indicator/also", true},
		"a field of another route":      {h, `{"indicators":[]}`, "schema", "", false},
		"a value where none is allowed": {strict, `{` + value + `}`, "value_refused", "/indicator/value", true},
	} {
		a := historyOf(c.body)
		a.against = !c.withContract
		got := c.hub.do(t, a)
		if got.Status != 400 || !strings.Contains(got.Body, `"code":"`+c.code+`"`) ||
			c.where != "" && !strings.Contains(got.Body, `"pointer":"`+c.where+`"`) {
			t.Errorf("%s: %d %s", situation, got.Status, got.Body)
		}
		if strings.Contains(got.Body, planted) {
			t.Errorf("%s: the value is quoted", situation)
		}
	}
	if strings.Contains(h.logged(), planted) {
		t.Error("the value stands in the log")
	}
}
