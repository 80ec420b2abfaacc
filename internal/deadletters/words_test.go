package deadletters_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

func TestEveryReasonIsExplained(t *testing.T) {
	for _, reason := range fraud.Reasons() {
		if a := deadletters.AdviceOn(reason); a.Means == "" || a.Do == "" || strings.Contains(a.Means, "does not know") {
			t.Errorf("%s: %+v", reason, a)
		}
	}
	if a := deadletters.AdviceOn("of_tomorrow"); a.Means == "" || a.Do == "" {
		t.Errorf("a reason that is not known: %+v", a)
	}
}

func TestPositionsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]deadletters.Target{
		"3:128411":              {Place: place(3, 128411), Index: -1},
		"0:0:0":                 {Place: place(0, 0), Index: 0},
		"2147483647:1:499":      {Place: place(1<<31-1, 1), Index: 499},
		"0:9223372036854775807": {Place: place(0, 1<<63-1), Index: -1},
	} {
		got, err := deadletters.ParseTarget(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "3", ":", "3:", ":3", "3:4:", "3:4:5:6", "-1:4", "3:-4", "3:4:500", "2147483648:1", "0:9223372036854775808",
		"3:4x", "+3:4", " 3:4", "a:b",
	} {
		if got, err := deadletters.ParseTarget(text); err == nil || strings.Contains(err.Error(), "4x") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestLookTellsNothingOfAMessageButIDs(t *testing.T) {
	h := newHub(t)
	sealed := h.seal(h.report())
	header := func(name, value string) wire.Header { return wire.Header{Name: name, Value: []byte(value)} }
	const secret = "1122334455"
	for name, c := range map[string]struct {
		message wire.Message
		want    deadletters.Original
	}{
		"a good one": {sealed, deadletters.Original{
			Held: true, Size: len(sealed.Value), BundleID: string(sealed.Key), KeyID: "bank-1", Partner: "bank",
			Headers: []string{"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "waspada-key",
				"waspada-signature"},
		}},
		"values in the wrong places": {
			wire.Message{Value: []byte(secret), Headers: []wire.Header{
				header("ce_id", secret), header("ce_source", "/partners/"+secret), header("waspada-key", secret),
				header(secret, "x"), header("to:"+secret, "x"), header("X-Trace", secret),
			}},
			deadletters.Original{
				Held: true, Size: len(secret), Headers: []string{"ce_id", "ce_source", "waspada-key", "x-trace"}, Others: 2,
			},
		},
		"ids that stand twice": {
			wire.Message{Headers: []wire.Header{
				header("waspada-key", "bank-1"), header("Waspada-Key", "bank-2"), header("ce_source", "bank"),
			}},
			deadletters.Original{Held: true, Headers: []string{"waspada-key", "waspada-key", "ce_source"}},
		},
		"nothing": {wire.Message{}, deadletters.Original{Held: true}},
	} {
		t.Run(name, func(t *testing.T) {
			from := h.put(0, c.message)
			picker := h.reports.NewPicker(0)
			defer picker.Close()
			m, err := picker.Pick(t.Context(), from.Offset)
			if err != nil {
				t.Fatal(err)
			}
			letter := fraud.DeadLetter{
				Position: fraud.Position{Offset: from.Offset}, Whole: true, Appended: m.Appended, Size: len(m.Value),
			}
			got, err := deadletters.Look(t.Context(), h.reports, nil, &letter)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
			got, err = deadletters.Look(t.Context(), h.reports, h.judge(), &letter)
			if err != nil || got.Judged == nil || (got.Judged.Whole == nil) != (name == "a good one") {
				t.Errorf("judged: %+v, %v", got.Judged, err)
			}
			letter.Appended = letter.Appended.Add(time.Second)
			if got, err = deadletters.Look(t.Context(), h.reports, nil, &letter); err != nil || got.Held || got.Why == "" {
				t.Errorf("another message: %+v, %v", got, err)
			}
		})
	}
}
