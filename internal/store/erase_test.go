package store_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// holding are the tables in whose columns the digest stands in any form, and how often.
func (d *db) holding(t *testing.T, digest indicator.Digest) (found []string) {
	t.Helper()
	text := strings.ToUpper(hex.EncodeToString(digest[:]))
	for _, table := range strings.Fields(d.query(t, "SELECT name FROM system.tables WHERE database = '"+d.Database+"'")) {
		n := d.query(t, fmt.Sprintf("SELECT countIf(position(hex(formatRow('RowBinary', *)), '%s') > 0) FROM %s.`%s`", text, d.Database,
			table))
		if n := strings.TrimSpace(n); n != "0" {
			found = append(found, table+" "+n)
		}
	}
	return found
}

func TestWhatIsErasedIsNowhereAndTheRestStaysProven(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	gone, form, broader := m.digest(), m.digest(), m.digest()
	var entries []fraud.Entry
	for range 200 {
		entries = append(entries, m.entry(noon.Add(-time.Duration(m.IntN(24*60))*time.Minute)))
	}
	about := func(i int, ref fraud.Ref) {
		ref.Type, ref.Epoch = indicator.BankAccount, 1
		entries[i].Event.Indicator = ref
		speak(&entries[i])
	}
	weak := []fraud.Also{{Grade: indicator.Weak, Digest: form}}
	for _, i := range []int{3, 50, 120} {
		about(i, fraud.Ref{Digest: gone, Also: weak})
	}
	entries[3].Event.TLP, entries[50].Group = fraud.TLPRed, 3
	speak(&entries[3])
	speak(&entries[50])
	entries[120].Event.Kind, entries[120].Event.Confidence = fraud.Dispute, 0
	speak(&entries[120])
	about(70, fraud.Ref{Digest: broader, Also: weak})                                                     // another account with the same number
	about(90, fraud.Ref{Digest: m.digest(), Also: []fraud.Also{{Grade: indicator.Prefix, Digest: gone}}}) // mentions it
	about(91, fraud.Ref{Digest: m.digest(), Also: append([]fraud.Also{{Grade: indicator.Prefix, Digest: gone}}, weak...)})
	segment := messages(0, 0, entries)
	d.insert(t, segment, segment) // copies are erased as well
	if err := errors.Join(d.RollUp(t.Context()), d.RollUpDays(t.Context()), d.CountIndicators(t.Context()),
		d.RollUpBoards(t.Context(), active())); err != nil {
		t.Fatal(err)
	}
	committed := map[int32]int64{0: int64(len(entries))}
	wantClean(t, d, committed)
	d.campaign(t, gone, broader)
	before := d.query(t, "SELECT count() FROM "+d.Database+".opinions FINAL")
	if tables := d.holding(t, gone); len(tables) < 2 {
		t.Fatalf("it stands in %v: nothing is looked through", tables)
	}

	dispute := entries[120].Event.ID
	if _, known, err := d.Dispute(t.Context(), dispute); err != nil || !known {
		t.Fatalf("the dispute is known: %t, %v", known, err)
	}
	eraser, err := store.NewEraser(d.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer eraser.Close()
	found, err := eraser.Find(t.Context(), gone)
	if err != nil {
		t.Fatal(err)
	}
	if found.Events < 3 || found.Mentions < 2 || found.None() || len(found.Elsewhere) > 0 {
		t.Errorf("found %+v", found)
	}
	for range 2 { // it may be repeated
		if err := eraser.Erase(t.Context(), gone, &found); err != nil {
			t.Fatal(err)
		}
	}
	if _, known, err := d.Dispute(t.Context(), dispute); err != nil || known {
		t.Errorf("the dispute of what is erased is known: %t, %v", known, err)
	}
	left, err := eraser.Find(t.Context(), gone)
	if err != nil || !left.None() {
		t.Errorf("left: %+v, %v", left, err)
	}
	if tables := d.holding(t, gone); len(tables) > 0 {
		t.Errorf("it stands in %v", tables)
	}
	// The broader form stays where it came from others, and nothing else is touched.
	due := map[fraud.Key]bool{}
	for i := range entries {
		for _, o := range entries[i].Opinions {
			if o.Digest != gone && (o.Digest != form || o.Origin != fraud.OriginOf(gone)) {
				due[o.Key()] = true
			}
		}
	}
	if err := d.Opinions(t.Context(), func(all []fraud.Opinion) error {
		for i := range all {
			if !due[all[i].Key()] {
				t.Errorf("an opinion stays that came from what was erased: %+v", all[i])
			}
			delete(due, all[i].Key())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(due) > 0 {
		t.Errorf("%d of %s opinions are lost that came from elsewhere", len(due), strings.TrimSpace(before))
	}
	wantClean(t, d, committed)
	said := slices.Clone(entries)
	for _, i := range []int{3, 50, 120} {
		said[i].Event.Indicator.Digest = indicator.Digest{}
	}
	wantSeries(t, d, said, "after an erasure")

	// ClickHouse forgets the statements, too, in its own time, which is half a minute.
	text := hex.EncodeToString(gone[:])
	if testkit.Long() {
		testkit.Eventually(t, 3*time.Minute, func() error {
			kept := d.query(t, "SELECT countIf(position(command, '"+text+"') > 0) FROM system.mutations WHERE database = '"+d.Database+"'")
			if strings.TrimSpace(kept) != "0" {
				return fmt.Errorf("%s statements stand with the tables", strings.TrimSpace(kept))
			}
			return nil
		})
	}

	// It can be reported anew.
	again := m.entry(noon.Add(time.Minute))
	again.Event.Indicator = fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: gone}
	speak(&again)
	d.insert(t, messages(0, int64(len(entries)), []fraud.Entry{again}))
	committed[0]++
	wantClean(t, d, committed)
	found, err = eraser.Find(t.Context(), gone)
	if err != nil || found.Events != 1 {
		t.Errorf("reported anew: %+v, %v", found, err)
	}
}

// Roll-ups that read the ledger before an erasure write into its middle.
func TestRollUpsDoNotBringBackWhatIsErased(t *testing.T) {
	d := newDB(t)
	m := maker{testkit.Seed(t)}
	eraser, err := store.NewEraser(d.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer eraser.Close()
	next := int64(0)
	for range 3 {
		gone := m.digest()
		entries := make([]fraud.Entry, 200)
		for i := range entries {
			entries[i] = m.entry(noon.Add(-time.Duration(m.IntN(7*24*60)) * time.Minute))
			if i%4 == 0 {
				entries[i].Event.Indicator = fraud.Ref{Type: indicator.BankAccount, Epoch: 1, Digest: gone}
				speak(&entries[i])
			}
		}
		d.insert(t, messages(0, next, entries))
		next += int64(len(entries))
		found, err := eraser.Find(t.Context(), gone)
		if err != nil {
			t.Fatal(err)
		}
		together(t,
			func() error { return eraser.Erase(t.Context(), gone, &found) },
			func() error { return d.RollUpDays(t.Context()) },
			func() error { return d.CountIndicators(t.Context()) },
			func() error { return d.RollUpBoards(t.Context(), active()) })
		if tables := d.holding(t, gone); len(tables) > 0 {
			t.Errorf("it stands in %v", tables)
		}
		wantClean(t, d, map[int32]int64{0: next})
	}
}

// A table that is new and holds digests must be known to erasure.
func TestEveryTableWithDigestsIsKnownToErasure(t *testing.T) {
	d := newDB(t)
	got := strings.Fields(d.query(t, "SELECT concat(replaceRegexpOne(table, '_local$', ''), '.', name) FROM system.columns WHERE database = '"+
		d.Database+"' AND type IN ('FixedString(32)', 'Array(FixedString(32))') GROUP BY 1 ORDER BY 1"))
	if diff := cmp.Diff([]string{"board_indicators.digest", "board_words.digest", "campaign_links.digest", "campaign_members.digest", "campaigns.members",
		"events.also_digest", "events.digest", "opinions.digest"}, got); diff != "" {
		t.Errorf("columns with digests (-known +there): teach store.Eraser about the new ones\n%s", diff)
	}
}

// campaign makes a campaign of digests, and a link of the first in the tables of campaigns.
func (d *db) campaign(t *testing.T, digests ...indicator.Digest) {
	t.Helper()
	all, err := d.FreshForCampaigns(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddCampaignLinks(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	d.query(t, fmt.Sprintf("INSERT INTO %s.campaign_links (connector, kind, digest, partner) SELECT sipHash128('case'), 1, "+
		"toFixedString(unhex('%x'), 32), 1", d.Database, digests[0][:]))
	c := fraud.Campaign{ID: "0123456789abcdef"}
	moved := map[indicator.Digest]fraud.CampaignID{}
	for _, digest := range digests {
		c.Members = append(c.Members, fraud.CampaignMember{Type: indicator.BankAccount, Digest: digest})
		moved[digest] = c.ID
	}
	if err := d.PutCampaigns(t.Context(), 1, nil, []fraud.Campaign{c}, moved); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		again, err := d.CampaignPasses(context.Background())
		if pass, asked := again[fraud.LookAgain+string(c.ID)]; err != nil || !asked || pass.Slice != 0 {
			t.Errorf("nobody is told to look at the campaign again: %v, %v", again, err)
		}
	})
}
