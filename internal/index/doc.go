// Package index answers "is this known fraud?" from memory.
//
//	Lookup(probes)
//	   │ as_of, view             one atomic load each, no lock
//	   ▼
//	 filter ── no to every probe ──────────────▶ not_listed   (answered by the filter: most traffic)
//	   │ maybe
//	   ▼
//	 active delta ∪ folding delta ∪ base ──▶ standing opinions ── fraud.Decide ──▶ verdict (answered by the index)
//
//	not_listed, but the node is not caught up or its as_of is too old ──▶ unsure
//
// A bloom hit alone is never an answer. The exact opinions are kept in the shape of a log-structured tree: a frozen,
// sorted, pointer-free base for nearly everything, and a small delta that takes changes while readers read it.
//
//	changes ──Apply──▶ active delta ──▶ filter bits ──▶ as_of          in this order: no false negatives
//	                     │ grown, or some minutes old: fold
//	                     ▼
//	       base + folding delta ──merge──▶ new base ──▶ new filter ──▶ one pointer swapped
//	                                          └──▶ snapshot: a node starts from it, even without the store
//
// A reader sees one view from start to end. A change is in the delta before its filter bits are set, and its filter
// bits are set before as_of moves; a reader takes as_of first. So an answer never claims to know what it did not
// look at.
package index
