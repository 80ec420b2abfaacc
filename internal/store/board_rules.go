package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// ruling is what of a partner's record decides what its words come to on the boards.
type ruling struct {
	Number       fraud.PartnerNumber
	Organisation string
	Active       bool            `json:",omitempty"`
	Authority    bool            `json:",omitempty"`
	Groups       fraud.Groups    `json:",omitzero"`
	Runs         []fraud.Code    `json:",omitempty"`
	Voids        []fraud.Void    `json:",omitempty"`
	Releases     []fraud.Release `json:",omitempty"`
}

// rulings are those of all partners, in the order of their numbers.
type rulings []ruling

func rulingsOf(partners []fraud.Partner) rulings {
	all := make(rulings, 0, len(partners))
	for i := range partners {
		p := &partners[i]
		r := ruling{Number: p.Number, Organisation: cmp.Or(p.Organisation, p.ID), Active: p.State == fraud.Active,
			Authority: p.Kind.Authority(), Groups: p.Groups, Runs: slices.Clone(p.Runs)}
		slices.Sort(r.Runs)
		for _, v := range p.Voids {
			v.ID = ""
			r.Voids = append(r.Voids, v)
		}
		for _, l := range p.Releases {
			l.ID = ""
			r.Releases = append(r.Releases, l)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b ruling) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// text is the same for the same rulings.
func (r rulings) text() string {
	data, err := json.Marshal(r)
	if err != nil { // of numbers and names
		panic("store: " + err.Error())
	}
	return string(data)
}

// rules are rulings as conditions on the columns of the ledger, and of its words by digest.
type rules struct {
	of                         rulings
	counts, authority, visible string
	runs                       string // array of partner << 16 | platform
	organisations              string // array of the index of each partner's organisation, by the partners' numbers
	numbers                    string
}

func rulesOf(of rulings) rules {
	var (
		active, refused, released, authorities []string
		runs, numbers, organisations           []string
		audiences, insiders                    []string
		names                                  []string
	)
	const second = "toUnixTimestamp(appended)"
	for _, p := range of {
		place := slices.Index(names, p.Organisation)
		if place < 0 {
			place = len(names)
			names = append(names, p.Organisation)
		}
		numbers = append(numbers, strconv.Itoa(int(p.Number)))
		organisations = append(organisations, strconv.Itoa(place))
		if p.Authority {
			authorities = append(authorities, strconv.Itoa(int(p.Number)))
		}
		if !p.Active {
			continue
		}
		active = append(active, strconv.Itoa(int(p.Number)))
		for _, v := range p.Voids {
			c := fmt.Sprintf("partner = %d AND %s >= %d", p.Number, second, v.Since)
			if v.Until != 0 {
				c += fmt.Sprintf(" AND %s < %d", second, v.Until)
			}
			if v.SignedBy != 0 {
				c += fmt.Sprintf(" AND signed_by = %d", v.SignedBy)
			}
			refused = append(refused, c)
		}
		for _, r := range p.Releases {
			released = append(released, fmt.Sprintf("partner = %d AND %s >= %d AND %s < %d", p.Number, second, r.Since, second,
				r.Until))
		}
	}
	for i, p := range of {
		for _, platform := range p.Runs {
			runs = append(runs, strconv.Itoa(int(p.Number)<<16|int(platform)))
			for g := fraud.Group(1); g <= fraud.MaxGroup; g++ {
				if p.Groups.Has(g) {
					audiences = append(audiences, strconv.Itoa(int(platform)<<8|int(g)))
				}
			}
			for j := range of {
				if organisations[j] == organisations[i] {
					insiders = append(insiders, strconv.Itoa(int(of[j].Number)<<16|int(platform)))
				}
			}
		}
	}
	counts := "partner IN (" + orNone(active) + ") AND NOT (" + either(refused) + ") AND (NOT held OR " + either(released) + ")"
	return rules{
		of: of, counts: "(" + counts + ")", authority: "partner IN (" + orNone(authorities) + ")",
		visible: "(audience = 0 OR has(" + numbered(audiences) + ", toUInt32(platform) * 256 + audience) OR has(" +
			numbered(insiders) + ", toUInt32(partner) * 65536 + platform))",
		runs: numbered(runs), organisations: numbered(organisations), numbers: numbered(numbers),
	}
}

// never is a condition that no row meets.
const never = "0"

// countsOtherwise is the condition for words that count by one of two rules alone.
func (r *rules) countsOtherwise(s *rules) string {
	if r.counts == s.counts {
		return never
	}
	return r.counts + " != " + s.counts
}

// meansOtherwise is the condition for words by which two rules may come to different ends about a digest: those that count
// by one alone, of which a platform was told by one alone, on a platform that others run, or of partners of which the one
// says something else.
func (r *rules) meansOtherwise(s *rules) string {
	var either []string
	add := func(condition string) {
		if condition != never {
			either = append(either, condition)
		}
	}
	add(r.countsOtherwise(s))
	if r.visible != s.visible {
		add("kind = 'report' AND platform != 0 AND " + r.visible + " != " + s.visible)
	}
	type standing struct {
		organisation string
		authority    bool
	}
	who := func(of rulings) map[fraud.PartnerNumber]standing {
		all := map[fraud.PartnerNumber]standing{}
		for _, p := range of {
			all[p.Number] = standing{p.Organisation, p.Authority}
		}
		return all
	}
	if others := otherwise(who(r.of), who(s.of)); len(others) > 0 {
		add("partner IN (" + list(others, number) + ")")
	}
	runners := func(of rulings) map[fraud.Code]string {
		all := map[fraud.Code]string{}
		for _, p := range of {
			for _, platform := range p.Runs {
				all[platform] += fmt.Sprint(p.Number, " ")
			}
		}
		return all
	}
	if others := otherwise(runners(r.of), runners(s.of)); len(others) > 0 {
		add("kind = 'report' AND platform IN (" + list(others, number) + ")")
	}
	if len(either) == 0 {
		return never
	}
	return "((" + strings.Join(either, ") OR (") + "))"
}

// otherwise are the keys under which two maps do not hold the same.
func otherwise[K cmp.Ordered, V comparable](a, b map[K]V) []K {
	differ := map[K]bool{}
	for _, of := range []map[K]V{a, b} {
		for k := range of {
			was, before := a[k]
			is, now := b[k]
			if before != now || was != is {
				differ[k] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(differ))
}

func numbered(values []string) string {
	return "CAST([" + strings.Join(values, ", ") + "], 'Array(UInt32)')"
}

// orNone is a list of numbers, or that of nobody.
func orNone(values []string) string {
	if len(values) == 0 {
		return "0"
	}
	return strings.Join(values, ", ")
}

func either(conditions []string) string {
	if len(conditions) == 0 {
		return never
	}
	return "(" + strings.Join(conditions, ") OR (") + ")"
}
