package partners

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// What the file says, what the registry's JSON keeps of it, and what deciding sees of both.
func TestVoidsAndConfirmedReleasesAreInForce(t *testing.T) {
	s, err := parse([]byte(`partners: [{id: a, number: 1, name: A, kind: bank,
		signing_keys: [{id: s1, public: `+public(1)+`}, {id: s2, public: `+public(2)+`}],
		voids: [{id: v1, since: 2026-01-01T08:00:00+08:00, key: s2, reason: lost},
			{id: v2, since: 2026-01-01T00:00:00Z, until: 2026-01-02T00:00:00Z, reason: bribed}],
		releases: [{id: r1, since: 2026-01-01T00:00:00Z, until: 2026-01-02T00:00:00Z, proposed_by: x, confirmed_by: y},
			{id: r2, since: 2026-01-03T00:00:00Z, until: 2026-01-04T00:00:00Z, proposed_by: x}]}]`), now)
	if err != nil {
		t.Fatal(err)
	}
	january := func(day int) fraud.Seconds {
		return fraud.SecondsOf(time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC))
	}
	wantVoids := []fraud.Void{{ID: "v1", Since: january(1), SignedBy: 2}, {ID: "v2", Since: january(1), Until: january(2)}}
	wantReleases := []fraud.Release{{ID: "r1", Since: january(1), Until: january(2)}}
	check := func(what string, p *fraud.Partner) {
		t.Helper()
		if diff := cmp.Diff([]any{wantVoids, wantReleases}, []any{p.Voids, p.Releases}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("of the file", s.byID["a"])
	check("of the list", &s.all[0])
	text, err := json.Marshal(&s.records[0].PartnerRecord)
	if err != nil {
		t.Fatal(err)
	}
	var read fraud.PartnerRevision
	if err := json.Unmarshal(text, &read.PartnerRecord); err != nil {
		t.Fatal(err)
	}
	again, err := build([]fraud.PartnerRevision{read}, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	check("of the registry", again.byID["a"])
	if diff := cmp.Diff(s.records[0].PartnerRecord, again.records[0].PartnerRecord); diff != "" {
		t.Errorf("the record went through JSON (-before +after):\n%s", diff)
	}
}

// Sixteen keys have fifteen numbers.
func TestAVoidOfTheSixteenthKeyIsOneOfTheFirst(t *testing.T) {
	var keys []string
	for i := range 16 {
		keys = append(keys, fmt.Sprintf("{id: s%d, public: %s}", i+1, public(byte(i+1))))
	}
	s, err := parse([]byte("partners: [{id: a, number: 1, name: A, kind: bank, signing_keys: ["+strings.Join(keys, ", ")+
		"], voids: [{id: v1, since: 2026-01-01T00:00:00Z, key: s16}]}]"), now)
	if err != nil {
		t.Fatal(err)
	}
	if n, first := s.byID["a"].Voids[0].SignedBy, s.signingKeys["s1"].Number; n != first {
		t.Errorf("the void is of key number %d, the first key has %d", n, first)
	}
}
