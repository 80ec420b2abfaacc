package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/internal/testkit"
)

// turningKey is an API key that comes and goes once.
type turningKey struct {
	header, hash string
	// inForce is set once the file that holds it is loaded, leaving before the file without it is written, and revoked
	// once that one is loaded.
	inForce, leaving, revoked atomic.Bool
}

// keyRoom is the partner file of a test: a platform whose key stays, and others whose keys come and go.
type keyRoom struct {
	path    string
	kept    []*turningKey
	turning []atomic.Pointer[turningKey] // one a partner
	made    int
}

func (k *keyRoom) newKey() *turningKey {
	k.made++
	key, hash := partners.NewAPIKey(fmt.Sprintf("key.%d", k.made))
	return &turningKey{header: "Bearer " + key, hash: hash}
}

// text is the file as it should now be, a partner a line.
func (k *keyRoom) text() string {
	var b strings.Builder
	fmt.Fprintln(&b, "partners:")
	line := func(number int, key *turningKey) {
		id, _, _ := strings.Cut(strings.TrimPrefix(key.header, "Bearer wsp_live_"), "_")
		fmt.Fprintf(&b, "- {id: partner.%d, number: %d, name: P, kind: platform, "+
			"api_keys: [{id: %s, sha256: %s, scopes: [lookup]}]}\n", number, number, id, key.hash)
	}
	for i := range k.turning {
		line(1+i, k.turning[i].Load())
	}
	for i, key := range k.kept {
		line(1000+i, key)
	}
	return b.String()
}

// replace puts the file there in one step, as a careful operator does.
func (k *keyRoom) replace(t *testing.T, text string) {
	t.Helper()
	err := os.WriteFile(k.path+".new", []byte(text), 0o600)
	if err := errors.Join(err, os.Rename(k.path+".new", k.path)); err != nil {
		t.Fatal(err)
	}
}

// overwrite writes it in place, as an editor may.
func (k *keyRoom) overwrite(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(k.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// loads counts what Follow logs.
type loads struct {
	slog.Handler
	loaded, refused atomic.Int64
}

func (l *loads) Enabled(context.Context, slog.Level) bool { return true }

func (l *loads) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "refused") {
		l.refused.Add(1)
	} else {
		l.loaded.Add(1)
	}
	return nil
}

// A key that is revoked ends when the file without it is loaded, on connections that are open already, too; no other
// key notices.
func TestARevokedKeyEndsAndNoOtherDoes(t *testing.T) {
	const follow, clients = 100 * time.Millisecond, 8
	rounds := 20
	if testkit.Long() {
		rounds = 300
	}
	r := testkit.Seed(t)
	room := &keyRoom{path: filepath.Join(t.TempDir(), "partners.yaml"), turning: make([]atomic.Pointer[turningKey], 8)}
	for range clients {
		room.kept = append(room.kept, room.newKey())
	}
	for i := range room.turning {
		key := room.newKey()
		key.inForce.Store(true)
		room.turning[i].Store(key)
	}
	room.replace(t, room.text())
	registry, err := partners.Load(room.path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &loads{Handler: slog.DiscardHandler}
	following := make(chan error, 1)
	go func() { following <- registry.Follow(ctx, follow, slog.New(log)) }()
	h := newHub(t, func(_ *Config, d *Deps) {
		d.Auth, d.Index, d.Log = registry, nothing{}, slog.New(slog.DiscardHandler)
	})
	addr := h.listen(t)

	var (
		load                                  sync.WaitGroup
		answered, refused, undecided, revoked atomic.Int64
		gone                                  sync.Map // the last revoked key of each partner
	)
	for n := range clients {
		load.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 5))
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			ask := func(key *turningKey) int {
				request, err := http.NewRequest("POST", "http://"+addr+"/v1/lookup", strings.NewReader(oneLookup))
				if err != nil {
					t.Error(err)
					return 0
				}
				request.Header.Set("Authorization", key.header)
				request.Header.Set("Content-Type", "application/json")
				answer, err := transport.RoundTrip(request)
				if err != nil {
					t.Errorf("a request was not answered: %v", err)
					return 0
				}
				_ = answer.Body.Close()
				return answer.StatusCode
			}
			for ctx.Err() == nil {
				if status := ask(room.kept[n]); status != 200 {
					t.Errorf("a key that was never touched is answered %d", status)
				}
				answered.Add(1)
				i := r.IntN(len(room.turning))
				key := room.turning[i].Load()
				if last, ok := gone.Load(i); ok && r.IntN(2) == 0 {
					key = last.(*turningKey)
				}
				wasInForce, wasRevoked := key.inForce.Load(), key.revoked.Load()
				status := ask(key)
				switch {
				case wasRevoked:
					refused.Add(1)
					if status != 401 {
						t.Errorf("a revoked key is answered %d", status)
					}
				case wasInForce && !key.leaving.Load():
					answered.Add(1)
					if status != 200 {
						t.Errorf("a key in force is answered %d", status)
					}
				default:
					undecided.Add(1)
				}
			}
		})
	}

	var slowest time.Duration
	for round := range rounds {
		var leaving, coming []*turningKey
		var whose []int
		for i := range room.turning {
			if r.IntN(2) == 0 {
				continue
			}
			old, next := room.turning[i].Load(), room.newKey()
			old.leaving.Store(true)
			room.turning[i].Store(next)
			leaving, coming, whose = append(leaving, old), append(coming, next), append(whose, i)
		}
		text, before := fmt.Sprintf("# round %d\n%s", round, room.text()), log.loaded.Load()
		if round%5 == 4 { // a broken one first, which is refused
			refusals := log.refused.Load()
			room.replace(t, text+"- {id: broken\n")
			testkit.Eventually(t, 10*time.Second, func() error {
				if log.refused.Load() == refusals {
					return errors.New("a broken file is not refused")
				}
				return nil
			})
		}
		written := time.Now()
		if round%3 == 0 {
			room.overwrite(t, text)
		} else {
			room.replace(t, text)
		}
		testkit.Eventually(t, 10*time.Second, func() error {
			if log.loaded.Load() == before {
				return errors.New("the file is not loaded")
			}
			return nil
		})
		slowest = max(slowest, time.Since(written))
		for j := range leaving {
			leaving[j].revoked.Store(true)
			coming[j].inForce.Store(true)
			gone.Store(whose[j], leaving[j])
			revoked.Add(1)
		}
		time.Sleep(follow - time.Since(written)%follow)
	}
	stop()
	load.Wait()
	if err := <-following; err != nil {
		t.Error(err)
	}
	t.Logf("%d reloads, %d keys revoked; %d lookups answered, %d refused, %d while their key came or went; "+
		"a file was loaded after %s at most", rounds, revoked.Load(), answered.Load(), refused.Load(), undecided.Load(),
		slowest.Round(time.Millisecond))
	if refused.Load() < int64(rounds) || answered.Load() < 10*int64(rounds) {
		t.Error("too few lookups to prove anything")
	}
}
