package wire_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

const contracts = "../../schemas/"

// example is an event of schemas/events with what becomes of it.
type example struct {
	Name        string          `json:"name"`
	Event       json.RawMessage `json:"event"`
	Text        string          `json:"text"` // instead of Event where its spelling matters
	Reason      fraud.Reason    `json:"reason"`
	Pointer     string          `json:"pointer"`
	Schema      bool            `json:"schema"`       // the JSON Schema refuses it too
	Stage       string          `json:"stage"`        // wire, or ingest for what one event cannot tell by itself
	PartnerKind string          `json:"partner_kind"` // who says it, where that is the fault
}

func (e *example) bundle() []byte {
	return slices.Concat([]byte(`{"events":[`), e.Event, []byte(e.Text), []byte(`]}`))
}

func examples(t *testing.T, file string) (appended time.Time, events []example) {
	var all struct {
		Appended time.Time `json:"appended"`
		Events   []example `json:"events"`
	}
	readStrict(t, contracts+"events/"+file, &all)
	if len(all.Events) == 0 {
		t.Fatalf("%s holds no events", file)
	}
	return all.Appended, all.Events
}

// readStrict reads a JSON file that may hold nothing but what into knows.
func readStrict(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := jsonv2.Unmarshal(data, into, jsonv2.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func bundleSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(contracts + "bundle.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func schemaAccepts(t *testing.T, schema *jsonschema.Schema, value []byte) bool {
	t.Helper()
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	return schema.Validate(instance) == nil
}

func TestValidExamplesPassTheSchemaAndTheHub(t *testing.T) {
	schema := bundleSchema(t)
	appended, events := examples(t, "valid.json")
	for _, e := range events {
		t.Run(e.Name, func(t *testing.T) {
			if !schemaAccepts(t, schema, e.bundle()) {
				t.Error("the JSON Schema refuses it")
			}
			got := openAt(&hub, signRaw(t, e.bundle()), appended)
			diff(t, outcome{Items: []fraud.Fault{{}}, Opened: got.Opened}, got)
			// What was read is what was written: sealed again it opens as the same event.
			if len(got.Opened) == 1 {
				diff(t, got, openAt(&hub, seal(t, got.Opened), appended), sameEvents)
			}
		})
	}
}

func TestInvalidExamplesAreRefusedWithTheSaidReason(t *testing.T) {
	schema := bundleSchema(t)
	appended, events := examples(t, "invalid.json")
	for _, e := range events {
		t.Run(e.Name, func(t *testing.T) {
			if e.Schema == schemaAccepts(t, schema, e.bundle()) {
				t.Errorf("the JSON Schema refuses it: %v, want %v", !e.Schema, e.Schema)
			}
			want := fraud.Fault{Reason: e.Reason, Pointer: e.Pointer}
			if e.Stage == "ingest" {
				want = fraud.Fault{} // well-formed by itself
			}
			got := openAt(&hub, signRaw(t, e.bundle()), appended)
			diff(t, outcome{Items: []fraud.Fault{want}, Opened: got.Opened}, got, withoutHints)
		})
	}
}

func TestExamplesShowEveryReasonOfAnEvent(t *testing.T) {
	// Not shown by an event: what refuses a bundle, and what the ledger alone decides.
	shown := []fraud.Reason{fraud.ReasonTooLarge, fraud.ReasonHeaders, fraud.ReasonUnknownKey, fraud.ReasonKeyNotValid,
		fraud.ReasonSource, fraud.ReasonSignature, fraud.ReasonMalformed, fraud.ReasonRefusedByLog}
	_, events := examples(t, "invalid.json")
	for _, e := range events {
		shown = append(shown, e.Reason)
	}
	for _, reason := range fraud.Reasons() {
		if !slices.Contains(shown, reason) {
			t.Errorf("no example is refused as %s", reason)
		}
	}
}

func TestSchemaListsTheWordsOfTheCode(t *testing.T) {
	data, err := os.ReadFile(contracts + "bundle.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Event struct {
				Properties map[string]struct{ Enum []string }
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	diff(t, fraud.Kinds(), schema.Defs.Event.Properties["kind"].Enum)
	evidence, err := fraud.ParseEvidence(fraud.Evidence(0xff).Names()...)
	if err != nil {
		t.Fatal(err)
	}
	event := report(1)
	event.Evidence = evidence
	if !schemaAccepts(t, bundleSchema(t), seal(t, []fraud.Event{event}).Value) {
		t.Error("the schema does not know every kind of evidence")
	}
}
