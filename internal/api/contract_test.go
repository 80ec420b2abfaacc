package api

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

func TestTheContractIsValid(t *testing.T) {
	if err := loadContract(t).Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(schemas.OpenAPI()), "\t") {
		t.Error("a tab")
	}
}

func TestEveryRouteIsInTheContractAndViceVersa(t *testing.T) {
	var served, described []string
	parameter := regexp.MustCompile(`:(\w+)`)
	needed := regexp.MustCompile("^Needs the scope `(\\w+)`(?:, or `analyse` as (a regulator or the police)| of (the police or a regulator))?")
	for _, rt := range routes {
		scope := "a key"
		switch rt.scope {
		case public:
			scope = "no key"
		case anyKey:
		case supervise:
			scope = "scope admin or supervisors"
		case judge:
			scope = "scope report of authorities"
		case oversee:
			scope = "scope analyse of authorities"
		default:
			scope = "scope " + rt.scope.String()
		}
		served = append(served, rt.method+" "+parameter.ReplaceAllString(rt.path, "{$1}")+" "+scope)
	}
	doc := loadContract(t)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			scope := "a key"
			if operation.Security != nil && len(*operation.Security) == 0 {
				scope = "no key"
			} else if found := needed.FindStringSubmatch(operation.Description); found != nil {
				if scope = "scope " + found[1]; found[2] != "" {
					scope += " or supervisors"
				} else if found[3] != "" {
					scope += " of authorities"
				}
			}
			described = append(described, method+" "+path+" "+scope)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(described, served); diff != "" {
		t.Errorf("routes (-contract +code):\n%s", diff)
	}
}

// enumeration reads one list of words from the contract.
func enumeration(t *testing.T, schema string, path ...string) []string {
	t.Helper()
	s := loadContract(t).Components.Schemas[schema].Value
	for _, p := range path {
		if p == "[]" {
			s = s.Items.Value
			continue
		}
		s = s.Properties[p].Value
	}
	words := make([]string, len(s.Enum))
	for i, v := range s.Enum {
		words[i] = v.(string)
	}
	return words
}

func TestTheContractHasTheCodesWords(t *testing.T) {
	var types, grades, reasons, deeds []string
	for _, d := range fraud.Deeds() {
		deeds = append(deeds, string(d))
	}
	for _, v := range indicator.Types() {
		types = append(types, v.String())
	}
	for g := indicator.Exact; g.Valid(); g++ {
		grades = append(grades, g.String())
	}
	for _, r := range fraud.Reasons() {
		reasons = append(reasons, string(r))
	}
	words := func(max int, of func(int) string) (all []string) {
		for i := 1; i <= max; i++ {
			all = append(all, of(i))
		}
		return all
	}
	for _, c := range []struct {
		what           string
		contract, code []string
	}{
		{"types", enumeration(t, "Type"), types},
		{"grades", enumeration(t, "Grade"), grades},
		{"reasons", enumeration(t, "Reason"), reasons},
		{"verdicts", enumeration(t, "Verdict", "verdict"), fraud.Statuses()},
		{"advice", enumeration(t, "Verdict", "advice"), words(4,
			func(i int) string { return fraud.Advice(i).String() })},
		{"advice of events", enumeration(t, "Event", "advice"), words(4,
			func(i int) string { return fraud.Advice(i).String() })},
		{"stages", enumeration(t, "Verdict", "answered_by"), words(2,
			func(i int) string { return fraud.Stage(i).String() })},
		{"kinds", enumeration(t, "Event", "kind"), fraud.Kinds()},
		{"roles", enumeration(t, "Event", "role"), words(5, func(i int) string { return fraud.Role(i).String() })},
		{"evidence", enumeration(t, "Event", "evidence", "[]"), fraud.Evidence(63).Names()},
		{"tlp", enumeration(t, "Event", "tlp"), words(5, func(i int) string { return fraud.TLP(i).String() })},
		{"actions", enumeration(t, "Event", "action"), words(6,
			func(i int) string { return fraud.Action(i).String() })},
		{"loss bands", enumeration(t, "Event", "loss_band"), words(6,
			func(i int) string { return fraud.LossBand(i).String() })},
		{"kinds of partner", enumeration(t, "Me", "kind"), fraud.PartnerKinds()},
		{"scopes", enumeration(t, "Me", "scopes", "[]"), fraud.Scope(15).Names()},
		{"states of partners", enumeration(t, "Partner", "state"), words(3,
			func(i int) string { return fraud.PartnerState(i).String() })},
		{"states of disputes", enumeration(t, "DisputeState"), fraud.DisputeStates()},
		{"deeds", enumeration(t, "Acts", "acts", "[]", "what"), deeds},
		{"dimensions", enumeration(t, "Dimension"), words(8, func(i int) string { return fraud.Dimension(i).String() })},
		{"metrics", enumeration(t, "Metric"), words(5, func(i int) string { return fraud.Metric(i).String() })},
		{"buckets", enumeration(t, "SeriesResponse", "bucket"), words(3,
			func(i int) string { return fraud.Bucket(i).String() })},
	} {
		if diff := cmp.Diff(c.code, c.contract); diff != "" {
			t.Errorf("%s (-code +contract):\n%s", c.what, diff)
		}
	}
	codes := enumeration(t, "Problem", "code")
	slices.Sort(codes)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(problemKinds)), codes); diff != "" {
		t.Errorf("problem codes (-code +contract):\n%s", diff)
	}
	for _, code := range codes {
		if code != "method_not_allowed" && !strings.Contains(string(schemas.OpenAPI()), "`"+code+"`") {
			t.Errorf("problem code %s is not explained in the contract", code)
		}
	}
}

// What a pointer may name is what the contract names.
func TestPointersNameTheFieldsOfTheContract(t *testing.T) {
	names := map[string]bool{}
	var walk func(s *openapi3.SchemaRef)
	walk = func(s *openapi3.SchemaRef) {
		if s == nil {
			return
		}
		for name, inner := range s.Value.Properties {
			names[name] = true
			walk(inner)
		}
		walk(s.Value.Items)
		for _, one := range s.Value.OneOf {
			walk(one)
		}
	}
	doc := loadContract(t)
	walk(doc.Components.Schemas["LookupRequest"])
	walk(doc.Components.Schemas["EventsRequest"])
	for _, order := range []string{"NewPartner", "PartnerChange", "NewKey", "NewSigningKey", "BadSince", "NewState", "NewDispute", "DisputeDecision",
		"NewVoid", "VoidEnd", "NewRelease", "Confirmation", "HistoryQuestion"} {
		walk(doc.Components.Schemas[order])
	}
	if diff := cmp.Diff(names, fieldNames); diff != "" {
		t.Errorf("names of fields (-contract +code):\n%s", diff)
	}
}

func TestTheVerdictEncoderWritesWhatJSONWould(t *testing.T) {
	h := newHub(t)
	e := verdictEncoder{categories: h.server.categories}
	e.verdict(&fraud.Verdict{Status: fraud.InDispute, Score: 100, Categories: []fraud.Code{2, 999, 1}, Reporters: 12,
		FirstReported: now,
		LastReported:  now, Advice: fraud.Block, Matched: indicator.Prefix, AnsweredBy: fraud.ByIndex, AsOf: now})
	want := map[string]any{"verdict": "disputed", "known_fraud": false, "score": 100.0,
		"categories": []any{"e_commerce", "telecommunication"},
		"reporters":  12.0, "first_reported": "2026-11-22T08:00:00.000Z", "last_reported": "2026-11-22T08:00:00.000Z",
		"advice":  "block",
		"matched": "prefix", "answered_by": "index", "as_of": "2026-11-22T08:00:00.000Z"}
	var got map[string]any
	if err := json.Unmarshal(e.b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}
