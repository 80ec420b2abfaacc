package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// How streams go on.
const (
	// beatEvery is the longest silence of a stream: what it then says is where it is and how fresh that is. What its reader
	// may not see makes no other event.
	beatEvery = 10 * time.Second
	// identifyEvery bounds how long a stream outlives the key that it was begun with.
	identifyEvery = 2 * time.Second
	// paceOfStreams gathers changes that come together.
	paceOfStreams = 100 * time.Millisecond
	// streamsOfOne and streamsOfAll are how many a partner may have at a node, and all partners together.
	streamsOfOne = 4
	streamsOfAll = 256
)

// streams counts those that are open.
type streams struct {
	mu  sync.Mutex
	of  map[fraud.PartnerNumber]int
	all int
}

// open takes a place; close gives it back.
func (s *streams) open(p fraud.PartnerNumber) (close func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.of[p] >= streamsOfOne:
		refused := refuse("too_many_streams", "this partner has as many streams open at this node as it may: end one, or ask for pages")
		refused.retryAfter = "10"
		return nil, refused
	case s.all >= streamsOfAll:
		return nil, errBusy
	}
	if s.of == nil {
		s.of = map[fraud.PartnerNumber]int{}
	}
	s.of[p]++
	s.all++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[p]--; s.of[p] == 0 {
			delete(s.of, p)
		}
	}, nil
}

// stream goes on telling of changes until the caller leaves, reads too slowly or may no longer ask, or the node drains.
// A stream keeps nothing at the node but its place, and takes none in the gate.
func (s *Server) stream(r *request, at follower, limit int) error {
	leave, err := s.streams.open(r.who.Partner.Number)
	if err != nil {
		return err
	}
	defer leave()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	r.pass.leave()
	connection := http.NewResponseController(r.Writer)
	_ = connection.SetReadDeadline(time.Time{}) // the one of the request would end the stream
	h := r.Writer.Header()
	r.tellQuotas(h)
	h["Content-Type"] = []string{"text/event-stream"}
	h["X-Accel-Buffering"] = []string{"no"} // proxies pass on what comes
	r.Writer.WriteHeader(http.StatusOK)
	ended := s.follow(r, connection, &at, limit)
	s.metrics.streamsEnded.WithLabelValues(ended).Inc()
	return nil
}

// follow tells why it ended.
func (s *Server) follow(r *request, connection *http.ResponseController, at *follower, limit int) string {
	ctx := r.Request.Context()
	var told, identified time.Time
	for {
		if time.Since(identified) >= identifyEvery {
			if err := s.identify(r, s.now()); err != nil || !r.who.Scopes.Has(fraud.MayLookup) {
				return "denied"
			}
			identified = time.Now()
		}
		reading, cancel := context.WithTimeout(ctx, changesLimit)
		page, err := s.pageOfChanges(reading, r.who.Partner, at, limit)
		cancel()
		switch {
		case ctx.Err() != nil:
			return "left"
		case s.draining.Load():
			return "draining"
		case errors.Is(err, fraud.ErrPassed):
			return "passed" // who comes again with the cursor is told so
		case err != nil:
			return "unavailable"
		}
		if len(page.Changes) > 0 || page.Recheck || time.Since(told) >= beatEvery {
			if err := s.sendEvent(r, connection, &page); err != nil {
				if ctx.Err() != nil {
					return "left"
				}
				return "slow"
			}
			told = time.Now()
		}
		if page.More {
			continue
		}
		if !pauseFor(ctx, paceOfStreams) {
			return "left"
		}
		waiting, cancel := context.WithTimeout(ctx, min(identifyEvery, beatEvery-time.Since(told)))
		s.feed.Wait(waiting, at.places)
		cancel()
	}
}

// sendEvent writes one event. Its id is the cursor, with which browsers come again by themselves.
func (s *Server) sendEvent(r *request, connection *http.ResponseController, page *changesAnswer) error {
	data, err := json.Marshal(page)
	if err != nil {
		return err
	}
	event := append([]byte("event: changes\nid: "+page.Next+"\ndata: "), data...)
	event = append(event, "\n\n"...)
	_ = connection.SetWriteDeadline(time.Now().Add(s.patience.answer))
	if _, err := r.Writer.Write(event); err != nil {
		return err
	}
	return connection.Flush()
}

// pauseFor reports false when ctx ended first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
