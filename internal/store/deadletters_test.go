package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// letter is a dead letter of a message that was appended so many minutes after noon.
func letter(
	partition int32, offset int64, index uint16, minutes int, partner fraud.PartnerNumber, reason fraud.Reason,
) fraud.DeadLetter {
	return fraud.DeadLetter{
		Position: fraud.Position{Partition: partition, Offset: offset, Index: index}, Whole: partner == 0,
		Appended: noon.Add(time.Duration(minutes) * time.Minute), Partner: partner, Size: 300,
		Fault: *fraud.Refuse(reason, "", "a hint"),
	}
}

// refused is a store with five dead letters of four messages; that at 0:11 was sent again twice.
func refused(t *testing.T) (d *db, all map[string]fraud.DeadLetter) {
	t.Helper()
	d = newDB(t)
	m := maker{testkit.Seed(t)}
	all = map[string]fraud.DeadLetter{
		"0:10":   letter(0, 10, 0, 0, 0, fraud.ReasonUnknownKey),
		"0:11:1": letter(0, 11, 1, 1, 1, fraud.ReasonUnknownTerm),
		"0:11:2": letter(0, 11, 2, 1, 1, fraud.ReasonProtected),
		"1:10":   letter(1, 10, 0, 2, 0, fraud.ReasonUnknownKey),
		"1:11:0": letter(1, 11, 0, 60*24*40, 6, fraud.ReasonUnknownTerm), // another month
	}
	one := all["1:11:0"]
	one.EventID = m.id(noon)
	one.Fault.Pointer = "/category"
	all["1:11:0"] = one
	good := at(m.entry(noon), 0, 11, 0)
	for range 2 { // delivered twice
		d.insert(t,
			fraud.Segment{Partition: 0, First: 10, Last: 11, Entries: []fraud.Entry{good},
				DeadLetters: []fraud.DeadLetter{all["0:10"], all["0:11:1"], all["0:11:2"]}},
			fraud.Segment{Partition: 1, First: 10, Last: 11, DeadLetters: []fraud.DeadLetter{all["1:10"], all["1:11:0"]}},
		)
	}
	for range 2 { // and recorded twice
		both := []fraud.Replay{sentAgain(20, 1, "aminah"), sentAgain(21, 2, "badrul")}
		if err := d.RecordReplays(t.Context(), both); err != nil {
			t.Fatal(err)
		}
	}
	return d, all
}

// sentAgain is a replay of 0:11.
func sentAgain(to int64, hours int, by string) fraud.Replay {
	return fraud.Replay{
		From: fraud.Place{Partition: 0, Offset: 11}, To: fraud.Place{Partition: 0, Offset: to},
		At: noon.Add(time.Duration(hours) * time.Hour), By: by,
	}
}

func TestDeadLettersAreFoundByWhatTheyAre(t *testing.T) {
	d, all := refused(t)
	for name, c := range map[string]struct {
		query fraud.LetterQuery
		want  []string
	}{
		"outstanding": {fraud.LetterQuery{}, []string{"1:11:0", "1:10", "0:10"}},
		"every one":   {fraud.LetterQuery{Replayed: true}, []string{"1:11:0", "1:10", "0:11:1", "0:11:2", "0:10"}},
		"at most two": {fraud.LetterQuery{Replayed: true, Limit: 2}, []string{"1:11:0", "1:10"}},
		"two reasons": {
			fraud.LetterQuery{Replayed: true, Reasons: []fraud.Reason{"protected", "unknown_key"}},
			[]string{"1:10", "0:11:2", "0:10"},
		},
		"a reason of nobody": {fraud.LetterQuery{Reasons: []fraud.Reason{"') OR 1 --"}}, nil},
		"a partner":          {fraud.LetterQuery{Partners: []fraud.PartnerNumber{6}}, []string{"1:11:0"}},
		"no partner proven":  {fraud.LetterQuery{Partners: []fraud.PartnerNumber{0}}, []string{"1:10", "0:10"}},
		"a partition":        {fraud.LetterQuery{Partitions: []int32{0}}, []string{"0:10"}},
		"places": {
			fraud.LetterQuery{Replayed: true, Places: []fraud.Place{{Partition: 0, Offset: 11}, {Partition: 9}}},
			[]string{"0:11:1", "0:11:2"},
		},
		"since": {fraud.LetterQuery{Since: noon.Add(2 * time.Minute)}, []string{"1:11:0", "1:10"}},
		"until": {fraud.LetterQuery{Until: noon.Add(2 * time.Minute)}, []string{"0:10"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got, want []fraud.Letter
			for _, key := range c.want {
				l := fraud.Letter{DeadLetter: all[key]}
				if strings.HasPrefix(key, "0:11:") {
					l.Replays, l.Last = 2, sentAgain(21, 2, "badrul")
				}
				want = append(want, l)
			}
			if err := d.DeadLetters(t.Context(), c.query, func(l *fraud.Letter) error {
				got = append(got, *l)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("letters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeadLettersEndWithTheReadersError(t *testing.T) {
	d, _ := refused(t)
	stop := errors.New("enough")
	err := d.DeadLetters(t.Context(), fraud.LetterQuery{}, func(*fraud.Letter) error { return stop })
	if err != stop {
		t.Errorf("got %v", err)
	}
}

func TestDeadLettersAreCountedWithTheirMessages(t *testing.T) {
	d, _ := refused(t)
	late := noon.Add(40 * 24 * time.Hour)
	for name, c := range map[string]struct {
		query fraud.LetterQuery
		by    fraud.LetterGrouping
		want  []fraud.LetterGroup
	}{
		"by reason": {fraud.LetterQuery{Replayed: true}, fraud.LettersByReason, []fraud.LetterGroup{
			{Reason: "unknown_key", Letters: 2, Messages: 2, First: noon, Last: noon.Add(2 * time.Minute)},
			{Reason: "unknown_term", Letters: 2, Messages: 2, First: noon.Add(time.Minute), Last: late},
			{Reason: "protected", Letters: 1, Messages: 1, First: noon.Add(time.Minute), Last: noon.Add(time.Minute)},
		}},
		"by partner": {fraud.LetterQuery{}, fraud.LettersByPartner, []fraud.LetterGroup{
			{Partner: 0, Letters: 2, Messages: 2, First: noon, Last: noon.Add(2 * time.Minute)},
			{Partner: 6, Letters: 1, Messages: 1, First: late, Last: late},
		}},
		"together": {fraud.LetterQuery{Replayed: true}, fraud.LettersTogether, []fraud.LetterGroup{
			{Letters: 5, Messages: 4, First: noon, Last: late},
		}},
		"none": {fraud.LetterQuery{Partners: []fraud.PartnerNumber{5}}, fraud.LettersTogether, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.CountDeadLetters(t.Context(), c.query, c.by)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortStableFunc(got, func(a, b fraud.LetterGroup) int { return int(b.Letters) - int(a.Letters) })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLetterPagesNeverCutAMessage(t *testing.T) {
	d, _ := refused(t)
	var got [][]fraud.Position
	var after *fraud.Place
	for {
		page, err := d.LetterPage(t.Context(), fraud.LetterQuery{Replayed: true}, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		var positions []fraud.Position
		for _, l := range page {
			positions = append(positions, l.Position)
		}
		slices.SortFunc(positions, func(a, b fraud.Position) int { return int(a.Index) - int(b.Index) })
		got = append(got, positions)
		last := page[len(page)-1].Place()
		after = &last
	}
	want := [][]fraud.Position{
		{{Partition: 0, Offset: 10}, {Partition: 0, Offset: 11, Index: 1}, {Partition: 0, Offset: 11, Index: 2}},
		{{Partition: 1, Offset: 10}, {Partition: 1, Offset: 11}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestReplaysAreKnownFromBothEnds(t *testing.T) {
	d, _ := refused(t)
	from, to, err := d.Replays(t.Context(), fraud.Place{Partition: 0, Offset: 11})
	if err != nil || to != nil {
		t.Fatal(to, err)
	}
	both := []fraud.Replay{sentAgain(20, 1, "aminah"), sentAgain(21, 2, "badrul")}
	if diff := cmp.Diff(both, from); diff != "" {
		t.Errorf("of the original (-want +got):\n%s", diff)
	}
	if from, to, err = d.Replays(t.Context(), fraud.Place{Partition: 0, Offset: 21}); err != nil || from != nil {
		t.Fatal(from, err)
	}
	if diff := cmp.Diff(both[1:], to); diff != "" {
		t.Errorf("of the copy (-want +got):\n%s", diff)
	}
}

func TestTheLedgerTellsWhatBecameOfAMessage(t *testing.T) {
	d, _ := refused(t)
	for _, want := range []fraud.Became{
		{Place: fraud.Place{Partition: 0, Offset: 11}, Stored: 1, Refused: 2},
		{Place: fraud.Place{Partition: 0, Offset: 21}},
	} {
		got, err := d.Became(t.Context(), want.Place)
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestReplaysDoNotTroubleTheAudit(t *testing.T) {
	d, _ := seeded(t, 2)
	replay := fraud.Replay{
		From: fraud.Place{Partition: 0, Offset: 17}, To: fraud.Place{Partition: 0, Offset: 900}, At: noon, By: "aminah",
	}
	if err := d.RecordReplays(t.Context(), []fraud.Replay{replay}); err != nil {
		t.Fatal(err)
	}
	wantClean(t, d, map[int32]int64{0: 210, 1: 210})
}

func TestADatabaseOfAnOlderVersionIsNamedAsOne(t *testing.T) {
	d, _ := refused(t)
	for _, shard := range d.engine.Shards() {
		for _, table := range []string{"replays", "replays_local"} {
			if _, err := shard.Query(t.Context(), "DROP TABLE IF EXISTS "+d.Database+"."+table+" SYNC"); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := d.DeadLetters(t.Context(), fraud.LetterQuery{}, func(*fraud.Letter) error { return nil })
	if err == nil || errors.Is(err, fraud.ErrUnavailable) || !strings.Contains(err.Error(), "waspadad migrate") {
		t.Errorf("got %v", err)
	}
	err = d.RecordReplays(t.Context(), []fraud.Replay{sentAgain(22, 3, "x")})
	if err == nil || errors.Is(err, fraud.ErrUnavailable) {
		t.Errorf("recording: %v", err)
	}
}

func TestPartnersAreNamedByTheirNumbers(t *testing.T) {
	d := newDB(t)
	got, err := d.PartnerIDs(t.Context())
	if err != nil || got[5] != "force" || len(got) != len(partners) {
		t.Errorf("got %v, %v", got, err)
	}
}
