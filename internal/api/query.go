package api

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// query hands every parameter to each, without the map that net/url makes. A parameter that stands twice or that each
// does not know is refused: `dryrun=true` must not send what was meant as a rehearsal.
func (r *request) query(each func(name, value string) (known bool, err error)) error {
	seen := make([]string, 0, 8)
	for pair := range strings.SplitSeq(r.Request.URL.RawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return refuse("bad_parameter", "the query is not percent-encoded")
		}
		for _, before := range seen {
			if before == name {
				return refuse("bad_parameter", "a query parameter stands twice")
			}
		}
		if seen = append(seen, name); len(seen) > 16 {
			return refuse("bad_parameter", "too many query parameters")
		}
		known, err := each(name, value)
		if err != nil {
			return err
		}
		if !known {
			return refuse("bad_parameter", "a query parameter is not one of this route's; see /openapi.yaml")
		}
	}
	return nil
}

// keyed is what the query tells of digests: the epoch they were made at, and how precisely they stand for what is
// asked about.
type keyed struct {
	epoch uint16
	grade indicator.Grade
}

// queryKeyed reads ?epoch=1 and, where it is graded, &grade=exact. The epoch has no default: after a new one began,
// digests of the old one would be looked for among the new, and never found.
func (s *Server) queryKeyed(r *request, graded bool) (keyed, error) {
	k := keyed{grade: indicator.Exact}
	err := r.query(func(name, value string) (bool, error) { return s.keyedParameter(&k, graded, name, value) })
	if err != nil {
		return k, err
	}
	return k, s.checkKeyed(k)
}

// keyedParameter takes one parameter of queryKeyed.
func (s *Server) keyedParameter(k *keyed, graded bool, name, value string) (known bool, err error) {
	switch {
	case name == "epoch":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return true, refuseParameter("epoch", "is the key epoch of the digest: a whole number from 1")
		}
		k.epoch = uint16(n)
	case name == "grade" && graded:
		if k.grade, err = indicator.ParseGrade(value); err != nil {
			return true, refuseParameter("grade", "is exact, prefix or weak")
		}
	default:
		return false, nil
	}
	return true, nil
}

func (s *Server) checkKeyed(k keyed) error {
	switch {
	case k.epoch == 0:
		return refuseParameter("epoch", "is required: the key epoch at which the digest was made")
	case k.epoch > s.keys.Epoch():
		return refuse("unknown_epoch", s.epochHint())
	}
	return nil
}

func (s *Server) epochHint() string {
	return "the digest is of a key epoch that this hub does not have; it is at epoch " +
		strconv.Itoa(int(s.keys.Epoch()))
}
