package partners

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// entryOf writes a record as it would stand in a partner file, so that both are held to the same rules.
func entryOf(r *fraud.PartnerRecord) *partnerEntry {
	weight := r.Weight
	e := &partnerEntry{
		ID: r.ID, Number: int(r.Number), Name: r.Name, Kind: r.Kind.String(), Organisation: r.Organisation,
		Weight: &weight, State: r.State.String(), Quotas: quotasEntry(r.Quotas), Licensed: r.Licensed, Users: r.Users,
		Subject: r.Subject, Scopes: r.SubjectScopes.Names(), Sharing: r.Sharing,
		Platforms: r.Platforms,
	}
	for _, k := range r.APIKeys {
		e.APIKeys = append(e.APIKeys, apiEntry{k.ID, hex.EncodeToString(k.SHA256[:]), k.Scopes.Names(),
			timeText(k.Expires)})
	}
	for _, k := range r.SigningKeys {
		e.SigningKeys = append(e.SigningKeys, signingEntry{k.ID, base64.StdEncoding.EncodeToString(k.Public),
			timeText(k.NotBefore), timeText(k.NotAfter), k.Reason})
	}
	for _, v := range r.Voided {
		e.Voids = append(e.Voids, voidEntry{v.ID, timeText(v.Since), timeText(v.Until), v.KeyID, v.Reason, timeText(v.At)})
	}
	for _, v := range r.Released {
		e.Releases = append(e.Releases, releaseEntry{v.ID, timeText(v.Since), timeText(v.Until), v.Reason, v.ProposedBy,
			v.ConfirmedBy, timeText(v.At)})
	}
	return e
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// build makes a snapshot of records, and of the hub's own keys. Its error lists every fault.
func build(records []fraud.PartnerRevision, gateway []signingEntry, now time.Time) (*snapshot, error) {
	b := newBuilder(now)
	b.gateway = gateway
	for i := range gateway {
		b.signingKey("gateway key", &gateway[i], nil, 0)
	}
	for i := range records {
		r := &records[i]
		b.partner("partner", entryOf(&r.PartnerRecord))
		last := &b.records[len(b.records)-1]
		last.Revision, last.Act, last.At = r.Revision, r.Act, r.At
	}
	if len(b.faults) > 0 {
		return nil, errors.Join(b.faults...)
	}
	return &b.snapshot, nil
}

// buildGood is build without the records that break a rule, which faults tells of: one of them must hold up neither the
// others nor what is revoked in them.
func buildGood(records []fraud.PartnerRevision, gateway []signingEntry, now time.Time) (*snapshot, []error) {
	whole, err := build(records, gateway, now)
	if err == nil {
		return whole, nil
	}
	var (
		faults []error
		good   []fraud.PartnerRevision
	)
	whole, err = build(nil, gateway, now)
	if err != nil {
		return &newBuilder(now).snapshot, []error{err}
	}
	for _, r := range records {
		next, err := build(append(good, r), gateway, now)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		good, whole = append(good, r), next
	}
	return whole, faults
}
