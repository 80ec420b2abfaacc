package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

func newLettersShow(load func() (config, error)) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "show PARTITION:OFFSET[:INDEX]",
		Short: "Tell everything that is known of the dead letters of one message, and what to do",
		Long: `Tell everything that is known of the dead letters of one message, and what to do.

It says whether Kafka still holds the message and what would become of it now. It prints none of the message's bytes,
as they may hold a raw value: only its length, names of its headers, and what in them has the form of an id.`,
		Example: "  waspadad deadletters show 3:128411:17",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return couldNot(fmt.Errorf("show takes one position, as list prints it: 3:128411:17"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return couldNot(func() error {
				target, err := deadletters.ParseTarget(args[0])
				if err == nil {
					err = formOf(output, "human", "json")
				}
				if err != nil {
					return err
				}
				desk, err := openLetterDesk(cmd.Context(), load)
				if err != nil {
					return err
				}
				defer desk.close()
				f, err := desk.file(cmd, target)
				if err != nil {
					return err
				}
				if f == nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "No dead letter is known at %s.\n", target)
					return &exitError{code: exitLeft}
				}
				if output == "json" {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(f)
				}
				f.write(cmd.OutOrStdout())
				return nil
			}())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "human", "human or json")
	return cmd
}

// letterFile is everything that is known of the dead letters of one message.
type letterFile struct {
	Letters []letterEntry `json:"dead_letters"`
	Message messageView   `json:"message"`
	// Replays are the times that it was sent again, and CopyOf tells of what message it is a copy.
	Replays []replayView `json:"replays"`
	CopyOf  []replayView `json:"copy_of"`
}

type letterEntry struct {
	letterView
	// Accepted is when the event was accepted after all, at another place.
	Accepted *time.Time `json:"accepted,omitempty"`
	Means    string     `json:"means"`
	Do       string     `json:"do"`
	// Replay is when sending the message again helps; empty for never.
	Replay string `json:"replay_helps"`
	// Now is what would become of it; empty when that is not known, or was found out by a replay.
	Now string `json:"now,omitempty"`
}

type messageView struct {
	Held    bool     `json:"held"`
	Why     string   `json:"why,omitempty"`
	Size    int      `json:"size,omitempty"`
	Headers []string `json:"headers,omitempty"`
	Others  int      `json:"other_headers,omitempty"`
	// What it says of itself, proven by nothing.
	BundleID string `json:"bundle_id,omitempty"`
	KeyID    string `json:"key_id,omitempty"`
	KeyOf    string `json:"key_of,omitempty"`
	Partner  string `json:"says_partner,omitempty"`
	// What would become of its events now.
	Accepted int    `json:"would_be_accepted"`
	Refused  int    `json:"would_be_refused"`
	Whole    string `json:"refused_as_a_whole,omitempty"`
	KeyFault string `json:"key_fault,omitempty"`
	judged   bool
}

type replayView struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Stored  uint64    `json:"stored"`
	Refused uint64    `json:"refused"`
}

// file collects what is known; nil when there is no dead letter.
func (d *letterDesk) file(cmd *cobra.Command, target deadletters.Target) (*letterFile, error) {
	ctx := cmd.Context()
	var letters []fraud.Letter
	query := fraud.LetterQuery{Places: []fraud.Place{target.Place}, Replayed: true}
	if err := d.reader.DeadLetters(ctx, query, func(l *fraud.Letter) error {
		if target.Points(&l.DeadLetter) {
			letters = append(letters, *l)
		}
		return nil
	}); err != nil || len(letters) == 0 {
		return nil, err
	}
	slices.SortFunc(letters, func(a, b fraud.Letter) int { return cmp.Compare(a.Index, b.Index) })
	f := &letterFile{Replays: []replayView{}, CopyOf: []replayView{}}
	judged, err := d.look(cmd, &letters[0].DeadLetter, f)
	if err != nil {
		return nil, err
	}
	for i := range letters {
		l := &letters[i]
		advice := deadletters.AdviceOn(l.Fault.Reason)
		entry := letterEntry{letterView: d.view(l), Means: advice.Means, Do: advice.Do, Replay: advice.Replay}
		if judged != nil && l.Replays == 0 {
			entry.Now = judged.On(&l.DeadLetter)
		}
		if l.EventID != uuid.Nil {
			fate, known, err := d.reader.Event(ctx, l.Partner, l.EventID)
			if err != nil {
				return nil, err
			}
			if known && fate.Fault == nil {
				entry.Accepted = &fate.Appended
			}
		}
		f.Letters = append(f.Letters, entry)
	}
	from, to, err := d.reader.Replays(ctx, target.Place)
	if err != nil {
		return nil, err
	}
	for _, list := range []struct {
		of   []fraud.Replay
		into *[]replayView
	}{{from, &f.Replays}, {to, &f.CopyOf}} {
		for _, r := range list.of {
			became, err := d.reader.Became(ctx, r.To)
			if err != nil {
				return nil, err
			}
			*list.into = append(*list.into,
				replayView{r.From.String(), r.To.String(), r.At, r.By, became.Stored, became.Refused})
		}
	}
	return f, nil
}

// look adds what Kafka holds. A hub whose keys cannot be read here still shows everything else.
func (d *letterDesk) look(cmd *cobra.Command, l *fraud.DeadLetter, f *letterFile) (*deadletters.Judgement, error) {
	reports, err := d.reports()
	if err != nil {
		return nil, err
	}
	judge, registry, err := d.judge()
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "What would become of it now cannot be said: %v\n", err)
		judge = nil
	}
	seen, err := deadletters.Look(cmd.Context(), reports, judge, l)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "Kafka does not tell whether it holds the message: %v\n", err)
		f.Message.Why = "not known: Kafka does not answer"
		return nil, nil
	}
	m := &f.Message
	m.Held, m.Why, m.Size, m.Headers, m.Others = seen.Held, seen.Why, seen.Size, seen.Headers, seen.Others
	m.BundleID, m.KeyID = seen.BundleID, seen.KeyID
	for _, id := range d.ids {
		if id == seen.Partner {
			m.Partner = id
		}
	}
	if registry != nil {
		m.KeyOf = d.keyOf(registry, m.KeyID)
	}
	if seen.Judged == nil {
		return nil, nil
	}
	m.judged = true
	m.Accepted, m.Refused = seen.Judged.Counts()
	if seen.Judged.Whole != nil {
		m.Whole = seen.Judged.Whole.Error()
	}
	if seen.KeyFault != nil {
		m.KeyFault = seen.KeyFault.Hint
	}
	return seen.Judged, nil
}

// keyOf says whose a key is; "" when the partner file has none of that id.
func (d *letterDesk) keyOf(registry *partners.Registry, id string) string {
	key, known := registry.SigningKey(id)
	switch {
	case !known:
		return ""
	case key.Gateway:
		return "the hub's gateway"
	}
	return d.partner(key.Partner)
}

func (f *letterFile) write(w io.Writer) {
	first := &f.Letters[0]
	whose := "of no proven partner"
	if first.Partner != "" {
		whose = "of " + first.Partner
	}
	say(w, "Message %d:%d %s, came %s (Malaysia), %s", first.Partition, first.Offset, whose, shown(first.Appended),
		count(first.Size, "byte"))
	for i := range f.Letters {
		f.Letters[i].write(w)
	}
	say(w, "")
	f.Message.write(w)
	for _, r := range f.CopyOf {
		say(w, "  copy      of %s, sent by %s at %s", r.From, r.By, shown(r.At))
	}
	for _, r := range f.Replays {
		became := "not stored yet"
		if r.Stored+r.Refused > 0 {
			became = fmt.Sprintf("%s accepted, %s", count(r.Stored, "event"), count(r.Refused, "dead letter"))
		}
		say(w, "  replayed  to %s by %s at %s: %s", r.To, r.By, shown(r.At), became)
	}
	if len(f.Replays) == 0 {
		say(w, "  replayed  never")
	}
	said := map[fraud.Reason]bool{}
	for i := range f.Letters {
		if l := &f.Letters[i]; !said[l.Reason] {
			said[l.Reason] = true
			say(w, "\n%s", l.Reason)
			say(w, "  means     %s", l.Means)
			say(w, "  do        %s", l.Do)
			say(w, "  replay    %s", cmp.Or(helps(l.Replay), "never helps"))
		}
	}
}

func helps(when string) string {
	if when == "" {
		return ""
	}
	return "helps " + when
}

func (l *letterEntry) write(w io.Writer) {
	what := "the whole bundle"
	if !l.Whole {
		what = fmt.Sprintf("event %d of the bundle", l.Index)
	}
	where := ""
	if l.Pointer != "" {
		where = " at " + l.Pointer
	}
	say(w, "\n%s  %s refused: %s%s", l.Position, what, l.Reason, where)
	say(w, "  hint      %s", l.Hint)
	if l.EventID != "" {
		say(w, "  event     %s", l.EventID)
	}
	if l.Accepted != nil {
		say(w, "  accepted  at another place, %s: nothing is left to do", shown(*l.Accepted))
	}
	if l.Now != "" {
		say(w, "  now       %s", l.Now)
	}
}

func (m *messageView) write(w io.Writer) {
	if !m.Held {
		say(w, "The message cannot be had: %s", m.Why)
		return
	}
	say(w, "Kafka holds the message: %s", count(m.Size, "byte"))
	names := strings.Join(m.Headers, ", ")
	if m.Others > 0 {
		names = strings.TrimPrefix(names+", and "+count(m.Others, "other"), ", and ")
	}
	say(w, "  headers   %s", cmp.Or(names, "none"))
	say(w, "  bundle    %s", cmp.Or(m.BundleID, "no well-formed id"))
	key := "no well-formed id"
	switch {
	case m.KeyOf != "":
		key = m.KeyID + ", of " + m.KeyOf
	case m.KeyID != "":
		key = m.KeyID + ", which the partner file does not have"
	}
	say(w, "  key       %s", key)
	say(w, "  says      it is from %s", cmp.Or(m.Partner, "nobody who is known"))
	switch {
	case !m.judged:
		return
	case m.Whole != "":
		say(w, "  now       all of it would be refused: %s", m.Whole)
	default:
		say(w, "  now       %s would be accepted, %d refused", count(m.Accepted, "event"), m.Refused)
	}
	if m.KeyFault != "" {
		say(w, "  key then  %s: it is never sent again while the partner file says so", m.KeyFault)
	}
}
