package store_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// revision is a version of a partner's record with the act that makes it, so many minutes after noon.
func revision(number fraud.PartnerNumber, n uint64, minutes int, name string) (fraud.PartnerRevision, fraud.Act) {
	at := noon.Add(time.Duration(minutes) * time.Minute)
	act := fraud.Act{ID: uuid.UUID{0: byte(minutes), 6: 0x70, 8: 0x80}, At: at, By: "regulator", Key: "regulator.1",
		What: fraud.PartnerStateSet, Whom: partners[number-1].ID, Reason: "as agreed", Revision: n, Done: true}
	record := fraud.PartnerRecord{Partner: partners[number-1], Name: name, Licensed: true, Users: 8_000_001,
		Subject: "CN=alpha"}
	record.State, record.Weight = fraud.Active, 0.5
	record.Quotas = fraud.Quotas{Requests: 1, Indicators: 2, Distinct: 3, Listings: 4, Retractions: 5}
	record.APIKeys = []fraud.APIKeyRecord{
		{ID: "k.1", SHA256: [32]byte{1, 2}, Scopes: fraud.MayLookup | fraud.MayAdmin},
		{ID: "k.2", SHA256: [32]byte{3}, Scopes: fraud.MayReport, Expires: noon.Add(time.Hour)},
	}
	record.SigningKeys = []fraud.SigningKeyRecord{{Reason: "lost", SigningKey: fraud.SigningKey{ID: "s.1",
		Public: bytes.Repeat([]byte{7}, 32), Partner: number, NotBefore: noon, NotAfter: noon.Add(time.Hour)}}}
	return fraud.PartnerRevision{PartnerRecord: record, Revision: n, Act: act.ID, At: at}, act
}

func TestOfAPartnersRevisionsTheLatestStands(t *testing.T) {
	d := newDB(t)
	alpha1, act1 := revision(1, 1, 1, "Alpha")
	purse1, act2 := revision(2, 1, 2, "Purse")
	alpha2, act3 := revision(1, 2, 3, "Alpha Bank")
	outrun, act4 := revision(1, 2, 4, "Beta Bank") // the same revision, by a later act
	act4.Done = false
	for range 2 { // repeated
		for _, step := range []struct {
			revisions []fraud.PartnerRevision
			acts      []fraud.Act
		}{
			{[]fraud.PartnerRevision{alpha1, purse1}, []fraud.Act{act1, act2}},
			{[]fraud.PartnerRevision{outrun}, []fraud.Act{act4}},
			{[]fraud.PartnerRevision{alpha2}, []fraud.Act{act3}},
		} {
			if err := d.Revise(t.Context(), step.revisions, step.acts); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := d.PartnerRevisions(t.Context())
	if diff := cmp.Diff([]fraud.PartnerRevision{alpha2, purse1}, got); diff != "" || err != nil {
		t.Errorf("in force (-want +got), error %v:\n%s", err, diff)
	}
	all, err := d.Acts(t.Context(), fraud.ActPlace{}, 10)
	if diff := cmp.Diff([]fraud.Act{act4, act3, act2, act1}, all); diff != "" || err != nil {
		t.Errorf("acts (-want +got), error %v:\n%s", err, diff)
	}
	page, err := d.Acts(t.Context(), fraud.ActPlace{At: act3.At, ID: act3.ID}, 1)
	if diff := cmp.Diff([]fraud.Act{act2}, page); diff != "" || err != nil {
		t.Errorf("the page before act 3 (-want +got), error %v:\n%s", err, diff)
	}
}

// One record that cannot be read holds up nobody else.
func TestARecordOfALaterVersionIsOnlyANumber(t *testing.T) {
	d := newDB(t)
	alpha, act := revision(1, 1, 1, "Alpha")
	if err := d.Revise(t.Context(), []fraud.PartnerRevision{alpha}, []fraud.Act{act}); err != nil {
		t.Fatal(err)
	}
	d.query(t, "INSERT INTO "+d.Database+".partner_revisions VALUES (2, 1, '"+act.ID.String()+
		`', 0, '{"id":"purse","number":2,"only_on_sundays":true}')`)
	got, err := d.PartnerRevisions(t.Context())
	if err != nil || len(got) != 2 || got[0].ID != "alpha" || got[1].ID != "" || got[1].Number != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
