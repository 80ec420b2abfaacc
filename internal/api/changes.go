package api

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Feed is the change log, for many who follow it. Where one is, it says itself: the offset that comes next for it in
// each partition.
type Feed interface {
	// Begin tells where changes since a time begin, and for the zero time the end.
	Begin(ctx context.Context, since time.Time) (places map[int]int64, err error)
	// Read takes at most limit changes from places on and moves them. Its error wraps fraud.ErrUnavailable or fraud.ErrPassed.
	Read(ctx context.Context, places map[int]int64, limit int) (changes []fraud.Opinion, more bool, asOf time.Time, err error)
	// Wait returns when there is something to read, or when ctx ends.
	Wait(ctx context.Context, places map[int]int64)
}

// Sources are the partners that take part, by number.
type Sources interface {
	Partner(n fraud.PartnerNumber) (*fraud.Partner, bool)
	Partners() []fraud.Partner
}

// The bounds of GET /v1/changes.
const (
	defaultChanges = 500
	maxChanges     = 1000
	// scannedChanges bounds what is read for one page, however much of it its asker may see.
	scannedChanges = 20_000
	// changesLimit is how long Kafka may take for a page.
	changesLimit = 8 * time.Second
)

// changesAnswer is a page of changes, and the data of an event of a stream.
type changesAnswer struct {
	Changes []changeAnswer `json:"changes"`
	Next    string         `json:"next"`
	More    bool           `json:"more"`
	// Recheck says that what was told before may not stand any more.
	Recheck bool   `json:"recheck,omitzero"`
	AsOf    string `json:"as_of,omitempty"`
}

// changeAnswer is one partner's word, without the partner.
type changeAnswer struct {
	Word       string           `json:"word"`
	About      string           `json:"about"`
	Version    string           `json:"version"`
	Stance     string           `json:"stance"`
	AcceptedAt string           `json:"accepted_at,omitempty"`
	Indicator  *indicatorAnswer `json:"indicator,omitempty"`
	Grade      string           `json:"grade,omitempty"`
	Category   string           `json:"category,omitempty"`
	Confidence uint8            `json:"confidence,omitzero"`
	Advice     string           `json:"advice,omitempty"`
	ExpiresAt  string           `json:"expires_at,omitempty"`
	TLP        string           `json:"tlp,omitempty"`
	Group      string           `json:"group,omitempty"`
}

// changesList names the feed in its cursors.
const changesList = "changes"

// follower is where one who follows is.
type follower struct {
	places map[int]int64
	// trust is what the registry was when the follower was last told of anything: see Server.trust.
	trust uint64
}

// changes answers GET /v1/changes: a page, or a stream that goes on.
func (s *Server) changes(r *request) error {
	var (
		cursor string
		since  time.Time
		limit  = defaultChanges
	)
	err := r.query(func(name, value string) (bool, error) {
		switch name {
		case "cursor":
			cursor = value
			return true, nil
		case "since":
			return true, timeParameter(&since, name, value)
		case "limit":
			return true, limitParameter(&limit, maxChanges, value)
		}
		return false, nil
	})
	stream := accepts(r, "text/event-stream")
	if last := r.Request.Header.Get("Last-Event-ID"); stream && last != "" {
		cursor, since = last, time.Time{} // of a browser that connects again, with the query of the first time
	}
	switch {
	case err != nil:
		return err
	case cursor != "" && !since.IsZero():
		return refuseParameter("since", "is for who has no cursor")
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), changesLimit)
	defer cancel()
	at, err := s.beginFollowing(ctx, r.who.Partner, cursor, since)
	if err != nil {
		return err
	}
	if stream {
		return s.stream(r, at, limit)
	}
	answer, err := s.pageOfChanges(ctx, r.who.Partner, &at, limit)
	if err != nil {
		return err
	}
	return r.json(answer)
}

// accepts reports whether the caller names a media type in its header Accept.
func accepts(r *request, media string) bool {
	for part := range strings.SplitSeq(r.Request.Header.Get("Accept"), ",") {
		name, _, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), media) {
			return true
		}
	}
	return false
}

func (s *Server) beginFollowing(ctx context.Context, asker *fraud.Partner, cursor string, since time.Time) (
	at follower, err error,
) {
	if cursor == "" {
		at.places, err = s.feed.Begin(ctx, since)
		at.trust = s.trust(asker)
		return at, err
	}
	if text, ok := s.cursors.open(changesList, asker, cursor); ok {
		if at, ok = unpackFollower(text); ok {
			return at, nil
		}
	}
	return at, fraud.ErrPassed // of a hub that has other secrets now
}

// pageOfChanges reads the next page and moves the follower beyond it.
func (s *Server) pageOfChanges(ctx context.Context, asker *fraud.Partner, at *follower, limit int) (
	page changesAnswer, err error,
) {
	trust := s.trust(asker)
	page = changesAnswer{Changes: []changeAnswer{}, More: true, Recheck: trust != at.trust}
	at.trust = trust
	var asOf time.Time
	for read := 0; page.More && len(page.Changes) < limit && read < scannedChanges; {
		var found []fraud.Opinion
		if found, page.More, asOf, err = s.feed.Read(ctx, at.places, limit-len(page.Changes)); err != nil {
			return page, err
		}
		read += len(found)
		for i := range found {
			if told, ok := s.changeFor(asker, &found[i]); ok {
				page.Changes = append(page.Changes, told)
			}
		}
	}
	if !page.More && !asOf.IsZero() {
		page.AsOf = asOf.UTC().Format(timeFormat)
	}
	page.Next = s.cursors.seal(changesList, asker, at.pack())
	return page, nil
}

// changeFor is what asker is told of a change; false for nothing.
//
// Words that list are told to whom they are marked for, while they count. Corrections must reach everybody who was told
// what they correct, and that cannot be known here: so they are told to all, without the digest. Who was told the word
// that is withdrawn finds it by its name, and who was told any word on what is disputed by that of the digest; to
// everybody else these names mean nothing. A clear names its digest to whom it is marked for.
func (s *Server) changeFor(asker *fraud.Partner, o *fraud.Opinion) (c changeAnswer, ok bool) {
	source, known := s.sources.Partner(o.Partner)
	if !known || !source.Counts(o) {
		return c, false
	}
	visible := asker.MaySee(o.TLP, o.Group, source)
	correction := !o.Stance.Lists() && o.Stance != fraud.Sighted
	if !visible && !correction {
		return c, false
	}
	c.Word, c.About = s.names.of(asker, o)
	c.Version, c.Stance = hex16(uint64(o.Version)), o.Stance.String()
	if o.Accepted != 0 {
		c.AcceptedAt = o.Accepted.Time().Format(time.RFC3339)
	}
	if !visible || o.Stance == fraud.Withdrawn || o.Stance == fraud.Disputed {
		return c, true
	}
	c.Indicator = &indicatorAnswer{o.Type, s.keys.Epoch(), o.Digest}
	c.Grade, c.Category = o.Grade.String(), s.screen.Taxonomy.Category.Name(o.Category)
	c.Confidence, c.Advice = o.Confidence, o.Advice.String()
	c.TLP, c.Group = o.TLP.String(), s.screen.Taxonomy.Group.Name(fraud.Code(o.Group))
	if o.ExpiresAt != 0 {
		c.ExpiresAt = o.ExpiresAt.Time().Format(time.RFC3339)
	}
	return c, true
}

// trust changes whenever the registry changes in a way that puts words in or out of force for asker, and when the names
// of words do.
func (s *Server) trust(asker *fraud.Partner) uint64 {
	type trusted struct {
		Number   fraud.PartnerNumber
		State    fraud.PartnerState
		Org      string
		Voids    []fraud.Void
		Releases []fraud.Release
	}
	all := s.sources.Partners()
	view := make([]trusted, len(all))
	for i, p := range all {
		view[i] = trusted{p.Number, p.State, p.Organisation, p.Voids, p.Releases}
	}
	slices.SortFunc(view, func(a, b trusted) int { return int(a.Number) - int(b.Number) })
	text, err := json.Marshal(struct {
		Asker  string
		Kind   string
		Groups fraud.Groups
		All    []trusted
	}{asker.ID, asker.Kind.String(), asker.Groups, view})
	if err != nil { // of words and numbers only: it cannot be
		panic(err)
	}
	return s.names.mark(text)
}

// pack is the place in a cursor: version 1, trust, and each partition with its offset.
func (f *follower) pack() []byte {
	b := binary.BigEndian.AppendUint64([]byte{1}, f.trust)
	for _, partition := range slices.Sorted(maps.Keys(f.places)) {
		b = binary.BigEndian.AppendUint32(b, uint32(partition))
		b = binary.BigEndian.AppendUint64(b, uint64(f.places[partition]))
	}
	return b
}

func unpackFollower(b []byte) (f follower, ok bool) {
	if len(b) < 9 || b[0] != 1 || (len(b)-9)%12 != 0 {
		return f, false
	}
	f.trust, f.places = binary.BigEndian.Uint64(b[1:]), map[int]int64{}
	for b = b[9:]; len(b) > 0; b = b[12:] {
		f.places[int(int32(binary.BigEndian.Uint32(b)))] = int64(binary.BigEndian.Uint64(b[4:]))
	}
	return f, true
}

// errGone refuses a place that the change log no longer holds.
func errGone() *problem {
	return refuse("cursor_passed", "the change log no longer holds what comes next: begin anew without a cursor, and ask again "+
		"about what you keep")
}
