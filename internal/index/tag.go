package index

import (
	"cmp"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// tag stands for a digest in the index: 120 bits instead of 256, folded onto each other so that every bit of the digest
// counts.
//
// It is exact for all that can happen. A digest is an HMAC, so its tag is uniform: among 100 million listed digests
// the chance that any two share a tag is 10^-20, and that a given unlisted one meets a listed one is 10^-28. Who has
// no key cannot choose a digest's bits at all other than by inventing a digest that belongs to no value, and then he
// is answered about nothing that exists. A partner who does have the key ring needs 2^60 HMACs to make two values meet,
// and gains the listing of a value that he could have reported outright.
type tag struct{ hi, lo uint64 }

// tagSpare are the low bits of a tag that are 0: with them a record would not fit into 32 bytes.
const tagSpare = 8

func tagOf(d *indicator.Digest) tag {
	lo := d.Word(1) ^ d.Word(3)
	return tag{d.Word(0) ^ d.Word(2), (lo>>tagSpare ^ lo&(1<<tagSpare-1)) << tagSpare}
}

func (t tag) compare(u tag) int {
	if t.hi != u.hi {
		return cmp.Compare(t.hi, u.hi)
	}
	return cmp.Compare(t.lo, u.lo)
}
