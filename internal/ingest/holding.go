package ingest

import "github.com/segmentio/kafka-go"

// Holds tells whether this member has a partition of the reports topic; settled is false while it has no place in the
// group, as during a rebalance. At any time one member has it, or none, unless one was cut off and does not know yet.
func (in *Ingest) Holds(partition int) (holds, settled bool) {
	held := in.held.Load()
	return held != nil && (*held)[partition], held != nil
}

// hold notes what a generation assigns.
func (in *Ingest) hold(assigned []kafka.PartitionAssignment) {
	held := make(map[int]bool, len(assigned))
	for _, a := range assigned {
		held[a.ID] = true
	}
	in.held.Store(&held)
}
