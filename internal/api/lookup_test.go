package api

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// confirmed is a verdict with every field.
func confirmed() fraud.Verdict {
	return fraud.Verdict{Status: fraud.Confirmed, Score: 97, Categories: []fraud.Code{1}, Reporters: 3,
		FirstReported: now.Add(-48 * time.Hour), LastReported: now.Add(-time.Hour), Advice: fraud.Block,
		AnsweredBy: fraud.ByIndex, AsOf: now}
}

// filled is a verdict as it is sent: filled up with spaces.
func filled(verdict string) string {
	return verdict[:len(verdict)-1] + strings.Repeat(" ", resultWidth-len(verdict)) + "}"
}

var confirmedJSON = filled(confirmedText)

const confirmedText = `{"verdict":"confirmed","known_fraud":true,"score":97,"categories":["telecommunication"],"reporters":3,` +
	`"first_reported":"2026-11-20T08:00:00.000Z","last_reported":"2026-11-22T07:00:00.000Z","advice":"block","matched":"exact",` +
	`"answered_by":"index","as_of":"2026-11-22T08:00:00.000Z"}`

var notListedJSON = filled(`{"verdict":"not_listed","known_fraud":false,"score":0,"categories":[],"reporters":0,` +
	`"answered_by":"filter","as_of":"2026-11-22T08:00:00.000Z"}`)

func lookup(body string) ask {
	return ask{method: "POST", path: "/v1/lookup", key: "lookup", body: body}
}

func TestLookupAnswersEachIndicatorInOrder(t *testing.T) {
	h := newHub(t)
	h.listed[digestOf(ring, indicator.Phone, planted)] = confirmed()
	got := h.do(t, lookup(`{"indicators":[
		{"type":"phone","value":"012-345 6789"},
		{"type":"phone","value":"012-345 6780"},
		{"type":"phone","value":"not a number"},
		{"type":"phone","epoch":2,"digest":"`+digestOf(ring, indicator.Phone, planted).String()+`"},
		{"type":"phone","epoch":1,"digest":"`+digestOf(oldRing, indicator.Phone, planted).String()+`"},
		{"type":"phone","epoch":3,"digest":"`+strings.Repeat("ab", 32)+`"}]}`))
	want := `{"epoch":2,"results":[` + strings.Join([]string{confirmedJSON, notListedJSON,
		`{"error":{"code":"bad_value","pointer":"/indicators/2/value","detail":"a sender's name is not a telephone number (phone/alphanumeric)"}}`,
		confirmedJSON, confirmedJSON,
		`{"error":{"code":"unknown_epoch","pointer":"/indicators/5/epoch","detail":"the digest is of a key epoch that this hub does not have; it is at epoch 2"}}`,
	}, ",") + `],"as_of":"2026-11-22T08:00:00.000Z"}`
	if diff := cmp.Diff([]string{"200", want}, []string{fmt.Sprint(got.Status), got.Body}); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// What is only exact digests is looked up together, which is told by nothing but the time it takes.
func TestDigestsInBulkAreAnsweredAsOneByOne(t *testing.T) {
	h := newHub(t)
	r := testkit.Seed(t)
	for _, stale := range []bool{false, true} {
		h.stale = stale
		var questions, want []string
		for i := range 150 {
			d := indicator.Digest{byte(i + 1), 31: byte(r.Uint32())}
			epoch := 2 - r.IntN(10)/9
			if lifted, err := ring.Lift(d, uint16(epoch)); err != nil {
				t.Fatal(err)
			} else if r.IntN(5) == 0 {
				v := confirmed()
				v.Score = uint8(r.IntN(101))
				h.listed[lifted] = v
			}
			grade := []string{"", `,"grade":"exact"`}[r.IntN(2)]
			questions = append(questions, fmt.Sprintf(`{"type":"phone","epoch":%d,"digest":"%s"%s}`, epoch, d, grade))
			alone := h.do(t, lookup(`{"indicators":[`+questions[i]+`]}`)).Body
			verdict, _ := strings.CutPrefix(alone, `{"epoch":2,"results":[`)
			want = append(want, verdict[:resultWidth])
		}
		got := h.do(t, lookup(`{"indicators":[`+strings.Join(questions, ",")+`]}`))
		whole := `{"epoch":2,"results":[` + strings.Join(want, ",") + `],"as_of":"2026-11-22T08:00:00.000Z"}`
		if stale {
			whole = strings.Replace(whole, `,"as_of":"2026-11-22T08:00:00.000Z"}`, "}", 1)
		}
		if diff := cmp.Diff(whole, got.Body); diff != "" {
			t.Errorf("stale %t (-one by one +together):\n%s", stale, diff)
		}
	}
}

func TestLookupTestsEveryExpression(t *testing.T) {
	h := newHub(t)
	in, err := indicator.Parse(indicator.BankAccount, "maybank:1140 1234 5678")
	if err != nil {
		t.Fatal(err)
	}
	var want []fraud.Probe
	for _, e := range in.Lookup {
		want = append(want, fraud.Probe{Digest: ring.Digest(e.Type, e.Canonical), Grade: e.Grade})
	}
	old := func(e indicator.Expression) string { return oldRing.Digest(e.Type, e.Canonical).String() }
	h.do(t, lookup(`{"indicators":[{"type":"bank_account","value":"maybank:1140 1234 5678"},
		{"type":"bank_account","epoch":1,"digest":"`+old(in.Lookup[0])+`","also":[{"grade":"weak","digest":"`+old(in.Lookup[1])+`"}]},
		{"type":"bank_account","epoch":1,"digest":"`+old(in.Lookup[1])+`","grade":"weak"}]}`))
	if diff := cmp.Diff([][]fraud.Probe{want, want, want[1:]}, h.probes); diff != "" {
		t.Errorf("probes (-want +got):\n%s", diff)
	}
}

func TestLookupSaysWhenItCannotKnow(t *testing.T) {
	h := newHub(t)
	h.stale = true
	got := h.do(t, lookup(`{"indicators":[{"type":"phone","value":"0123456780"}]}`))
	want := `{"verdict":"unsure","known_fraud":false,"score":0,"categories":[],"reporters":0,"answered_by":"filter"}`
	want = `{"epoch":2,"results":[` + filled(want) + `]}`
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestLookupRefusesWhatIsNotInTheContract(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for _, c := range []struct{ situation, body, code, pointer string }{
		{"no JSON", `{`, "malformed", ""},
		{"an empty object", `{}`, "schema", "/indicators"},
		{"no indicator", `{"indicators":[]}`, "schema", "/indicators"},
		{"1,001 indicators", `{"indicators":[` + many(1001, `{"type":"phone","value":"1"}`) + `]}`, "schema",
			"/indicators"},
		{"an unknown field above", `{"` + planted + `":1,"indicators":[]}`, "schema", ""},
		{"an unknown field within", `{"indicators":[{"type":"phone","value":"1"},{"type":"phone","number":"` +
			planted + `"}]}`, "schema", "/indicators/1"},
		{"a field in another case", `{"indicators":[{"Type":"phone","value":"` + planted + `"}]}`, "schema",
			"/indicators/0"},
		{"a field twice", `{"indicators":[{"type":"phone","value":"1","value":"` + planted + `"}]}`, "malformed",
			"/indicators/0/value"},
		{"a field of another schema", `{"indicators":[{"type":"phone","value":"1","confidence":1}]}`, "schema",
			"/indicators/0/confidence"},
		{"an unknown field twice, in one", `{"` + planted + `":{"a":1,"a":2}}`, "schema", ""},
		{"bytes after the end", `{"indicators":[{"type":"phone","value":"1"}]} ` + planted, "malformed", ""},
		{"a second value", `{"indicators":[{"type":"phone","value":"1"}]}{}`, "malformed", ""},
		{"invalid UTF-8", "{\"indicators\":[{\"type\":\"phone\",\"value\":\"" + planted + "\xff\"}]}", "malformed",
			"/indicators/0/value"},
		{"a value in place of the type", `{"indicators":[{"type":"` + planted + `","value":"1"}]}`, "schema",
			"/indicators/0/type"},
		{"a value as a number", `{"indicators":[{"type":"phone","value":` + planted[1:] + `}]}`, "schema",
			"/indicators/0/value"},
		{"no type", `{"indicators":[{"value":"` + planted + `"}]}`, "schema", "/indicators/0/type"},
		{"neither value nor digest", `{"indicators":[{"type":"phone"}]}`, "schema", "/indicators/0"},
		{"both value and digest", `{"indicators":[{"type":"phone","value":"` + planted + `","epoch":1,"digest":"` +
			digest + `"}]}`, "schema", "/indicators/0"},
		{"a value as the digest", `{"indicators":[{"type":"phone","epoch":1,"digest":"` + planted + `"}]}`, "schema",
			"/indicators/0/digest"},
		{"a digest in upper case", `{"indicators":[{"type":"phone","epoch":1,"digest":"` + strings.ToUpper(digest) +
			`"}]}`, "schema", "/indicators/0/digest"},
		{"a plain hash", `{"indicators":[{"type":"phone","digest":"` + digest + `"}]}`, "schema",
			"/indicators/0/epoch"},
		{"49 further expressions", `{"indicators":[{"type":"url","epoch":1,"digest":"` + digest + `","also":[` +
			many(49, `{"grade":"prefix","digest":"`+digest+`"}`) + `]}]}`, "schema", "/indicators/0/also"},
		{"a further expression without its grade", `{"indicators":[{"type":"url","epoch":1,"digest":"` + digest +
			`","also":[{"digest":"` + digest + `"}]}]}`, "schema", "/indicators/0/also/0"},
		{"an array", `[]`, "schema", ""},
		{"an array of arrays, very deep", strings.Repeat("[", 200_000), "schema", ""},
	} {
		t.Run(c.situation, func(t *testing.T) {
			h := newHub(t)
			a := lookup(c.body)
			a.against, a.raw = true, c.code == "malformed"
			got := h.do(t, a)
			var p problem
			if err := json.Unmarshal([]byte(got.Body), &p); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"400", c.code, c.pointer}, []string{fmt.Sprint(got.Status), p.Code,
				p.Pointer}); diff != "" {
				t.Errorf("status, code, pointer (-want +got):\n%s\n%s", diff, got.Body)
			}
			if strings.Contains(got.Body+h.logged(), planted) {
				t.Errorf("the value turned up:\n%s\n%s", got.Body, h.logged())
			}
		})
	}
}

func TestAHubThatRefusesValuesTakesDigestsOnly(t *testing.T) {
	h := newHub(t, func(c *Config, _ *Deps) { c.RefuseValues = true })
	got := h.do(t, lookup(`{"indicators":[{"type":"phone","value":"`+planted+`"}]}`))
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `"code":"value_refused"`) {
		t.Errorf("a value: %d %s", got.Status, got.Body)
	}
	got = h.do(t, lookup(`{"indicators":[{"type":"phone","epoch":2,"digest":"`+strings.Repeat("ab", 32)+`"}]}`))
	if got.Status != http.StatusOK {
		t.Errorf("a digest: %d %s", got.Status, got.Body)
	}
}

func TestLookupOne(t *testing.T) {
	h := newHub(t)
	h.listed[digestOf(ring, indicator.Phone, planted)] = confirmed()
	newest, old := digestOf(ring, indicator.Phone, planted).String(), digestOf(oldRing, indicator.Phone,
		planted).String()
	for _, c := range []struct {
		situation, path string
		against         bool
		status          int
		body            string
	}{
		{"at the hub's epoch", "/v1/lookup/phone/" + newest + "?epoch=2", false, 200, confirmedJSON},
		{"at an older epoch", "/v1/lookup/phone/" + old + "?epoch=1&grade=exact", false, 200, confirmedJSON},
		{"as a weak form", "/v1/lookup/phone/" + newest + "?epoch=2&grade=weak", false, 200,
			filled(strings.Replace(confirmedText, `"matched":"exact"`, `"matched":"weak"`, 1))},
		{"not listed", "/v1/lookup/phone/" + old + "?epoch=2", false, 200, notListedJSON},
		{"without an epoch", "/v1/lookup/phone/" + newest, true, 400, `"parameter":"epoch"`},
		{"at a later epoch", "/v1/lookup/phone/" + newest + "?epoch=3", false, 400, `"code":"unknown_epoch"`},
		{"at epoch 0", "/v1/lookup/phone/" + newest + "?epoch=0", true, 400, `"parameter":"epoch"`},
		{"with a parameter twice", "/v1/lookup/phone/" + newest + "?epoch=2&epoch=2", false, 400, "stands twice"},
		{"with an unknown parameter", "/v1/lookup/phone/" + newest + "?epoch=2&" + planted + "=1", false, 400,
			"not one of this route's"},
		{"with a query that is not percent-encoded", "/v1/lookup/phone/" + newest + "?epoch=%zz", true, 400,
			"percent-encoded"},
		{"of an unknown type", "/v1/lookup/car/" + newest + "?epoch=2", true, 400, `"parameter":"type"`},
		{"by its value", "/v1/lookup/phone/" + planted + "?epoch=2", true, 400, `"parameter":"digest"`},
	} {
		t.Run(c.situation, func(t *testing.T) {
			got := h.do(t, ask{method: "GET", path: c.path, key: "lookup", against: c.against})
			if got.Status != c.status || !strings.Contains(got.Body, c.body) {
				t.Errorf("got %d %s, want %d …%s…", got.Status, got.Body, c.status, c.body)
			}
			if strings.Contains(got.Body+h.logged(), planted) {
				t.Errorf("the value turned up:\n%s\n%s", got.Body, h.logged())
			}
		})
	}
}

// batchAnswer is an answer to a batch, read by the contract's description alone.
type batchAnswer struct {
	Epoch  uint16
	AsOf   int64
	Bitmap []byte
	Hits   []batchRecord
}

type batchRecord struct {
	Index                                uint32
	Verdict, Score, Advice, AnsweredBy   uint8
	Reporters                            uint16
	Category1, Category2, Category3      uint16
	FirstReportedUnix, LastReportedUnix_ uint32
}

func readBatch(t testing.TB, text string) batchAnswer {
	t.Helper()
	b := []byte(text)
	if len(b) < 24 || text[:4] != "WSPB" || b[4] != 1 {
		t.Fatalf("no batch answer of version 1: %q", text)
	}
	n, h := int(binary.BigEndian.Uint32(b[8:])), int(binary.BigEndian.Uint32(b[12:]))
	a := batchAnswer{Epoch: binary.BigEndian.Uint16(b[6:]), AsOf: int64(binary.BigEndian.Uint64(b[16:])),
		Bitmap: b[24 : 24+(n+7)/8]}
	rest := b[24+(n+7)/8:]
	if len(rest) != 24*h {
		t.Fatalf("%d bytes of hits, want %d", len(rest), 24*h)
	}
	a.Hits = make([]batchRecord, h)
	if _, err := binary.Decode(rest, binary.BigEndian, a.Hits); err != nil {
		t.Fatal(err)
	}
	return a
}

func batch(epoch int, digests ...indicator.Digest) ask {
	var body strings.Builder
	for _, d := range digests {
		body.Write(d[:])
	}
	return ask{method: "POST", path: fmt.Sprintf("/v1/lookup/batch?epoch=%d", epoch), key: "lookup",
		body:   body.String(),
		header: map[string]string{"Content-Type": "application/octet-stream"}}
}

func TestBatchRoundTrip(t *testing.T) {
	h := newHub(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	digests := make([]indicator.Digest, 1+random.IntN(300))
	want := batchAnswer{Epoch: 2, AsOf: now.UnixMilli(), Bitmap: make([]byte, (len(digests)+7)/8),
		Hits: []batchRecord{}}
	for i := range digests {
		for j := range digests[i] {
			digests[i][j] = byte(random.Uint32())
		}
		if random.IntN(3) > 0 {
			continue
		}
		v := confirmed()
		v.Score, v.Categories = uint8(random.IntN(101)), []fraud.Code{3, 2, 1, 4}[:random.IntN(5)]
		record := batchRecord{uint32(i), 5, v.Score, 4, 2, 3, 0, 0, 0, uint32(v.FirstReported.Unix()),
			uint32(v.LastReported.Unix())}
		for c, to := range []*uint16{&record.Category1, &record.Category2, &record.Category3} {
			if c < len(v.Categories) {
				*to = uint16(v.Categories[c])
			}
		}
		lifted, err := ring.Lift(digests[i], 1)
		if err != nil {
			t.Fatal(err)
		}
		h.listed[lifted] = v
		want.Bitmap[i/8] |= 1 << (i % 8)
		want.Hits = append(want.Hits, record)
	}
	got := h.do(t, batch(1, digests...))
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if diff := cmp.Diff(want, readBatch(t, got.Body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestABatchThatCannotBeKnownIsAllHits(t *testing.T) {
	h := newHub(t)
	h.stale = true
	h.listed[indicator.Digest{7}] = confirmed()
	got := readBatch(t, h.do(t, batch(2, indicator.Digest{1}, indicator.Digest{7}, indicator.Digest{2})).Body)
	var verdicts []uint8
	for _, hit := range got.Hits {
		verdicts = append(verdicts, hit.Verdict)
	}
	if diff := cmp.Diff([]uint8{6, 5, 6}, verdicts); diff != "" || got.Bitmap[0] != 7 || got.AsOf != 0 {
		t.Errorf("bitmap %b, as_of %d, verdicts (-want +got):\n%s", got.Bitmap, got.AsOf, diff)
	}
}

func TestBatchMemoryIsNotLeftOver(t *testing.T) {
	h := newHub(t)
	h.listed[indicator.Digest{7}] = confirmed()
	for range 10 {
		if got := readBatch(t, h.do(t, batch(2, indicator.Digest{7}, indicator.Digest{7})).Body); len(got.Hits) != 2 {
			t.Errorf("%d hits, want 2", len(got.Hits))
		}
		if got := readBatch(t, h.do(t, batch(2,
			indicator.Digest{1})).Body); len(got.Hits) != 0 || got.Bitmap[0] != 0 {
			t.Errorf("hits left over: %+v", got)
		}
	}
}

func TestBatchRefusals(t *testing.T) {
	h := newHub(t)
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	for _, c := range []struct {
		situation string
		ask       ask
		status    int
		code      string
	}{
		{"half a digest", ask{path: "/v1/lookup/batch?epoch=2", body: strings.Repeat("x", 48), header: octets}, 400,
			"bad_batch"},
		{"no digest", ask{path: "/v1/lookup/batch?epoch=2", header: octets, against: true}, 400, "bad_batch"},
		{"no epoch", ask{path: "/v1/lookup/batch", body: strings.Repeat("x", 32), header: octets, against: true}, 400,
			"bad_parameter"},
		{"a grade", ask{path: "/v1/lookup/batch?epoch=2&grade=weak", body: strings.Repeat("x", 32), header: octets},
			400, "bad_parameter"},
		{"JSON", ask{path: "/v1/lookup/batch?epoch=2", body: "{}", against: true}, 415, "unsupported_media_type"},
		{"over 4 MiB", ask{path: "/v1/lookup/batch?epoch=2", body: strings.Repeat("x", 4<<20+32), header: octets},
			413, "too_large"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			c.ask.method, c.ask.key = "POST", "lookup"
			if got := h.do(t, c.ask); got.Status != c.status || !strings.Contains(got.Body, `"code":"`+c.code+`"`) {
				t.Errorf("got %d %s, want %d %s", got.Status, got.Body, c.status, c.code)
			}
		})
	}
}

func FuzzDecodeLookup(f *testing.F) {
	f.Add([]byte(`{"indicators":[{"type":"phone","value":"012-345 6789"}]}`))
	f.Add([]byte(`{"indicators":[{"type":"url","epoch":1,"digest":"` + strings.Repeat("ab", 32) +
		`","grade":"weak","also":[{"grade":"prefix","digest":"` + strings.Repeat("cd", 32) + `"}]}]}`))
	f.Add([]byte(`{"indicators":[{"type":"phone","value":"1","value":"2"}]}`))
	f.Add([]byte(`{"indicators":null} {}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		agree(t, body)
		var first, second lookupRequest
		err := decodeLookup(body, &first, false)
		if err != nil {
			if p := problemFor(err); p.Status != http.StatusBadRequest {
				t.Fatalf("a body gave %d: %v", p.Status, err)
			}
			return
		}
		for i, q := range first.Indicators {
			if !q.Type.Valid() || (q.Value == "") == q.Digest.IsZero() {
				t.Errorf("indicator %d was accepted: %+v", i, q)
			}
		}
		if err := decodeLookup(body, &second, false); err != nil || cmp.Diff(first, second) != "" {
			t.Errorf("the same body was read in two ways")
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add(make([]byte, 32), uint8(5))
	f.Add(make([]byte, 33), uint8(6))
	h := newHub(f)
	f.Fuzz(func(t *testing.T, body []byte, status uint8) {
		digests, err := decodeBatch(nil, body)
		if (err == nil) != (len(body) > 0 && len(body)%32 == 0) {
			t.Fatalf("%d bytes: %v", len(body), err)
		}
		if err != nil {
			return
		}
		w := &batchspace{bulk: bulk{asked: digests, asOf: now}}
		for i := range digests {
			w.statuses = append(w.statuses, fraud.NotListed+fraud.Status(digests[i][0]^status)%6)
			if w.statuses[i] != fraud.NotListed && w.statuses[i] != fraud.Unsure {
				w.hits = append(w.hits, bulkHit{i, fraud.Verdict{Status: w.statuses[i]}})
			}
		}
		got := readBatch(t, string(h.server.encodeBatch(w)))
		next := 0
		for i, s := range w.statuses {
			if bit := got.Bitmap[i/8]>>(i%8)&1 == 1; bit != (s != fraud.NotListed) {
				t.Fatalf("digest %d is %v and its bit is %t", i, s, bit)
			}
			if s != fraud.NotListed {
				if got.Hits[next].Index != uint32(i) || got.Hits[next].Verdict != uint8(s) {
					t.Fatalf("hit %d is %+v, want digest %d, %v", next, got.Hits[next], i, s)
				}
				next++
			}
		}
	})
}
