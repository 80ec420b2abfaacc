package ingest

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

func TestABacklogIsStoredInLargeSegments(t *testing.T) {
	cfg := DefaultConfiguration()
	cfg.SegmentAge, cfg.BacklogAge, cfg.SegmentEvents, cfg.BufferEvents = time.Second, 5*time.Second, 500, 800
	type arrival struct {
		at     int // ms
		events int
		behind bool
	}
	const behind = true
	for name, c := range map[string]struct {
		queue []arrival
		ends  bool // the queue is closed behind the last
		after int  // ms
		want  int
	}{
		"caught up":                     {[]arrival{{0, 10, !behind}}, false, 1000, 10},
		"much comes at once":            {[]arrival{{0, 300, behind}, {0, 300, behind}, {0, 300, behind}}, false, 0, 600},
		"more comes, up to its share":   {[]arrival{{0, 100, behind}, {3000, 100, behind}, {4000, 10, behind}}, false, 3000, 200},
		"its share is there already":    {[]arrival{{0, 250, behind}, {3000, 100, behind}}, false, 1000, 250},
		"more comes, until it is all":   {[]arrival{{0, 10, behind}, {2000, 10, !behind}}, false, 2000, 20},
		"it is all before a second":     {[]arrival{{0, 10, behind}, {500, 10, !behind}}, false, 1000, 20},
		"what is to come does not":      {[]arrival{{0, 10, behind}}, false, 5000, 10},
		"caught up, and more comes":     {[]arrival{{0, 10, !behind}, {1500, 10, behind}}, false, 1000, 10},
		"the partition is taken away":   {[]arrival{{0, 10, behind}, {2000, 10, behind}}, true, 2000, 20},
		"nothing, and it is taken away": {nil, true, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &partition{Ingest: &Ingest{cfg: cfg}, queue: make(chan chunk, 10)}
				p.hold([]kafka.PartitionAssignment{{ID: 0}, {ID: 1}}) // so its share is 200
				begin := time.Now()
				var sender sync.WaitGroup
				defer sender.Wait()
				sender.Go(func() {
					for _, a := range c.queue {
						time.Sleep(time.Until(begin.Add(time.Duration(a.at) * time.Millisecond)))
						p.queue <- chunk{behind: a.behind, Segment: fraud.Segment{Entries: make([]fraud.Entry, a.events)}}
					}
					if c.ends {
						close(p.queue)
					}
				})
				got := 0
				for _, c := range p.collect(t.Context()) {
					got += c.events()
				}
				if after := int(time.Since(begin).Milliseconds()); got != c.want || after != c.after {
					t.Fatalf("%d events after %d ms, want %d after %d", got, after, c.want, c.after)
				}
			})
		})
	}
}
