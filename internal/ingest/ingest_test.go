package ingest_test

import (
	"testing"
)

func TestIngestStoresAnnouncesAndCommits(t *testing.T) {
	h := newHub(t, 4)
	events := h.reports(2_000)
	m := h.start()
	h.publish(events...)
	h.allCommitted()
	h.hasAll(events)
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
}
