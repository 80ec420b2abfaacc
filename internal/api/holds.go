package api

import (
	"container/list"
	"sync"
	"time"
)

// letGoEvery is how often those that are held are looked at.
const letGoEvery = 10 * time.Millisecond

// holds are connections from which nothing is read for a while after a refusal, the longest held first. As many as there
// is room for are let go each letGoEvery, so that an overloaded hub has always just enough to do: were they held until
// their time is up, a hub whose callers are all held would idle.
type holds struct {
	room func() int // how many may be let go now

	mu      sync.Mutex
	held    list.List // of chan struct{}, closed when it is let go
	ticking bool
}

// wait returns when the connection is let go, or, with false, when it was held for so long.
func (h *holds) wait(longest time.Duration) (letGo bool) {
	free := make(chan struct{})
	h.mu.Lock()
	place := h.held.PushBack(free)
	if !h.ticking {
		h.ticking = true
		time.AfterFunc(letGoEvery, h.tick)
	}
	h.mu.Unlock()

	over := time.NewTimer(longest)
	defer over.Stop()
	select {
	case <-free:
		return true
	case <-over.C:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held.Remove(place) // or it was let go at the same moment
	return false
}

// tick lets go whom there is room for, and comes again while anybody is held.
func (h *holds) tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := h.room(); n > 0 && h.held.Len() > 0; n-- {
		close(h.held.Remove(h.held.Front()).(chan struct{}))
	}
	if h.ticking = h.held.Len() > 0; h.ticking {
		time.AfterFunc(letGoEvery, h.tick)
	}
}

// any tells whether there are any.
func (h *holds) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held.Len() > 0
}
