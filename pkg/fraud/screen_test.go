package fraud_test

import (
	"encoding/base64"
	"os"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// TestScreenRefusesThePublishedExamples holds the screen to the examples of schemas/events that are well-formed and
// refused all the same.
func TestScreenRefusesThePublishedExamples(t *testing.T) {
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	ring := publishedRing(t)
	screen := &fraud.Screen{Keys: ring, Taxonomy: taxonomy}
	parsed, err := indicator.Parse(indicator.Domain, "bnm.gov.my")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../../schemas/events/invalid.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Events []struct {
			Name        string            `json:"name"`
			Reason      fraud.Reason      `json:"reason"`
			Pointer     string            `json:"pointer"`
			Stage       string            `json:"stage"`
			PartnerKind fraud.PartnerKind `json:"partner_kind"`
			Event       jsontext.Value    `json:"event"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var protected []indicator.Digest
	for _, e := range parsed.Report {
		protected = append(protected, ring.DigestOf(e))
	}
	screen.Protected = fraud.Protect(protected...)
	held := 0
	for _, example := range file.Events {
		if example.Stage != "ingest" {
			continue
		}
		held++
		t.Run(example.Name, func(t *testing.T) {
			var entry fraud.Entry
			if err := json.Unmarshal(example.Event, &entry.Event); err != nil {
				t.Fatal(err)
			}
			partner := &fraud.Partner{Number: 1, Kind: max(example.PartnerKind, fraud.Bank), State: fraud.Active}
			fault := screen.Check(&entry, partner)
			if fault == nil {
				t.Fatal("accepted")
			}
			want := fraud.Fault{Reason: example.Reason, Pointer: example.Pointer, Hint: fault.Hint}
			if diff := cmp.Diff(want, *fault); diff != "" {
				t.Errorf("fault (-want +got):\n%s", diff)
			}
		})
	}
	if held == 0 {
		t.Error("there are no such examples")
	}
}

// publishedRing is the first epoch of the key ring that the vectors use.
func publishedRing(t *testing.T) *indicator.KeyRing {
	t.Helper()
	data, err := os.ReadFile("../../schemas/vectors/keyring.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Keys map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(file.Keys["1"])
	if err != nil {
		t.Fatal(err)
	}
	ring, err := indicator.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestScreenCompletesAnEntry(t *testing.T) {
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	old, err := indicator.NewKeyRing(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := indicator.NewKeyRing(make([]byte, 32), []byte("the second epoch's key, 32 bytes"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := indicator.Parse(indicator.BankAccount, "Maybank: 1122 3344 5566")
	if err != nil {
		t.Fatal(err)
	}
	exact, weak := parsed.Report[0], parsed.Report[1]
	entry := fraud.Entry{Event: fraud.Event{Kind: fraud.Report, Category: "telecommunication", Indicator: fraud.Ref{
		Type: indicator.BankAccount, Epoch: 1, Digest: old.DigestOf(exact),
		Also: []fraud.Also{{Grade: indicator.Weak, Digest: old.DigestOf(weak)}},
	}}}
	screen := &fraud.Screen{Keys: ring, Taxonomy: taxonomy}
	if fault := screen.Check(&entry, &fraud.Partner{Number: 7, Kind: fraud.Bank, State: fraud.Active}); fault != nil {
		t.Fatal(fault)
	}
	category, _ := taxonomy.Category.Code("telecommunication")
	got := []any{entry.Category, entry.Event.Indicator.Epoch, entry.Opinions[0].Digest, entry.Opinions[1].Digest}
	want := []any{category, uint16(2), ring.DigestOf(exact), ring.DigestOf(weak)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("category, epoch and digests, all lifted to the hub's epoch (-want +got):\n%s", diff)
	}
}
