package index

import (
	"testing"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// The decoy is read whole: a hit costs what it costs because its opinions are weighed.
func TestADecoyIsTheOppositeOfWhatIsAskedAbout(t *testing.T) {
	all := digests(testkit.Seed(t), 40_000)
	listed, unlisted := all[:20_000], all[20_000:]
	x := newIndex(testPolicy())
	check := func(situation string) {
		t.Helper()
		wrong := 0
		for i := range listed {
			v, other := x.LookupEvenly(regulator, exact(listed[i]))
			if v.AnsweredBy != fraud.ByIndex || other.Status != fraud.NotListed {
				wrong++
			}
			v, other = x.LookupEvenly(regulator, exact(unlisted[i]))
			if v.Status != fraud.NotListed || other.Status == fraud.NotListed {
				wrong++
			}
			if _, again := x.LookupEvenly(regulator, exact(unlisted[i])); again.Score != other.Score {
				wrong++
			}
		}
		if wrong > len(listed)/500 { // the filter passes 1 in 10,000 that is not listed
			t.Errorf("%s: %d of %d decoys are no opposites", situation, wrong, 3*len(listed))
		}
	}
	x.Apply(national(listed))
	check("all in the delta")
	x.fold()
	check("all in the base")
	x.Apply([]fraud.Opinion{listing(unlisted[0], 1)})
	v, other := x.LookupEvenly(regulator, exact(unlisted[0]))
	if v.Status != fraud.Suspected || other.Status != fraud.NotListed {
		t.Errorf("in the delta beside a base: %s, and its decoy %s", v.Status, other.Status)
	}
}

func TestAnEmptyIndexHasNoDecoy(t *testing.T) {
	x := newIndex(testPolicy())
	v, other := x.LookupEvenly(regulator, exact(digest(1)))
	if v.Status != fraud.NotListed || other.Status != fraud.NotListed {
		t.Errorf("%s and %s", v.Status, other.Status)
	}
	if v, _ := x.LookupEvenly(regulator, nil); v.Status != fraud.NotListed {
		t.Errorf("nothing asked: %s", v.Status)
	}
}
