package fraud

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
)

// Code is the stored number of a taxonomy term; 0 means none.
type Code uint16

// MaxCode is the greatest code a term may have.
const MaxCode Code = 1023

// Term is one word of a vocabulary.
type Term struct {
	Code Code   `json:"code"`
	Name string `json:"name"`
	// Parent is the name of the broader term, "" at the top level.
	Parent string            `json:"parent,omitempty"`
	Title  map[string]string `json:"title"`
	// Crosswalk maps other bodies' classifications to their terms.
	Crosswalk map[string]string `json:"crosswalk,omitempty"`
}

// Vocabulary is a versioned list of terms.
type Vocabulary struct {
	Version string `json:"version"`
	Source  string `json:"source"`
	Terms   []Term `json:"terms"`
	byName  map[string]Code
	byCode  map[Code]string
}

// Taxonomy holds the vocabularies that events draw on. Terms are data: schemas/taxonomy.
type Taxonomy struct {
	Category, Platform, Institution, Region *Vocabulary
	// Group holds the sharing groups; their codes are at most MaxGroup.
	Group *Vocabulary
	// Reason holds why disputes are decided as they are, in words that the subject may read, and Investigator what only
	// authorities may.
	Reason, Investigator *Vocabulary
}

// LoadTaxonomy reads category.json, platform.json, institution.json, region.json, group.json, reason.json and investigator.json.
func LoadTaxonomy(fsys fs.FS) (*Taxonomy, error) {
	t := &Taxonomy{}
	for file, v := range map[string]**Vocabulary{
		"category.json": &t.Category, "platform.json": &t.Platform,
		"institution.json": &t.Institution, "region.json": &t.Region, "group.json": &t.Group,
		"reason.json": &t.Reason, "investigator.json": &t.Investigator,
	} {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("taxonomy: %w", err)
		}
		if *v, err = parseVocabulary(data); err != nil {
			return nil, fmt.Errorf("taxonomy %s: %w", file, err)
		}
	}
	for _, g := range t.Group.Terms {
		if g.Code > Code(MaxGroup) {
			return nil, fmt.Errorf("taxonomy group.json: term %q: code must be 1 to %d", g.Name, MaxGroup)
		}
	}
	return t, nil
}

func parseVocabulary(data []byte) (*Vocabulary, error) {
	v := &Vocabulary{byName: map[string]Code{}, byCode: map[Code]string{}}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, err
	}
	for _, t := range v.Terms {
		if t.Code == 0 || t.Code > MaxCode || t.Name == "" {
			return nil, fmt.Errorf("term %q: code must be 1 to 1023", t.Name)
		}
		if _, twice := v.byName[t.Name]; twice || v.byCode[t.Code] != "" {
			return nil, fmt.Errorf("term %q: name or code %d stands twice", t.Name, t.Code)
		}
		v.byName[t.Name], v.byCode[t.Code] = t.Code, t.Name
	}
	for _, t := range v.Terms {
		if _, known := v.byName[t.Parent]; t.Parent != "" && !known {
			return nil, fmt.Errorf("term %q: its parent %q is not a term", t.Name, t.Parent)
		}
	}
	return v, nil
}

// Code finds a term; "" is 0, none. ok is false for a name that is not in the vocabulary.
func (v *Vocabulary) Code(name string) (code Code, ok bool) {
	if name == "" {
		return 0, true
	}
	code, ok = v.byName[name]
	return code, ok
}

// Name is a term's name, "" for none or unknown.
func (v *Vocabulary) Name(c Code) string { return v.byCode[c] }

// Title is a term's title in a language, "en" or "ms"; "" for a name that is not in the vocabulary.
func (v *Vocabulary) Title(name, language string) string {
	for i := range v.Terms {
		if v.Terms[i].Name == name {
			return v.Terms[i].Title[language]
		}
	}
	return ""
}

// Names lists every term's name, sorted.
func (v *Vocabulary) Names() []string {
	all := make([]string, 0, len(v.Terms))
	for _, t := range v.Terms {
		all = append(all, t.Name)
	}
	slices.Sort(all)
	return all
}
