package sweeps

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// audit is one that may be down.
type audit struct {
	mu   sync.Mutex
	down bool
	acts []fraud.Act
}

func (a *audit) PutActs(_ context.Context, acts []fraud.Act) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return errors.New("ClickHouse is down")
	}
	a.acts = append(a.acts, acts...)
	return nil
}

func (a *audit) set(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// told is what the audit holds, without ids and times.
func (a *audit) told() []fraud.Act {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []fraud.Act
	for _, act := range a.acts {
		act.ID, act.At = [16]byte{}, time.Time{}
		all = append(all, act)
	}
	return all
}

const touches = "waspada_api_canary_touches_total"

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var ring, oldRing = rings()

func rings() (both, first *indicator.KeyRing) {
	key := func(n byte) []byte { return bytes.Repeat([]byte{n}, indicator.MinKeyLen) }
	both, _ = indicator.NewKeyRing(key(1), key(2))
	first, _ = indicator.NewKeyRing(key(1))
	return both, first
}

func phone(r *indicator.KeyRing, n int) indicator.Digest {
	return r.Digest(indicator.Phone, fmt.Sprintf("+6012%07d", n))
}

func entry(label string, epoch int, d indicator.Digest) string {
	return fmt.Sprintf("- {label: %s, type: phone, epoch: %d, digests: [%s]}\n", label, epoch, d)
}

// caller is a partner with a key.
func caller(n fraud.PartnerNumber) *fraud.Identity {
	return &fraud.Identity{Partner: &fraud.Partner{Number: n, ID: fmt.Sprintf("bank-%d", n), Kind: fraud.Bank},
		KeyID: fmt.Sprintf("key.%d", n)}
}

// watched is a Watch that runs.
type watched struct {
	*Watch
	audit audit
	log   safeBuffer
	reg   *prometheus.Registry
	path  string
	stop  func()
}

// counted is a counter's sum.
func counted(t *testing.T, reg prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name {
				sum += m.Counter.GetValue()
			}
		}
	}
	return sum
}

// late is a minute to midnight in Malaysia when a test begins: synctest's clock begins at midnight in Greenwich.
func late() time.Time { return time.Now().Add(15*time.Hour + 59*time.Minute) }

func start(t *testing.T, canaries string, counts func() []Count) *watched {
	t.Helper()
	w := &watched{reg: prometheus.NewPedanticRegistry(), path: filepath.Join(t.TempDir(), "canaries.yaml")}
	w.write(t, canaries)
	var err error
	w.Watch, err = New(Config{Canaries: w.path, Ring: ring, Now: late, Counts: counts, Bounds: Bounds{100, 0.01}},
		&w.audit, w.reg, slog.New(slog.NewTextHandler(&w.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(w.stop)
	return w
}

func (w *watched) write(t *testing.T, canaries string) {
	t.Helper()
	if err := os.WriteFile(w.path, []byte(canaries), 0o600); err != nil {
		t.Fatal(err)
	}
}

func touched(n fraud.PartnerNumber, label string) fraud.Act {
	who := caller(n)
	return fraud.Act{By: who.Partner.ID, Key: who.KeyID, What: fraud.CanaryTouched, Object: label,
		Reason: "the first of the day", Done: true}
}

func TestTheFirstTouchOfTheDayAlarmsAndAllAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, entry("c-old", 1, phone(oldRing, 1))+entry("c-new", 2, phone(ring, 2)), nil)
		ask := func(n fraud.PartnerNumber, of ...int) {
			var all []indicator.Digest
			for _, i := range of {
				all = append(all, phone(ring, i))
			}
			w.Asked(caller(n), all)
			synctest.Wait()
		}
		ask(1, 3, 4, 5)
		if n := len(w.audit.told()); n != 0 || w.log.String() != "" {
			t.Errorf("%d acts without a touch; the log: %s", n, w.log.String())
		}
		ask(1, 3, 1, 4) // lifted from epoch 1
		ask(1, 2, 1, 2)
		ask(2, 2)
		time.Sleep(time.Minute)
		ask(1, 2)
		want := []fraud.Act{touched(1, "c-old"), touched(2, "c-new"), touched(1, "c-new")}
		if diff := cmp.Diff(want, w.audit.told()); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
		if n := counted(t, w.reg, touches); n != 6 {
			t.Errorf("%v touches are counted of 6", n)
		}
		log := w.log.String()
		if strings.Count(log, "level=ERROR") != 3 || !strings.Contains(log, "partner=bank-1") ||
			!strings.Contains(log, "key=key.1") || !strings.Contains(log, "canary=c-old") {
			t.Errorf("log: %s", log)
		}
		for _, d := range []indicator.Digest{phone(ring, 1), phone(oldRing, 1), phone(ring, 2)} {
			if strings.Contains(log, d.String()) {
				t.Error("the log holds a digest")
			}
		}
	})
}

func TestAnAlarmWaitsForTheAuditAndALookUpDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, entry("c-1", 2, phone(ring, 1)), nil)
		w.audit.set(true)
		begin := time.Now()
		for n := range fraud.PartnerNumber(3) {
			w.Asked(caller(n+1), []indicator.Digest{phone(ring, 1)})
		}
		if time.Since(begin) != 0 {
			t.Error("a look-up waited")
		}
		synctest.Wait()
		if n := strings.Count(w.log.String(), "level=ERROR"); n != 3 {
			t.Errorf("%d of 3 alarms are in the log while the audit is down", n)
		}
		time.Sleep(20 * time.Second)
		if n := w.alarms.unwritten(); n != 3 {
			t.Errorf("%d of 3 wait for the audit", n)
		}
		w.audit.set(false)
		time.Sleep(30 * time.Second) // the longest pause between two tries
		want := []fraud.Act{touched(1, "c-1"), touched(2, "c-1"), touched(3, "c-1")}
		if diff := cmp.Diff(want, w.audit.told()); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}

		w.audit.set(true)
		time.Sleep(time.Minute)
		w.Asked(caller(1), []indicator.Digest{phone(ring, 1)})
		synctest.Wait()
		w.audit.set(false)
		w.stop()
		if n := len(w.audit.told()); n != 4 {
			t.Errorf("the last alarm is not written at the end: %d", n)
		}
	})
}

func TestWhatWaitsForTheAuditIsBounded(t *testing.T) {
	a, reg := newAlarms(&audit{down: true}, slog.New(slog.DiscardHandler)), prometheus.NewRegistry()
	reg.MustRegister(a.lost)
	for range maxUnwritten + 5 {
		a.raise("", fraud.Act{})
	}
	if lost := counted(t, reg, "waspada_api_alarms_lost_total"); a.unwritten() != maxUnwritten || lost != 5 {
		t.Errorf("%d wait, %v are lost", a.unwritten(), lost)
	}
}

func TestAChangedFileOfCanariesIsTakenAndABadOneIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, entry("c-1", 2, phone(ring, 1)), nil)
		touch := func(n int) bool {
			before := counted(t, w.reg, touches)
			w.Asked(caller(1), []indicator.Digest{phone(ring, n)})
			return counted(t, w.reg, touches) > before
		}
		for _, step := range []struct {
			situation, file string
			one, two        bool
		}{
			{"another", entry("c-2", 2, phone(ring, 2)), false, true},
			{"a later epoch", entry("c-1", 3, phone(ring, 1)), false, true},
			{"a value", "- {label: c-1, type: phone, epoch: 2, value: '0123456789'}", false, true},
			{"both", entry("c-1", 2, phone(ring, 1)) + entry("c-2", 1, phone(oldRing, 2)), true, true},
			{"empty", "", false, false},
		} {
			w.write(t, step.file)
			time.Sleep(2 * followEvery)
			if one, two := touch(1), touch(2); one != step.one || two != step.two {
				t.Errorf("%s: %t and %t, want %t and %t", step.situation, one, two, step.one, step.two)
			}
		}
		if log := w.log.String(); strings.Count(log, "refused") != 2 || strings.Contains(log, "0123456789") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestBadCanariesAreNamed(t *testing.T) {
	d := phone(ring, 1).String()
	for situation, c := range map[string]struct{ file, want string }{
		"no label":            {"- {type: phone, epoch: 1, digests: [" + d + "]}", "entry 1: label"},
		"a label of a number": {"- {label: '0123456789', type: phone, epoch: 1, digests: [" + d + "]}", "entry 1: label"},
		"no type":             {"- {label: c, epoch: 1, digests: [" + d + "]}", "entry 1 (c): type"},
		"no digest":           {"- {label: c, type: phone, epoch: 1}", "entry 1 (c): digests"},
		"no epoch":            {"- {label: c, type: phone, digests: [" + d + "]}", "unknown key epoch"},
		"a zero digest":       {"- {label: c, type: phone, epoch: 2, digests: ['" + strings.Repeat("0", 64) + "']}", "is zero"},
		"half a digest":       {"- {label: c, type: phone, epoch: 2, digests: [abcd]}", "64 lower-case"},
		"no list":             {"canaries: 3", "not a list"},
	} {
		if _, err := parse([]byte(c.file), ring); err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: %v", situation, err)
		}
	}
}

// The first two are a national hub's: whoever screens meets about as many as the others.
func TestWhoAsksMuchOfWhichLittleIsKnownIsTold(t *testing.T) {
	for situation, c := range map[string]struct {
		counts []Count
		floor  float64
		want   []int // by their place
	}{
		"alike":                       {[]Count{{nil, 20_000, 40}, {nil, 500_000, 900}}, 0, nil},
		"a bank with clean customers": {[]Count{{nil, 20_000, 5}, {nil, 500_000, 900}}, 0, nil},
		"a sweep":                     {[]Count{{nil, 20_000, 3}, {nil, 500_000, 900}}, 0, []int{0}},
		"a sweep that never hits":     {[]Count{{nil, 500_000, 0}, {nil, 20_000, 40}}, 0, []int{0}},
		"too little to tell":          {[]Count{{nil, 9_999, 0}, {nil, 500_000, 9000}}, 0, nil},
		"too few hits to expect":      {[]Count{{nil, 10_000, 0}, {nil, 500_000, 900}}, 0, nil},
		"no others":                   {[]Count{{nil, 500_000, 0}, {nil, 9_999, 5000}}, 0, nil},
		"no others, below the floor":  {[]Count{{nil, 500_000, 49}}, 0.0001, []int{0}},
		"no others, at the floor":     {[]Count{{nil, 500_000, 50}}, 0.0001, nil},
		"two sweep":                   {[]Count{{nil, 100_000, 1}, {nil, 100_000, 2}, {nil, 100_000, 300}}, 0, []int{0, 1}},
	} {
		var got []int
		for _, f := range (Bounds{10_000, c.floor}).find(c.counts) {
			for i := range c.counts {
				if c.counts[i] == f.Count {
					got = append(got, i)
				}
			}
		}
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", situation, diff)
		}
	}
}

func TestASweepIsToldOfOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := []Count{{caller(1).Partner, 1000, 1}, {caller(2).Partner, 1000, 100}}
		w := start(t, "", func() []Count { return counts })
		time.Sleep(30 * time.Second)
		synctest.Wait()
		want := []fraud.Act{{What: fraud.SweepNoticed, Whom: "bank-1", Done: true,
			Reason: "1 of 1000 different indicators known, and 10.0 were to be expected at least"}}
		if diff := cmp.Diff(want, w.audit.told()); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
		n, log := counted(t, w.reg, "waspada_api_sweeps_total"), w.log.String()
		if n != 1 || strings.Count(log, "level=ERROR") != 1 {
			t.Errorf("counted %v; log: %s", n, log)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(w.audit.told()); n != 2 {
			t.Errorf("%d after another day", n)
		}
	})
}

func TestTheSieveLosesNoCanaryAndPassesLittle(t *testing.T) {
	random := testkit.Seed(t)
	for _, n := range []int{0, 1, 3, 100, 10_000} {
		labels := map[indicator.Digest]string{}
		for _, d := range someDigests(random, n) {
			labels[d] = "c"
		}
		l := newList(labels)
		for d := range labels {
			if !l.mayHold(&d) {
				t.Fatalf("of %d one is lost", n)
			}
		}
		passed := 0
		for _, d := range someDigests(random, 100_000) {
			if l.mayHold(&d) {
				passed++
			}
		}
		if passed > 100_000/50 {
			t.Errorf("with %d canaries %d of 100,000 pass", n, passed)
		}
	}
}

func someDigests(random *rand.Rand, n int) []indicator.Digest {
	all := make([]indicator.Digest, n)
	for i := range all {
		for w := range 4 {
			binary.BigEndian.PutUint64(all[i][8*w:], random.Uint64())
		}
	}
	return all
}

// What canaries cost a batch of 10,000 digests.
func BenchmarkAsked(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1000, 100_000} {
		labels := map[indicator.Digest]string{}
		for _, d := range someDigests(random, n) {
			labels[d] = "c"
		}
		w := &Watch{}
		w.list.Store(newList(labels))
		asked, who := someDigests(random, 10_000), caller(1)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				w.Asked(who, asked)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/digest")
		})
	}
}
