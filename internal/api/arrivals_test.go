package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestMyEventsAreAskedForInMyNameAndPageByPage(t *testing.T) {
	h := newHub(t)
	id := uuid.MustParse(someID)
	h.arrivals = []fraud.Arrival{
		{Position: fraud.Position{Partition: 3, Offset: 1 << 40, Index: 7},
			Fate: fraud.Fate{EventID: id, Partner: 2, Appended: now}, Kind: fraud.Report, IssuedAt: now, Type: indicator.Phone,
			Epoch: 2, Digest: indicator.Digest{1}, Category: 1, TLP: fraud.TLPAmber,
			Provenance: fraud.Provenance{Accepted: fraud.SecondsOf(now), Held: true, Group: 1}},
		{Fate: fraud.Fate{Partner: 2, Appended: now, Fault: fraud.Refuse(fraud.ReasonSchema, "/kind", "is required")},
			Whole: true},
	}
	got := h.do(t, ask{method: "GET", path: "/v1/events?mine&limit=1&kind=report&state=held&from=2026-11-20T00:00:00Z", key: "report"})
	if got.Status != 200 || !strings.Contains(got.Body, `"status":"held"`) || !strings.Contains(got.Body, `"group":"banks"`) {
		t.Fatal(got)
	}
	want := fraud.ArrivalQuestion{Partner: 2, Kind: fraud.Report, State: fraud.ArrivedHeld, Limit: 1,
		From: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), To: now.Add(fraud.MaxSkew)}
	if diff := cmp.Diff(want, h.askedFor); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	_, cursor, _ := strings.Cut(got.Body, `"next":"`)
	cursor, _, _ = strings.Cut(cursor, `"`)
	path := "/v1/events?mine=true&cursor=" + cursor
	if got := h.do(t, ask{method: "GET", path: path, key: "report"}); got.Status != 200 ||
		!strings.Contains(got.Body, `"whole_bundle":true,"reason":"schema"`) || strings.Contains(got.Body, "next") {
		t.Error(got)
	}
	if diff := cmp.Diff(h.arrivals[0].Place(), h.askedFor.Before); diff != "" {
		t.Errorf("the place of the cursor (-want +got):\n%s", diff)
	}
	for situation, a := range map[string]ask{
		"another partner's cursor": {path: path, key: "report2"},
		"a cursor that was cut":    {path: path[:len(path)-1], key: "report"},
		"no cursor":                {path: "/v1/events?cursor=0", key: "report"},
		"others' events":           {path: "/v1/events?mine=false", key: "report", against: true},
		"an unknown state":         {path: "/v1/events?state=lost", key: "report", against: true},
		"too long a time":          {path: "/v1/events?from=2026-01-01T00:00:00Z", key: "report"},
		"the end first":            {path: "/v1/events?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", key: "report"},
		"too large a page":         {path: "/v1/events?limit=501", key: "report", against: true},
	} {
		a.method = "GET"
		if got := h.do(t, a); got.Status != 400 || !strings.Contains(got.Body, "bad_parameter") {
			t.Errorf("%s: %d %s", situation, got.Status, got.Body)
		}
	}
}
