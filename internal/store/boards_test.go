package store_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The boards' partners: those of the other tests with more beside, some of whose words do not count.
func boardPartners() []fraud.Partner {
	all := slices.Clone(partners)
	for i := range all {
		all[i].State = fraud.Active
	}
	all = append(all,
		fraud.Partner{Number: 7, ID: "agora-shop", Kind: fraud.Platform, Organisation: "agora", State: fraud.Active},
		fraud.Partner{Number: 8, ID: "newcomer", Kind: fraud.Bank, Organisation: "newcomer", State: fraud.Shadow},
		fraud.Partner{Number: 9, ID: "forum", Kind: fraud.Platform, Organisation: "forum", State: fraud.Active})
	all[2].Runs, all[6].Runs, all[8].Runs = []fraud.Code{1}, []fraud.Code{1, 2}, []fraud.Code{2, 3}
	all[2].Groups = all[2].Groups.With(3)
	all[0].Voids = []fraud.Void{{ID: "v1", Since: fraud.SecondsOf(noon.Add(2 * time.Hour)),
		Until: fraud.SecondsOf(noon.Add(4 * time.Hour)), SignedBy: 1}}
	all[5].Releases = []fraud.Release{{ID: "r1", Since: fraud.SecondsOf(noon), Until: fraud.SecondsOf(noon.Add(30 * time.Hour))}}
	return all
}

// story makes a ledger in which few indicators are spoken of by many: reported, withdrawn, cleared, upheld, acted on, sent
// again at other offsets, held and void. It is one part of several of the same hundred hours.
func story(m maker, part, parts int, all []fraud.Partner, digests []indicator.Digest, n int) []fraud.Entry {
	span := 100 * time.Hour / time.Duration(parts)
	var entries []fraud.Entry
	kinds := []fraud.Kind{fraud.Report, fraud.Report, fraud.Report, fraud.Withdraw, fraud.Clear, fraud.Dispute,
		fraud.Sighting, fraud.ActionTaken, fraud.ActionTaken, fraud.Uphold}
	for range n {
		at := noon.Add(time.Duration(part)*span + time.Duration(m.Int64N(span.Milliseconds()))*time.Millisecond)
		if len(entries) > 0 && m.IntN(5) == 0 { // the same event again, at its own time
			again := entries[m.IntN(len(entries))]
			again.Appended, again.Held = again.Appended.Add(time.Duration(m.IntN(3600))*time.Second), m.IntN(4) == 0
			entries = append(entries, again)
			continue
		}
		issued := at.Add(-time.Duration(m.IntN(3*24*3600)) * time.Second) // late, all of them
		e := m.entry(issued)
		e.Appended, e.Partner = at, all[m.IntN(len(all))].Number
		e.Event.Kind = kinds[m.IntN(len(kinds))]
		if p := all[e.Partner-1]; e.Event.Kind == fraud.Uphold && !p.Kind.Authority() {
			e.Event.Kind = fraud.Report
		}
		e.Event.Action = 0
		if e.Event.Kind == fraud.ActionTaken {
			e.Event.Action = fraud.Action(1 + m.IntN(6))
			if m.IntN(2) == 0 {
				e.Event.ObservedAt = at.Add(-time.Duration(m.IntN(3600)) * time.Second).Truncate(time.Millisecond)
			}
		}
		e.Event.Indicator.Digest = digests[m.IntN(len(digests))]
		e.Event.Indicator.Also = nil
		e.Group, e.SignedBy = fraud.Group(m.IntN(5)), fraud.KeyNumber(m.IntN(3))
		e.Platform = fraud.Code(m.IntN(5))
		entries = append(entries, e)
	}
	return entries
}

// plainWord is an event that counts, by the time of its first copy that does.
type plainWord struct {
	fraud.Entry
	partner *fraud.Partner
	version fraud.Version
}

// plainWords are the different words that count, of each the first copy, by digest.
func plainWords(entries []fraud.Entry, all []fraud.Partner) map[indicator.Digest][]plainWord {
	type id struct {
		partner fraud.PartnerNumber
		id      uuid.UUID
	}
	first := map[id]plainWord{}
	for _, e := range entries {
		p := &all[e.Partner-1]
		asWord := fraud.Opinion{Provenance: fraud.Provenance{Accepted: fraud.SecondsOf(e.Appended), Held: e.Held,
			SignedBy: e.SignedBy}}
		if !p.Counts(&asWord) {
			continue
		}
		key := id{e.Partner, e.Event.ID}
		if was, ok := first[key]; ok && !e.Appended.Before(was.Appended) {
			continue
		}
		stance := map[fraud.Kind]fraud.Stance{fraud.Report: fraud.Listed, fraud.Withdraw: fraud.Withdrawn,
			fraud.Clear: fraud.Cleared, fraud.Dispute: fraud.Disputed, fraud.Uphold: fraud.Upheld}[e.Event.Kind]
		first[key] = plainWord{e, p, fraud.MakeVersion(e.Event.IssuedAt, stance, e.Event.ID)}
	}
	by := map[indicator.Digest][]plainWord{}
	for _, w := range first {
		by[w.Event.Indicator.Digest] = append(by[w.Event.Indicator.Digest], w)
	}
	for _, words := range by {
		slices.SortFunc(words, func(a, b plainWord) int { return cmp.Compare(a.version, b.version) })
	}
	return by
}

// standing is what one partner's words of a digest come to, in the order in which it issued them.
type standing struct {
	kind           fraud.Kind // of the last one that takes a stance
	version        fraud.Version
	takenBack      time.Time // since its last listing, and there is one
	listed         bool
	cleared        time.Time
	clearedVersion fraud.Version
	evidence       fraud.Evidence
}

func standings(words []plainWord) map[fraud.PartnerNumber]*standing {
	all := map[fraud.PartnerNumber]*standing{}
	earlier := func(a, b time.Time) time.Time {
		if a.IsZero() || b.Before(a) {
			return b
		}
		return a
	}
	for _, w := range words {
		s := all[w.Partner]
		if s == nil {
			s = &standing{}
			all[w.Partner] = s
		}
		switch w.Event.Kind {
		case fraud.Sighting, fraud.ActionTaken:
			continue
		case fraud.Report, fraud.Uphold:
			s.listed, s.takenBack, s.evidence = true, time.Time{}, w.Event.Evidence
		case fraud.Withdraw:
			s.takenBack = earlier(s.takenBack, w.Appended)
		case fraud.Clear:
			s.takenBack = earlier(s.takenBack, w.Appended)
			s.cleared, s.clearedVersion = earlier(s.cleared, w.Appended), w.version
		}
		if w.Event.Kind != fraud.Clear {
			s.cleared = time.Time{}
		}
		s.kind, s.version = w.Event.Kind, w.version
	}
	return all
}

// clearedSince is when a digest was cleared, by a clear that no standing uphold has answered.
func clearedSince(all map[fraud.PartnerNumber]*standing) (since time.Time) {
	for _, s := range all {
		answered := false
		for _, by := range all {
			answered = answered || by.kind == fraud.Uphold && by.version > s.clearedVersion
		}
		if !s.cleared.IsZero() && !answered && (since.IsZero() || s.cleared.Before(since)) {
			since = s.cleared
		}
	}
	return since
}

func platformWasTold(w *plainWord, all []fraud.Partner) bool {
	if fraud.AudienceOf(w.Event.TLP, w.Group) == fraud.Everyone {
		return true
	}
	for i := range all {
		if slices.Contains(all[i].Runs, w.Platform) && !all[i].Kind.Authority() && all[i].MaySee(w.Event.TLP, w.Group, w.partner) {
			return true
		}
	}
	return false
}

// plainPlatforms counts without a database.
func plainPlatforms(entries []fraud.Entry, q fraud.BoardQuestion) []fraud.PlatformScore {
	scores := map[fraud.Code]*fraud.PlatformScore{}
	took, declared := map[fraud.Code][]float64{}, map[fraud.Code][]float64{}
	for digest, words := range plainWords(entries, q.Partners) {
		if digest == (indicator.Digest{}) {
			continue // erased
		}
		all := standings(words)
		cleared := clearedSince(all)
		for platform := fraud.Code(1); platform < 10; platform++ {
			var (
				began time.Time
				act   *plainWord
				by    = map[fraud.PartnerNumber]bool{}
			)
			for i := range words {
				w := &words[i]
				switch {
				case w.Event.Kind == fraud.Report && w.Platform == platform && platformWasTold(w, q.Partners):
					by[w.Partner] = true
					if began.IsZero() || w.Appended.Before(began) {
						began = w.Appended
					}
				case w.Event.Kind == fraud.ActionTaken && slices.Contains(w.partner.Runs, platform):
					if act == nil || w.Appended.Before(act.Appended) {
						act = w
					}
				}
			}
			if began.IsZero() || began.Before(q.From) || !began.Before(q.To) {
				continue
			}
			s := scores[platform]
			if s == nil {
				s = &fraud.PlatformScore{Platform: taxonomy().Platform.Name(platform)}
				scores[platform] = s
			}
			s.Signals++
			ended := cleared
			var last time.Time
			for n := range by {
				if back := all[n].takenBack; back.IsZero() {
					last = time.Time{}
					break
				} else if back.After(last) {
					last = back
				}
			}
			if !last.IsZero() && (ended.IsZero() || last.Before(ended)) {
				ended = last
			}
			acted := time.Time{}
			if act != nil {
				acted = act.Appended
				if acted.Before(began) {
					acted = began
				}
			}
			switch age := q.Now.Sub(began); {
			case !ended.IsZero() && (acted.IsZero() || ended.Before(acted)):
				s.Withdrawn++
			case !acted.IsZero():
				s.Acted[0]++
				s.Acted[act.Event.Action]++
				took[platform] = append(took[platform], float64(acted.Sub(began).Milliseconds()))
				if !act.Event.ObservedAt.IsZero() {
					s.Declared++
					declared[platform] = append(declared[platform], float64(act.Event.ObservedAt.Sub(began).Milliseconds()))
				}
			default:
				s.Open++
				if age > q.Overdue {
					s.Overdue++
					reached := 0
					for i, from := range fraud.OverdueAges {
						if age >= from {
							reached = i
						}
					}
					s.OverdueBy[reached]++
				}
			}
		}
	}
	var list []fraud.PlatformScore
	for platform := fraud.Code(1); platform < 10; platform++ {
		if s := scores[platform]; s != nil {
			s.Median, s.P90 = quantile(took[platform], 0.5), quantile(took[platform], 0.9)
			s.DeclaredMedian = quantile(declared[platform], 0.5)
			list = append(list, *s)
		}
	}
	return list
}

// quantile interpolates between ranks, in milliseconds.
func quantile(values []float64, level float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	place := level * float64(len(values)-1)
	low := values[int(place)]
	high := values[min(int(place)+1, len(values)-1)]
	ms := low + (high-low)*(place-math.Floor(place))
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond)
}

// plainPartners counts without a database, all but what was asked.
func plainPartners(entries []fraud.Entry, q fraud.BoardQuestion) []fraud.PartnerScore {
	scores := make([]fraud.PartnerScore, len(q.Partners))
	leads := make([][]float64, len(q.Partners))
	inside := func(t time.Time) bool { return !t.Before(q.From) && t.Before(q.To) }
	for digest, words := range plainWords(entries, q.Partners) {
		all := standings(words)
		cleared := clearedSince(all)
		first := map[fraud.PartnerNumber]time.Time{}
		for _, w := range words {
			s := &scores[w.Partner-1]
			switch w.Event.Kind {
			case fraud.Report:
				if inside(w.Appended) {
					s.Reports++
				}
				if was, ok := first[w.Partner]; !ok || w.Appended.Before(was) {
					first[w.Partner] = w.Appended
				}
			default:
				of := map[fraud.Kind]*uint64{fraud.ActionTaken: &s.Actions, fraud.Withdraw: &s.Retracted,
					fraud.Clear: &s.Clears, fraud.Dispute: &s.Disputes, fraud.Uphold: &s.Upheld}
				if n := of[w.Event.Kind]; n != nil && inside(w.Appended) {
					*n++
				}
			}
		}
		if digest == (indicator.Digest{}) {
			continue // erased: that something was said stays
		}
		authority, organisations := false, map[string]bool{}
		for n, s := range all {
			if s.listed && s.takenBack.IsZero() {
				p := &q.Partners[n-1]
				authority = authority || p.Kind.Authority()
				if s.evidence&fraud.Corroborating != 0 {
					organisations[p.Organisation] = true
				}
			}
		}
		for n, at := range first {
			if !inside(at) {
				continue
			}
			s := &scores[n-1]
			s.Indicators++
			var second time.Time
			isFirst := true
			for other, since := range first {
				if other == n {
					continue
				}
				isFirst = isFirst && (at.Before(since) || at.Equal(since) && n < other)
				if second.IsZero() || since.Before(second) {
					second = since
				}
			}
			if isFirst {
				s.First++
			}
			if len(first) > 1 {
				s.Shared++
				if isFirst {
					s.Led++
					leads[n-1] = append(leads[n-1], float64(second.Sub(at).Milliseconds()))
				}
			}
			if cleared.IsZero() && (authority || len(organisations) > 1) {
				s.Confirmed++
			}
			if !all[n].takenBack.IsZero() {
				s.Withdrawn++
			}
			if !cleared.IsZero() {
				s.Cleared++
			}
		}
	}
	var list []fraud.PartnerScore
	for i, s := range scores {
		s.Lead = quantile(leads[i], 0.5)
		if s != (fraud.PartnerScore{}) {
			s.Partner = q.Partners[i].Number
			list = append(list, s)
		}
	}
	return list
}

// Both sides interpolate with floats.
var near = gocmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= 2*time.Millisecond })

// wantBoards compares both boards with a count in Go over what was sent: over one window of time, or, thoroughly, over two and
// with direct queries over the ledger as well.
func wantBoards(t *testing.T, d *db, sent []fraud.Entry, all []fraud.Partner, when string, thoroughly bool) {
	t.Helper()
	windows := [][2]time.Duration{{0, 200 * time.Hour}, {20 * time.Hour, 60 * time.Hour}}
	if !thoroughly {
		one := len(when) % 2
		windows = windows[one : one+1]
	}
	for _, window := range windows {
		q := fraud.BoardQuestion{From: noon.Add(window[0]), To: noon.Add(window[1]), Now: noon.Add(130 * time.Hour),
			Overdue: 24 * time.Hour, Partners: all}
		platforms, err := d.PlatformBoard(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		partners, err := d.PartnerBoard(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		diffs := map[string]string{
			"a plain count of platforms": gocmp.Diff(plainPlatforms(sent, q), platforms, near),
			"a plain count of partners":  gocmp.Diff(plainPartners(sent, q), partners, near),
		}
		if thoroughly {
			direct, err := d.DirectPlatformBoard(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			diffs["a direct query of platforms"] = gocmp.Diff(direct, platforms)
			directly, err := d.DirectPartnerBoard(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			diffs["a direct query of partners"] = gocmp.Diff(directly, partners)
		}
		for against, diff := range diffs {
			if diff != "" {
				t.Fatalf("%s, %v: against %s: want -, got +\n%s", when, window, against, diff)
			}
		}
	}
}

// change changes something of the registry that decides what counts or who was told.
func change(m maker, all []fraud.Partner) string {
	p := &all[m.IntN(len(all))]
	hour := func() fraud.Seconds { return fraud.SecondsOf(noon.Add(time.Duration(m.IntN(100)) * time.Hour)) }
	switch m.IntN(7) {
	case 0:
		p.Voids = append(slices.Clone(p.Voids), fraud.Void{ID: "v9", Since: hour(), SignedBy: fraud.KeyNumber(m.IntN(3))})
		return p.ID + " is void from some time on"
	case 1:
		p.Voids = nil
		return p.ID + " has no voids"
	case 2:
		p.Releases = []fraud.Release{{ID: "r9", Since: hour(), Until: hour()}}
		return p.ID + " has other releases"
	case 3:
		p.State = []fraud.PartnerState{fraud.Active, fraud.Suspended, fraud.Shadow}[m.IntN(3)]
		return p.ID + " has another state"
	case 4:
		p.Organisation = []string{"agora", p.ID, "beta"}[m.IntN(3)]
		return p.ID + " belongs to " + p.Organisation
	case 5:
		p.Groups = p.Groups.With(fraud.Group(1 + m.IntN(4)))
		return p.ID + " joins a group"
	}
	if p.Kind.Authority() {
		return "nothing"
	}
	p.Runs = []fraud.Code{fraud.Code(1 + m.IntN(4))}[:m.IntN(2)]
	return fmt.Sprintf("%s runs %v", p.ID, p.Runs)
}

// TestBoardsEqualAPlainCountAtEveryMoment delivers a random story in pieces, some again, while the registry changes,
// indicators are erased, and the roll-up runs, is cut off, forgets how far it was, runs by an older registry or not at all.
func TestBoardsEqualAPlainCountAtEveryMoment(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	all := boardPartners()
	eraser, err := store.NewEraser(d.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer eraser.Close()
	var sent []fraud.Entry
	next := [3]int64{}
	digests := make([]indicator.Digest, 70)
	for i := range digests {
		digests[i] = m.digest()
	}
	rounds := 4
	if testkit.Long() {
		rounds = 60
	}
	var when string
	for round := range rounds {
		var did []string
		p := m.IntN(3)
		some := m.IntN(len(digests) - 25) // what is untouched stands as it was rolled up
		fresh := story(m, round, rounds, all, digests[some:some+25], 120)
		slices.SortStableFunc(fresh, func(a, b fraud.Entry) int { return a.Appended.Compare(b.Appended) })
		seg := messages(int32(p), next[p], fresh)
		next[p] = seg.Last + 1
		for _, s := range cut(m, seg) {
			d.insert(t, s)
		}
		if m.IntN(2) == 0 {
			d.insert(t, seg) // all of it again
		}
		sent = append(sent, fresh...)
		former := slices.Clone(all)
		for range 1 + m.IntN(2) {
			did = append(did, change(m, all))
		}
		if round == 0 {
			if err := d.RollUpBoards(t.Context(), former); err != nil {
				t.Fatal(err)
			}
		}
		roll := func(ctx context.Context, partners []fraud.Partner) error { return d.RollUpBoards(ctx, partners) }
		for range 2 {
			switch m.IntN(9) {
			case 0:
				short, cancel := context.WithTimeout(t.Context(), time.Duration(m.IntN(400))*time.Millisecond)
				err := roll(short, all)
				cancel()
				did = append(did, fmt.Sprintf("a roll-up was cut off (%t)", err != nil))
				d.lose(t, "board_turns", "1") // it is dead
			case 1:
				d.lose(t, "board_progress", "1")
				did = append(did, "the roll-up forgot")
			case 2:
				if err := roll(t.Context(), former); err != nil {
					t.Fatal(err)
				}
				did = append(did, "a roll-up by an older registry")
			case 3, 4:
				if err := roll(t.Context(), all); err != nil {
					t.Fatal(err)
				}
				did = append(did, "a roll-up")
			}
		}
		if m.IntN(4) == 0 {
			gone := digests[m.IntN(len(digests))]
			found, err := eraser.Find(t.Context(), gone)
			if err == nil {
				err = eraser.Erase(t.Context(), gone, &found)
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range sent {
				if sent[i].Event.Indicator.Digest == gone {
					sent[i].Event.Indicator.Digest = indicator.Digest{}
				}
			}
			did = append(did, "one was erased")
		}
		when = fmt.Sprintf("%s\nround %d: %s", when, round, strings.Join(did, ", "))
		wantBoards(t, d, sent, all, when, testkit.Long())
	}
	if err := d.RollUpBoards(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	wantBoards(t, d, sent, all, when+"\nat the end", true)
	report := audit(t, d, nil)
	if b := report.Boards; !b.RolledUp || b.Wrong+b.WrongHours != 0 || b.Indicators == 0 || b.Hours == 0 {
		t.Fatalf("%s\nthe audit finds %+v", when, b)
	}
}

// Several nodes roll up at once, by registries of different age, while events come in.
func TestNodesThatRollUpBoardsTogetherAgree(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	all := boardPartners()
	digests := make([]indicator.Digest, 40)
	for i := range digests {
		digests[i] = m.digest()
	}
	former := slices.Clone(all)
	change(m, all)
	done := make(chan struct{})
	var nodes sync.WaitGroup
	for i := range 3 {
		partners := [][]fraud.Partner{all, former, all}[i]
		nodes.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := d.RollUpBoards(context.Background(), partners); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(i) * 20 * time.Millisecond) // leave something to the others
			}
		})
	}
	var sent []fraud.Entry
	defer nodes.Wait()
	stop := sync.OnceFunc(func() { close(done) })
	defer stop()
	for part := range 2 {
		fresh := story(m, part, 2, all, digests, 200)
		slices.SortStableFunc(fresh, func(a, b fraud.Entry) int { return a.Appended.Compare(b.Appended) })
		d.insert(t, messages(0, int64(len(sent)), fresh))
		sent = append(sent, fresh...)
		wantBoards(t, d, sent, all, fmt.Sprintf("%d events, while nodes roll up", len(sent)), testkit.Long())
	}
	stop()
	nodes.Wait()
	if err := d.RollUpBoards(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	wantBoards(t, d, sent, all, "at the end", true)
	if b := audit(t, d, nil).Boards; !b.RolledUp || b.Wrong+b.WrongHours != 0 {
		t.Fatalf("the audit finds %+v", b)
	}
}
