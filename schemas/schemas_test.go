package schemas_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

func TestTaxonomyLoads(t *testing.T) {
	if _, err := fraud.LoadTaxonomy(schemas.Taxonomy()); err != nil {
		t.Fatal(err)
	}
}

// crosswalks lists the bodies of schemas/taxonomy/README.md and the form of their terms.
var crosswalks = map[string]*regexp.Regexp{
	"scam_classifier": regexp.MustCompile(`^(Products or Services|Relationship and Trust)(: [A-Z][A-Za-z ]+)?$`),
	"mitre_f3":        regexp.MustCompile(`^[FT]1[0-9]{3}(\.[0-9]{3})?$`),
	"gse": regexp.MustCompile(
		`^(cloaking|exploit|fraud|impersonation|malware|phishing|piracy|scam|spam|trademark)$`),
}

func TestTermsAreConsistent(t *testing.T) {
	for file, name := range map[string]*regexp.Regexp{
		"category.json":    regexp.MustCompile(`^[a-z][a-z0-9_]*$`),
		"platform.json":    regexp.MustCompile(`^[a-z][a-z0-9_]*$`),
		"institution.json": regexp.MustCompile(`^([A-Z]{4}MY[A-Z0-9]{2}|[a-z][a-z0-9_]*)$`),
		"region.json":      regexp.MustCompile(`^MY(-[0-9]{2})?$`),
	} {
		t.Run(file, func(t *testing.T) {
			var v struct {
				Version string       `json:"version"`
				Source  string       `json:"source"`
				Terms   []fraud.Term `json:"terms"`
			}
			data, err := fs.ReadFile(schemas.Taxonomy(), file)
			if err != nil {
				t.Fatal(err)
			}
			if err := jsonv2.Unmarshal(data, &v, jsonv2.RejectUnknownMembers(true)); err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^20[0-9]{2}\.[0-9]+$`).MatchString(v.Version) || v.Source == "" || len(v.Terms) == 0 {
				t.Errorf("version %q, source %q, %d terms", v.Version, v.Source, len(v.Terms))
			}
			names, codes := map[string]bool{}, map[fraud.Code]bool{}
			for _, term := range v.Terms {
				if term.Code < 1 || term.Code > 1023 || codes[term.Code] || names[term.Name] {
					t.Errorf("%s: code %d or name stands twice or is out of 1 to 1023", term.Name, term.Code)
				}
				if !name.MatchString(term.Name) || len(term.Name) > 64 {
					t.Errorf("name %q is not of the form %s", term.Name, name)
				}
				if term.Parent != "" && !names[term.Parent] {
					t.Errorf("%s: parent %q does not stand before it", term.Name, term.Parent)
				}
				if len(term.Title) != 2 || term.Title["en"] == "" || term.Title["ms"] == "" {
					t.Errorf("%s: needs a title in en and ms, and no other", term.Name)
				}
				for body, to := range term.Crosswalk {
					if form := crosswalks[body]; form == nil || !form.MatchString(to) {
						t.Errorf("%s: crosswalk %s to %q", term.Name, body, to)
					}
				}
				names[term.Name], codes[term.Code] = true, true
			}
		})
	}
}

func TestCategoriesBeginWithTheClassesThatPoliceCount(t *testing.T) {
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	var top []string
	for _, term := range taxonomy.Category.Terms {
		if term.Parent == "" {
			top = append(top, term.Name)
		}
	}
	want := []string{
		"telecommunication", "e_commerce", "investment", "loan", "e_finance", "love_parcel", "online_gambling"}
	if !slices.Equal(top, want) {
		t.Errorf("top level %v, want %v", top, want)
	}
}

// TestCodesAreNeverReused compares with the codes that were given out: stored rows hold them. Add to the file, change
// nothing in it.
func TestCodesAreNeverReused(t *testing.T) {
	data, err := os.ReadFile("testdata/codes.json")
	if err != nil {
		t.Fatal(err)
	}
	var given map[string]map[string]fraud.Code
	if err := json.Unmarshal(data, &given); err != nil {
		t.Fatal(err)
	}
	taxonomy, err := fraud.LoadTaxonomy(schemas.Taxonomy())
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*fraud.Vocabulary{
		"category": taxonomy.Category, "platform": taxonomy.Platform,
		"institution": taxonomy.Institution, "region": taxonomy.Region,
		"reason": taxonomy.Reason, "investigator": taxonomy.Investigator,
	} {
		for term, code := range given[name] {
			if now, ok := v.Code(term); !ok || now != code {
				t.Errorf("%s %s had code %d, now %d: a code is for ever", name, term, code, now)
			}
		}
		for _, term := range v.Names() {
			if _, noted := given[name][term]; !noted {
				t.Errorf("%s %s is new: add its code to testdata/codes.json", name, term)
			}
		}
	}
}

func TestContractsAreEmbedded(t *testing.T) {
	for name, data := range map[string][]byte{"bundle": schemas.Bundle(), "openapi": schemas.OpenAPI()} {
		if len(data) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	if migrations, err := fs.Glob(schemas.ClickHouse(), "*.sql"); err != nil || len(migrations) == 0 {
		t.Errorf("migrations %v, error %v", migrations, err)
	}
}
