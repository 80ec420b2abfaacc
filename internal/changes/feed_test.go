package changes_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/changes"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// numbered is the n-th of many changes.
func numbered(n int) fraud.Opinion {
	o := opinion(byte(n))
	o.Digest, o.Version = indicator.Digest{byte(n), byte(n >> 8), byte(n >> 16)}, fraud.Version(n+1)
	return o
}

// begun runs a feed until the test ends, and waits until it knows the log.
func begun(t *testing.T, feed *changes.Feed) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- feed.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	testkit.Eventually(t, patience, func() error {
		_, _, asOf, err := feed.Read(ctx, map[int]int64{}, 1)
		if err == nil && asOf.IsZero() {
			err = errors.New("it has not read to the end")
		}
		return err
	})
}

// TestEachFollowerGetsEveryChangeOnce has followers that begin before, in and after what is kept in memory, and read
// pages of several sizes while changes are appended.
func TestEachFollowerGetsEveryChangeOnce(t *testing.T) {
	cluster, name, log, _ := setUp(t, 3)
	const before, after = 15_000, 12_000
	all := make([]fraud.Opinion, before+after)
	for i := range all {
		all[i] = numbered(i)
	}
	if err := log.Append(t.Context(), all[:before]); err != nil {
		t.Fatal(err)
	}
	feed := changes.NewFeed(cluster, name, quiet)
	begun(t, feed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	now, err := feed.Begin(ctx, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	old, err := feed.Begin(ctx, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	appended := make(chan error, 1)
	go func() { appended <- log.Append(ctx, all[before:]) }()
	follow := func(places map[int]int64, limit, want int) (got []fraud.Opinion) {
		for len(got) < want {
			page, more, _, err := feed.Read(ctx, places, limit)
			if err != nil || len(page) > limit {
				t.Errorf("%d changes in a page of %d, %v", len(page), limit, err)
				return got
			}
			if got = append(got, page...); !more && len(got) < want {
				feed.Wait(ctx, places)
			}
		}
		return got
	}
	for _, c := range []struct {
		situation string
		places    map[int]int64
		limit     int
		want      []fraud.Opinion
	}{
		{"from now on", now, 100, all[before:]},
		{"from the beginning", old, 1000, all},
		{"without a place", map[int]int64{}, 777, all},
	} {
		got := follow(c.places, c.limit, len(c.want))
		slices.SortFunc(got, func(a, b fraud.Opinion) int { return int(a.Version) - int(b.Version) })
		if diff := cmp.Diff(len(c.want), len(got)); diff != "" || !slices.Equal(c.want, got) {
			t.Errorf("%s: not every change once (-want +got):\n%s", c.situation, diff)
		}
	}
	if err := <-appended; err != nil {
		t.Error(err)
	}
	places, got := map[int]int64{}, 0 // the feed holds all of it by now
	for more := true; more; {
		var page []fraud.Opinion
		if page, more, _, err = feed.Read(ctx, places, 500); err != nil {
			t.Fatal(err)
		}
		got += len(page)
	}
	if got != len(all) {
		t.Errorf("after %d of %d changes there is said to be no more", got, len(all))
	}
}

func TestAPlaceThatIsNoMoreIsSaid(t *testing.T) {
	cluster, name, log, _ := setUp(t, 1)
	feed := changes.NewFeed(cluster, name, quiet)
	if _, _, _, err := feed.Read(t.Context(), map[int]int64{}, 1); !errors.Is(err, fraud.ErrUnavailable) {
		t.Errorf("before it runs: %v", err)
	}
	if err := log.Append(t.Context(), []fraud.Opinion{opinion(1)}); err != nil {
		t.Fatal(err)
	}
	begun(t, feed)
	if _, _, _, err := feed.Read(t.Context(), map[int]int64{0: -5}, 1); !errors.Is(err, fraud.ErrPassed) {
		t.Errorf("before all that is held: %v", err)
	}
	ahead := map[int]int64{0: 9} // of another node that knows more
	got, more, _, err := feed.Read(t.Context(), ahead, 1)
	if err != nil || more || len(got) > 0 || ahead[0] != 9 {
		t.Errorf("%v, more %t, %v, place %d", got, more, err, ahead[0])
	}
}
