package sweeps

import (
	"fmt"
	"math/bits"
	"regexp"

	"github.com/goccy/go-yaml"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// Canary is one entry of the file of canaries. It holds no value.
type Canary struct {
	// Label is what the log and the audit call it: a small letter, and then up to 31 of a-z, 0-9 and -.
	Label string         `yaml:"label"`
	Type  indicator.Type `yaml:"type"`
	// Epoch is the key epoch of the digests.
	Epoch uint16 `yaml:"epoch"`
	// Digests are those of every expression by which it can be asked about.
	Digests []indicator.Digest `yaml:"digests"`
}

var labelPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// list is the canaries by their digests.
type list struct {
	labels map[indicator.Digest]string
	// sieve is a bitmap that at most one in 64 of what is asked about passes: a look-up in the map costs as much as all
	// else that a batch does for a digest.
	sieve []uint64
	shift uint
}

var none = newList(nil)

func newList(labels map[indicator.Digest]string) *list {
	log := max(6, bits.Len(uint(64*len(labels))))
	l := &list{labels: labels, sieve: make([]uint64, 1<<(log-6)), shift: uint(64 - log)}
	for d := range labels {
		bit := d.Word(3) >> (l.shift & 63)
		l.sieve[bit>>6] |= 1 << (bit & 63)
	}
	return l
}

// mayHold is certain when it is false.
func (l *list) mayHold(d *indicator.Digest) bool {
	bit := d.Word(3) >> (l.shift & 63)
	return l.sieve[bit>>6]>>(bit&63)&1 == 1
}

// parse reads a file of canaries: a YAML or JSON list of [Canary].
func parse(data []byte, ring *indicator.KeyRing) (*list, error) {
	var canaries []Canary
	if err := yaml.UnmarshalWithOptions(data, &canaries, yaml.Strict()); err != nil {
		// Without the source: a value may stand in it by mistake.
		return nil, fmt.Errorf("not a list of {label, type, epoch, digests: [digest, …]}: %s",
			yaml.FormatError(err, false, false))
	}
	labels := map[indicator.Digest]string{}
	for i, c := range canaries {
		switch {
		case !labelPattern.MatchString(c.Label):
			return nil, fmt.Errorf("entry %d: label: a small letter, and then up to 31 of a-z, 0-9 and -", i+1)
		case !c.Type.Valid():
			return nil, fmt.Errorf("entry %d (%s): type is missing", i+1, c.Label)
		case len(c.Digests) == 0:
			return nil, fmt.Errorf("entry %d (%s): digests are missing", i+1, c.Label)
		}
		for j, d := range c.Digests {
			lifted, err := ring.Lift(d, c.Epoch)
			if err != nil {
				return nil, fmt.Errorf("entry %d (%s): %w", i+1, c.Label, err)
			}
			if d.IsZero() {
				return nil, fmt.Errorf("entry %d (%s): digest %d is zero", i+1, c.Label, j+1)
			}
			labels[lifted] = c.Label
		}
	}
	return newList(labels), nil
}
