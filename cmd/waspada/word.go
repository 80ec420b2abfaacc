package main

import (
	"encoding"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// vocabulary is a closed list of words with numbers from 1.
type vocabulary interface {
	~uint8
	fmt.Stringer
}

// word is a flag that takes one word of a vocabulary.
type word[T vocabulary, P interface {
	*T
	encoding.TextUnmarshaler
}] struct{ to P }

func (w *word[T, P]) String() string {
	if w.to == nil || *w.to == 0 {
		return ""
	}
	return (*w.to).String()
}

func (w *word[T, P]) Set(text string) error {
	if err := w.to.UnmarshalText([]byte(text)); err != nil {
		return &plainError{err}
	}
	return nil
}

func (w *word[T, P]) Type() string { return "word" }

// addWord gives a command a flag for one word of a vocabulary, which its help and its completion list.
func addWord[T vocabulary, P interface {
	*T
	encoding.TextUnmarshaler
}](cmd *cobra.Command, to P, name, short, about string) {
	all := words[T]()
	cmd.Flags().VarP(&word[T, P]{to}, name, short, about+": "+strings.Join(all, ", "))
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(all, noFiles))
}

// words lists a vocabulary in the order of its numbers.
func words[T vocabulary]() []string {
	var all []string
	for n := T(1); n < 64; n++ {
		name := n.String()
		if name == "" || name == "unknown" {
			break
		}
		all = append(all, name)
	}
	return all
}

// moment is a flag that takes a time, a day, or how long ago (or ahead) it is.
type moment struct {
	to *time.Time
	// direction is -1 where a duration means the past and 1 where it means the future.
	direction time.Duration
}

func (m *moment) String() string {
	if m.to == nil || m.to.IsZero() {
		return ""
	}
	return m.to.Format(time.RFC3339)
}

func (m *moment) Set(text string) error {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		*m.to = time.Now().Add(m.direction * d)
		return nil
	}
	at, ok := parseTime(text)
	if !ok {
		return &plainError{errors.New(
			"a time is written 2026-11-21T15:04:05+08:00, 2026-11-21 15:04, 2026-11-21 or as a duration (90m)")}
	}
	*m.to = at
	return nil
}

func (m *moment) Type() string { return "time" }

// malaysia is the zone of times that name none: Malaysia has had no other since 1982.
var malaysia = time.FixedZone("MYT", 8*60*60)

// parseTime reads a time as people and spreadsheets write it.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
		"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
	} {
		if at, err := time.ParseInLocation(layout, text, malaysia); err == nil {
			return at.UTC().Truncate(time.Millisecond), true
		}
	}
	return time.Time{}, false
}
