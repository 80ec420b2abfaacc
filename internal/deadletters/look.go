package deadletters

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// Original is what Kafka holds of a refused message, told without its bytes: they may be a raw value. Of its headers
// only that is told which has the form of an id.
type Original struct {
	// Held is false when it cannot be had any more; Why then says so.
	Held bool
	Why  string
	Size int
	// Headers are the names of its headers that consist of letters, _ and -, and Others is how many more there are.
	Headers []string
	Others  int
	// BundleID, KeyID and Partner are what it says of itself, proven by nothing; empty where that is not well-formed. Of
	// the partner's id it is for the caller to know whether there is one.
	BundleID, KeyID, Partner string
	// Judged is what would become of it now; nil when there was no judge. KeyFault says that its key was not good when it
	// first came.
	Judged   *Judgement
	KeyFault *fraud.Fault
}

// Look finds the message of a dead letter. Judge may be nil.
func Look(ctx context.Context, reports *topic.Topic, judge *Judge, l *fraud.DeadLetter) (Original, error) {
	from, err := openOriginals(ctx, reports)
	if err != nil {
		return Original{}, err
	}
	defer from.close()
	m, not, err := from.read(ctx, l)
	switch {
	case err != nil:
		return Original{}, err
	case not != nil:
		return Original{Why: not.why}, nil
	}
	seen := Original{Held: true, Size: len(m.Value)}
	told := map[string][]string{}
	for _, h := range m.Headers {
		if name := strings.ToLower(h.Name); headerName.MatchString(name) {
			seen.Headers = append(seen.Headers, name)
			told[name] = append(told[name], string(h.Value))
		} else {
			seen.Others++
		}
	}
	only := func(name string, wellFormed func(string) bool) string {
		if values := told[name]; len(values) == 1 && wellFormed(values[0]) {
			return values[0]
		}
		return ""
	}
	seen.BundleID = only(wire.HeaderID, func(v string) bool {
		id, err := uuid.Parse(v)
		return err == nil && id.String() == v
	})
	seen.KeyID = only(wire.HeaderKey, isID)
	seen.Partner = strings.TrimPrefix(only(wire.HeaderSource, func(v string) bool {
		id, ok := strings.CutPrefix(v, wire.SourcePrefix)
		return ok && isID(id)
	}), wire.SourcePrefix)
	if judge != nil {
		judged := judge.At(&m, time.Now())
		seen.Judged, seen.KeyFault = &judged, judge.KeyFault(&m)
	}
	return seen, nil
}

var (
	headerName = regexp.MustCompile(`^[a-z][a-z_-]{0,39}$`)
	// idForm is that of ids in the partner file. A phone or account number would fit it too, so a letter has to be in it.
	idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,47}$`)
)

func isID(s string) bool {
	return idForm.MatchString(s) && strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz")
}
