package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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

	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// faultySize is how many opinions the snapshots have of which every byte is changed: some hundreds.
const faultySize = 300

// The parts of a snapshot of faultySize opinions: header and positions, directory, records, origins of every other, sum.
const (
	directoryEnd  = -sha256.Size - 4*faultySize/2 - recordSize*faultySize // from the end of the file
	directorySize = 4 << dirBits
)

// changedPlaces lists where a snapshot is changed: one byte in step of the directory, which is all alike, and all
// others; the short form takes as few of what follows the directory.
func changedPlaces(data []byte, step int) (places []int) {
	directory := len(data) + directoryEnd - directorySize
	for at := 0; at < len(data); {
		places = append(places, at)
		if at >= directory && (at < directory+directorySize || !testkit.Long()) {
			at += step
		} else {
			at++
		}
	}
	return places
}

// everyByte is the step of a long form that leaves out nothing.
func everyByte(short int) int {
	if testkit.Long() {
		return 1
	}
	return short
}

// inHalves runs a check of every place, on two cores: the sum of a quarter of a megabyte each time takes a while.
func inHalves(data []byte, places []int, check func(data []byte, at int)) {
	var both sync.WaitGroup
	for half := range 2 {
		both.Go(func() {
			own := bytes.Clone(data)
			for i := half; i < len(places); i += 2 {
				check(own, places[i])
			}
		})
	}
	both.Wait()
}

func TestSnapshotWithAnyByteChangedIsRefused(t *testing.T) {
	r := testkit.Seed(t)
	data := snapshotBytes(t, someSnapshot(t, faultySize))
	places := changedPlaces(data, everyByte(97))
	directory := len(data) + directoryEnd - directorySize
	bit := r.Perm(len(data))
	began := time.Now()
	inHalves(data, places, func(data []byte, at int) {
		for b := range 8 {
			if at >= directory && at < directory+directorySize && b != bit[at]%8 {
				continue // of the directory one bit a byte, of all others each
			}
			data[at] ^= 1 << b
			if _, err := decodeSnapshot(data, 1); err == nil {
				t.Errorf("bit %d of byte %d changed, and nobody saw it", b, at)
			}
			data[at] ^= 1 << b
		}
	})
	t.Logf("%d of %d bytes changed, in %s", len(places), len(data), time.Since(began).Round(time.Millisecond))
	if _, err := decodeSnapshot(data, 1); err != nil {
		t.Errorf("changed back: %v", err)
	}
}

func TestSnapshotOfAnyOtherLengthIsRefused(t *testing.T) {
	r := testkit.Seed(t)
	data := snapshotBytes(t, someSnapshot(t, faultySize))
	inHalves(data, changedPlaces(data, everyByte(97)), func(data []byte, n int) {
		if _, err := decodeSnapshot(data[:n], 1); err == nil {
			t.Errorf("cut to %d bytes, and nobody saw it", n)
		}
	})
	for n := 1; n <= 100; n++ {
		trail := make([]byte, n)
		for range 2 { // of zeros, and of anything
			if _, err := decodeSnapshot(append(bytes.Clone(data), trail...), 1); err == nil {
				t.Errorf("%d bytes more, and nobody saw it", n)
			}
			for i := range trail {
				trail[i] = byte(r.Uint32())
			}
		}
	}
}

// seal puts the right sum under a snapshot that was changed.
func seal(data []byte) []byte {
	body := data[:len(data)-sha256.Size]
	sum := sha256.Sum256(body)
	copy(data[len(body):], sum[:])
	return data
}

// No accident makes such a file; a defect that writes snapshots may. It is refused or used, but it breaks nothing.
func TestSnapshotThatIsWrongUnderARightSumBreaksNothing(t *testing.T) {
	r := testkit.Seed(t)
	data := snapshotBytes(t, someSnapshot(t, faultySize))
	bit := r.Perm(len(data))
	var mu sync.Mutex
	used := 0
	step := 1499
	if testkit.Long() {
		step = 499
	}
	inHalves(data, changedPlaces(data, step), func(data []byte, at int) {
		data[at] ^= 1 << (bit[at] % 8)
		s, err := decodeSnapshot(seal(data), 1)
		data[at] ^= 1 << (bit[at] % 8)
		if err != nil {
			return
		}
		mu.Lock()
		used++
		mu.Unlock()
		x := newIndex(testPolicy())
		x.adopt(s.base)
		for tag := range s.base.all() {
			if !x.view.Load().filter.mayContain(tag.tag) && tag.visible() {
				t.Errorf("byte %d: a record is not in the filter", at)
			}
			if n := len(x.view.Load().opinions(tag.tag, nil)); n == 0 {
				t.Errorf("byte %d: a record is not found", at)
			}
		}
		x.Apply(national(digests(rand.New(rand.NewPCG(1, 1)), 1)))
		if base, _ := x.fold(); base.n == 0 {
			t.Errorf("byte %d: folded to nothing", at)
		}
	})
	t.Logf("%d were used", used)
	if used == 0 {
		t.Error("none was used: nothing was tried")
	}
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// oldAndNew makes a hub of which a node has a snapshot in dir, and of which something has changed since: of 100
// digests, those under 50 were listed then, every third of them was withdrawn since, and the rest are listed since.
func oldAndNew(t *testing.T, cfg Config) *hub {
	t.Helper()
	h := newHub(2)
	for n := range uint64(50) {
		h.store(reported(n, fraud.Listed))
	}
	_, stop := run(t, h, cfg)
	time.Sleep(time.Minute)
	stop()
	for n := range uint64(100) {
		o := reported(n, fraud.Listed)
		switch {
		case n < 50 && n%3 == 0:
			o = reported(n, fraud.Withdrawn)
		case n < 50:
			continue
		}
		h.publish(o)
		h.store(o)
	}
	time.Sleep(time.Minute)
	return h
}

// wantNew holds an index to what oldAndNew made last.
func wantNew(t *testing.T, x *Index) {
	t.Helper()
	wantReady(t, x, true)
	for n := range uint64(110) {
		want := fraud.Suspected
		if n < 50 && n%3 == 0 || n >= 100 {
			want = fraud.NotListed
		}
		wantStatus(t, x, n, want)
	}
}

const (
	fromSnapshot = "index started from a snapshot"
	fromStore    = "index loaded"
)

// Whatever stands where the snapshot should: the node is ready, and knows what there is to know.
func TestNodeStartsRightWhateverItsSnapshotIs(t *testing.T) {
	r := testkit.Seed(t)
	header := func(change func(*snapshotHeader)) func([]byte) []byte {
		return func(data []byte) []byte {
			var h snapshotHeader
			n, err := binary.Decode(data, binary.LittleEndian, &h)
			if err != nil {
				panic(err)
			}
			change(&h)
			if _, err := binary.Encode(data[:n], binary.LittleEndian, &h); err != nil {
				panic(err)
			}
			return seal(data)
		}
	}
	type situation struct {
		name   string
		change func([]byte) []byte
		begins string
	}
	situations := []situation{
		{"whole", func(d []byte) []byte { return d }, fromSnapshot},
		{"empty", func([]byte) []byte { return nil }, fromStore},
		{"as long, of zeros", func(d []byte) []byte { return make([]byte, len(d)) }, fromStore},
		{"as long, of anything", func(d []byte) []byte {
			for i := range d {
				d[i] = byte(r.Uint32())
			}
			return d
		}, fromStore},
		{"twice, one after the other", func(d []byte) []byte { return append(d, d...) }, fromStore},
		{"without its last byte", func(d []byte) []byte { return d[:len(d)-1] }, fromStore},
		{"a line feed longer", func(d []byte) []byte { return append(d, '\n') }, fromStore},
		{"its last page of zeros", func(d []byte) []byte { clear(d[len(d)-4096:]); return d }, fromStore},
		{"not a snapshot", header(func(h *snapshotHeader) { h.Magic[0]++ }), fromStore},
		{"of a former version", header(func(h *snapshotHeader) { h.Format-- }), fromStore},
		{"of a version to come", header(func(h *snapshotHeader) { h.Format++ }), fromStore},
		{"of longer records", header(func(h *snapshotHeader) { h.RecordSize++ }), fromStore},
		{"of another key epoch", header(func(h *snapshotHeader) { h.Epoch++ }), fromStore},
		{"of another key epoch by 65,536", header(func(h *snapshotHeader) { h.Epoch += 1 << 16 }), fromStore},
		{"one record more than there are", header(func(h *snapshotHeader) { h.Records++ }), fromStore},
		{"so many records that their size overflows", header(func(h *snapshotHeader) { h.Records = 1<<64 - 1 }),
			fromStore},
		{"more digests than records", header(func(h *snapshotHeader) { h.Digests = 1 << 40 }), fromStore},
	}
	random := 20
	if testkit.Long() {
		random = 500
	}
	for range random {
		at := r.Uint64()
		situations = append(situations,
			situation{fmt.Sprintf("a byte changed, of %d", at), func(d []byte) []byte {
				d[at%uint64(len(d))] ^= byte(1 + at>>32%255)
				return d
			}, fromStore},
			situation{fmt.Sprintf("cut, of %d", at), func(d []byte) []byte { return d[:at%uint64(len(d))] }, fromStore})
	}
	for _, s := range situations {
		cfg := DefaultConfig()
		cfg.SnapshotDir = t.TempDir()
		path := filepath.Join(cfg.SnapshotDir, snapshotName)
		synctest.Test(t, func(t *testing.T) {
			h := oldAndNew(t, cfg)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, s.change(data), 0o600); err != nil {
				t.Fatal(err)
			}
			var log logBuffer
			x, stop := runWatched(t, h, cfg, nil, log.logger())
			defer stop()
			time.Sleep(10 * time.Second)
			wantNew(t, x)
			if !log.has(s.begins) || s.begins == fromStore && !log.has("snapshot refused") {
				t.Errorf("want %q, log:\n%s", s.begins, log.text.String())
			}
		})
		if t.Failed() {
			t.Fatalf("with a snapshot that is %s", s.name)
		}
	}
}

func TestNodeWithARefusedSnapshotWaitsForTheStore(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SnapshotDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := oldAndNew(t, cfg)
		path := filepath.Join(cfg.SnapshotDir, snapshotName)
		if err := os.Truncate(path, 300_000/2); err != nil {
			t.Fatal(err)
		}
		h.set(func() { h.storeDown = true })
		x, stop := run(t, h, cfg)
		defer stop()
		time.Sleep(time.Minute)
		wantReady(t, x, false)
		for n := range uint64(110) {
			wantStatus(t, x, n, fraud.Unsure)
		}
		h.set(func() { h.storeDown = false })
		time.Sleep(10 * time.Second)
		wantNew(t, x)
	})
}

// A node that cannot write its snapshot says so and goes on. The former one stays whole, and a node starts from it.
func TestNodeGoesOnWhereItsSnapshotCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		situation string
		// breaks makes the folder unfit, and returns what mends it.
		breaks func(t *testing.T, dir string) (mend func())
		former bool // stays
	}{
		{"a full disk", func(t *testing.T, dir string) func() {
			filling := testkit.FillDisk(t, dir, 0)
			return func() { removeFile(t, filling) }
		}, true},
		{"a disk that is full when half of it is written", func(t *testing.T, dir string) func() {
			filling := testkit.FillDisk(t, dir, 128<<10)
			return func() { removeFile(t, filling) }
		}, true},
		{"a disk turned read-only", func(t *testing.T, dir string) func() {
			testkit.ReadOnly(t, dir, true)
			return func() { testkit.ReadOnly(t, dir, false) }
		}, true},
		{"a folder that is gone", func(t *testing.T, dir string) func() {
			if err := os.RemoveAll(filepath.Join(dir, "snapshots")); err != nil {
				t.Fatal(err)
			}
			return func() { makeFolder(t, filepath.Join(dir, "snapshots")) }
		}, false},
		{"a folder in the place of the file", func(t *testing.T, dir string) func() {
			path := filepath.Join(dir, "snapshots", snapshotName)
			removeFile(t, path)
			makeFolder(t, filepath.Join(path, "occupied"))
			return func() {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
		}, false},
	} {
		t.Run(c.situation, func(t *testing.T) {
			disk := testkit.SmallDisk(t, 1<<20)
			cfg := DefaultConfig()
			cfg.SnapshotDir, cfg.SnapshotEvery = filepath.Join(disk, "snapshots"), time.Minute
			makeFolder(t, cfg.SnapshotDir)
			synctest.Test(t, func(t *testing.T) {
				h := oldAndNew(t, cfg)
				path := filepath.Join(cfg.SnapshotDir, snapshotName)
				former, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				mend := c.breaks(t, disk)

				// A node that starts there and runs there.
				var log logBuffer
				reg := prometheus.NewRegistry()
				x, stop := runWatched(t, h, cfg, reg, log.logger())
				time.Sleep(5*time.Minute + time.Second)
				wantNew(t, x)
				if n := counter(t, reg, "waspada_index_snapshot_failures_total"); n != 5 {
					t.Errorf("%v failures are counted in five minutes, want 5", n)
				}
				if n := counter(t, reg, "waspada_index_snapshots_total"); n != 0 {
					t.Errorf("%v snapshots are counted, want none", n)
				}
				if !log.has("snapshot not written") {
					t.Errorf("no warning:\n%s", log.text.String())
				}
				late := reported(100, fraud.Listed)
				h.publish(late)
				h.store(late)
				time.Sleep(time.Second)
				wantStatus(t, x, 100, fraud.Suspected)
				stop()
				if c.former {
					now, err := os.ReadFile(path)
					if err != nil || !bytes.Equal(former, now) {
						t.Fatalf("the former snapshot is not as it was: %d bytes, then %d, %v", len(former), len(now), err)
					}
				}
				if left, _ := filepath.Glob(filepath.Join(cfg.SnapshotDir, "*.tmp")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}

				// Another start, from the former snapshot where there is one, and nothing else.
				h.set(func() { h.storeDown = c.former })
				reg = prometheus.NewRegistry()
				x, stop = runWatched(t, h, cfg, reg, log.logger())
				time.Sleep(10 * time.Second)
				wantStatus(t, x, 100, fraud.Suspected)
				h.publish(reported(100, fraud.Withdrawn))
				time.Sleep(time.Second)
				wantNew(t, x)

				mend()
				time.Sleep(time.Minute)
				if n := counter(t, reg, "waspada_index_snapshots_total"); n != 1 {
					t.Errorf("mended: %v snapshots are counted, want 1", n)
				}
				stop()
				h.set(func() { h.storeDown = true })
				x, stop = run(t, h, cfg)
				defer stop()
				time.Sleep(time.Second)
				wantNew(t, x)
			})
		})
	}
}

// counter reads a counter as the operator's monitoring does.
func counter(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].Counter.GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func removeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func makeFolder(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
