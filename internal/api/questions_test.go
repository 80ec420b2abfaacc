package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

const (
	abab = `"abababababababababababababababababababababababababababababababab"`
	cdcd = `"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"`
)

// usualBodies are as callers write them.
var usualBodies = []string{
	`{"indicators":[{"type":"phone","epoch":1,"digest":` + abab + `}]}`,
	`{"indicators":[{"type":"phone","value":"012-345 6789"},{"type":"url","value":"https://a.example/x?y=z"}]}`,
	`{"indicators":[{"digest":` + abab + `,"also":[{"grade":"prefix","digest":` + cdcd + `},{"digest":` + abab +
		`,"grade":"weak"}],"grade":"exact","epoch":65535,"type":"url"}]}`,
	" {\r\n\t\"indicators\" : [ { \"type\" : \"email\" , \"value\" : \"a@b.example\" } , {} ] } \n",
	`{"indicators":[{"type":"phone","epoch":1,"digest":` + abab + `}, {"type":"phone","epoch":1,"digest":` + cdcd +
		`},{"type":"phone","epoch":1,"digest":` + abab + `},{"digest":` + cdcd + `,"also":[{"grade":"weak","digest":` +
		abab + `}],"type":"url"},{"digest":` + abab + `,"also":[{"grade":"weak","digest":` + abab + `}],"type":"url"}]}`,
}

func TestUsualBodiesNeedNoReflection(t *testing.T) {
	got, usual := readQuestions([]byte(usualBodies[2]), nil)
	var ab, cd indicator.Digest
	copy(ab[:], strings.Repeat("\xab", 32))
	copy(cd[:], strings.Repeat("\xcd", 32))
	want := []question{{Type: indicator.URL, Epoch: 65535, Digest: ab, Grade: indicator.Exact,
		Also: []fraud.Also{{Grade: indicator.Prefix, Digest: cd}, {Grade: indicator.Weak, Digest: ab}}}}
	if diff := cmp.Diff(want, got); diff != "" || !usual {
		t.Errorf("usual %t (-want +got):\n%s", usual, diff)
	}
	for _, body := range usualBodies {
		if _, usual := readQuestions([]byte(body), nil); !usual {
			t.Errorf("left to decodeStrict: %s", body)
		}
	}
	for i, body := range []string{
		``, `{}`, `[]`, `null`, `{"indicators":[]}`, `{"indicators":null}`, `{"Indicators":[{}]}`, `{"indicators":[{}]}}`,
		`{"indicators":[{}],"indicators":[{}]}`, `{"indicators":[],"indicators":[{}]}`, `{"indicators":[{},]}`,
		`{"indicators":[{"type":"phone","type":"phone"}]}`, `{"indicators":[{"epoch":1,"epoch":1}]}`,
		`{"indicators":[{"epoch":01}]}`, `{"indicators":[{"epoch":0}]}`, `{"indicators":[{"epoch":65536}]}`,
		`{"indicators":[{"epoch":100000}]}`, `{"indicators":[{"epoch":1.0}]}`, `{"indicators":[{"epoch":-1}]}`,
		`{"indicators":[{"epoch":"1"}]}`, `{"indicators":[{"value":""}]}`, `{"indicators":[{"value":"a\u0041"}]}`,
		`{"indicators":[{"value":"a\"}]}`, "{\"indicators\":[{\"value\":\"a\nb\"}]}", `{"indicators":[{"value":"é"}]}`,
		`{"indicators":[{"type":"Phone"}]}`, `{"indicators":[{"type":null}]}`, `{"indicators":[{"t\u0079pe":"phone"}]}`,
		`{"indicators":[{"also":[]}]}`, `{"indicators":[{"digest":` + strings.ToUpper(abab) + `}]}`,
		`{"indicators":[{"digest":"` + strings.Repeat("0", 64) + `"}]}`, `{"indicators":[{"number":1}]}`,
		`{"indicators":[{"digest":` + abab + `},{"digest":"` + strings.Repeat("0", 64) + `"}]}`,
		`{"indicators":[{"digest":` + abab + `},{"digest":` + strings.ToUpper(abab) + `}]}`,
		`{"indicators":[` + strings.Repeat(`{},`, maxIndicators) + `{}]}`,
	} {
		if _, usual := readQuestions([]byte(body), nil); usual {
			t.Errorf("%d was not left to decodeStrict: %s", i, body)
		}
	}
}

// agree holds the quick reader against the one that says what is allowed.
func agree(t *testing.T, body []byte) (usual bool) {
	t.Helper()
	quick, usual := readQuestions(body, nil)
	if !usual {
		return false
	}
	var strict lookupRequest
	if err := decodeStrict(body, &strict, ""); err != nil {
		t.Fatalf("decodeStrict refuses %q: %v", body, err)
	}
	if diff := cmp.Diff(strict.Indicators, quick); diff != "" {
		t.Fatalf("%q is read in two ways (-decodeStrict +readQuestions):\n%s", body, diff)
	}
	return true
}

func TestBothReadersOfALookupAgree(t *testing.T) {
	r := testkit.Seed(t)
	pieces := strings.Split(`{,},[,],:,",\,0,1,9, ,e,.,-,null,true,"",{},[],"type":"phone","epoch":1,"value":"1","also":`+
		`[{"grade":"weak","digest":`+abab+`}],"indicators":[{}],é,`+"\n,\x00,\xff,\x7f", ",")
	rounds := 100_000
	if testkit.Long() {
		rounds *= 100
	}
	usual := 0
	for range rounds {
		body := []byte(usualBodies[r.IntN(len(usualBodies))])
		for range 1 + r.IntN(2) {
			from := r.IntN(len(body) + 1)
			to := min(len(body), from+r.IntN(3))
			piece := pieces[r.IntN(len(pieces))]
			if r.IntN(3) == 0 { // a piece of the body itself, which makes names and members stand twice
				at := r.IntN(len(body) + 1)
				piece = string(body[at:min(len(body), at+r.IntN(40))])
			}
			body = slices.Replace(body, from, to, []byte(piece)...)
		}
		if agree(t, body) {
			usual++
		}
	}
	t.Logf("%d of %d were usual", usual, rounds)
	if usual < rounds/100 {
		t.Errorf("%d of %d were read quickly: hardly anything was compared", usual, rounds)
	}
}

func TestWhatWasAskedAboutIsForgotten(t *testing.T) {
	for _, body := range []string{usualBodies[1], strings.Replace(usualBodies[1], "-", `\u002d`, 1)} {
		w := new(workspace)
		if err := decodeLookup([]byte(body), &w.request, false); err != nil {
			t.Fatal(err)
		}
		w.release()
		all := w.request.Indicators
		if diff := cmp.Diff(make([]question, cap(all)), all[:cap(all)]); diff != "" || len(all) != 0 {
			t.Errorf("left over:\n%s", diff)
		}
	}
}

func BenchmarkDecodeLookup(b *testing.B) {
	one := strings.TrimSuffix(strings.TrimPrefix(usualBodies[0], `{"indicators":[`), `]}`)
	body := []byte(`{"indicators":[` + strings.TrimSuffix(strings.Repeat(one+",", 1000), ",") + `]}`)
	into := &lookupRequest{}
	for name, decode := range map[string]func(){
		"usual":  func() { _ = decodeLookup(body, into, false) },
		"strict": func() { _ = decodeStrict(body, into, "") },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decode()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/indicator")
		})
	}
}
