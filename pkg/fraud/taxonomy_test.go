package fraud_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

func TestTaxonomyOfTheHubLoads(t *testing.T) {
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string]*fraud.Vocabulary{
		"category": taxonomy.Category, "platform": taxonomy.Platform, "institution": taxonomy.Institution,
		"region": taxonomy.Region, "reason": taxonomy.Reason, "investigator": taxonomy.Investigator,
	} {
		if v.Version == "" || len(v.Terms) == 0 {
			t.Errorf("%s: version %q, %d terms", what, v.Version, len(v.Terms))
		}
		for _, term := range v.Terms {
			if code, ok := v.Code(term.Name); !ok || code != term.Code || v.Name(code) != term.Name {
				t.Errorf("%s: %q is not found by its name and code", what, term.Name)
			}
		}
		if names := v.Names(); !slices.IsSorted(names) || len(names) != len(v.Terms) {
			t.Errorf("%s: names %v", what, names)
		}
		if code, ok := v.Code(""); code != 0 || !ok {
			t.Errorf("%s: none is %d, %v", what, code, ok)
		}
		if _, ok := v.Code("no such term"); ok || v.Name(1023) != "" {
			t.Errorf("%s: knows what it does not have", what)
		}
	}
}

func TestTaxonomyAtFaultIsRefused(t *testing.T) {
	for situation, c := range map[string]struct{ terms, want string }{
		"no code":           {`{"name":"a"}`, "1 to 1023"},
		"a code of 1024":    {`{"code":1024,"name":"a"}`, "1 to 1023"},
		"no name":           {`{"code":1}`, "1 to 1023"},
		"a name twice":      {`{"code":1,"name":"a"},{"code":2,"name":"a"}`, "twice"},
		"a code twice":      {`{"code":1,"name":"a"},{"code":1,"name":"b"}`, "twice"},
		"an unknown parent": {`{"code":1,"name":"a","parent":"b"}`, "parent"},
		"not JSON":          {`{`, "taxonomy category.json"},
	} {
		fsys := fstest.MapFS{}
		for _, name := range []string{"category", "platform", "institution", "region", "group", "reason", "investigator"} {
			data, err := fs.ReadFile(schemas.Taxonomy(), name+".json")
			if err != nil {
				t.Fatal(err)
			}
			fsys[name+".json"] = &fstest.MapFile{Data: data}
		}
		fsys["category.json"].Data = []byte(`{"version":"1","terms":[` + c.terms + `]}`)
		if _, err := fraud.LoadTaxonomy(fsys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", situation, err, c.want)
		}
		fsys["category.json"].Data = []byte(`{"version":"1","terms":[{"code":1,"name":"a"}]}`)
		fsys["group.json"].Data = []byte(`{"version":"1","terms":[{"code":128,"name":"a"}]}`)
		if _, err := fraud.LoadTaxonomy(fsys); err == nil || !strings.Contains(err.Error(), "1 to 127") {
			t.Errorf("a sharing group of code 128: %v", err)
		}
		delete(fsys, "region.json")
		if _, err := fraud.LoadTaxonomy(fsys); err == nil {
			t.Errorf("a vocabulary is missing, and nobody says so")
		}
	}
}
