package fraud

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// storedRecord is the JSON of a record: words and not numbers, so that a person can read the history.
type storedRecord struct {
	ID           string             `json:"id"`
	Number       PartnerNumber      `json:"number"`
	Name         string             `json:"name"`
	Kind         PartnerKind        `json:"kind"`
	Organisation string             `json:"organisation"`
	Weight       float64            `json:"weight"`
	State        PartnerState       `json:"state"`
	Quotas       storedQuotas       `json:"quotas,omitzero"`
	Licensed     bool               `json:"licensed,omitzero"`
	Users        uint64             `json:"users,omitzero"`
	Subject      string             `json:"mtls_subject,omitzero"`
	Scopes       string             `json:"mtls_scopes,omitzero"`
	Sharing      []string           `json:"sharing_groups,omitempty"`
	Platforms    []string           `json:"platforms,omitempty"`
	APIKeys      []storedAPIKey     `json:"api_keys,omitempty"`
	SigningKeys  []storedSigningKey `json:"signing_keys,omitempty"`
	Voided       []storedVoid       `json:"voids,omitempty"`
	Released     []storedRelease    `json:"releases,omitempty"`
}

type storedQuotas struct {
	Requests    int `json:"requests,omitzero"`
	Indicators  int `json:"indicators,omitzero"`
	Distinct    int `json:"distinct,omitzero"`
	Listings    int `json:"listings,omitzero"`
	Retractions int `json:"retractions,omitzero"`
}

type storedAPIKey struct {
	ID      string    `json:"id"`
	SHA256  string    `json:"sha256"`
	Scopes  string    `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
}

type storedSigningKey struct {
	ID        string    `json:"id"`
	Public    string    `json:"public"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	Reason    string    `json:"reason,omitzero"`
}

type storedVoid struct {
	ID     string    `json:"id"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"`
	KeyID  string    `json:"key,omitzero"`
	Reason string    `json:"reason,omitzero"`
	At     time.Time `json:"at,omitzero"`
}

type storedRelease struct {
	ID          string    `json:"id"`
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	Reason      string    `json:"reason,omitzero"`
	ProposedBy  string    `json:"proposed_by"`
	ConfirmedBy string    `json:"confirmed_by,omitzero"`
	At          time.Time `json:"at,omitzero"`
}

// MarshalJSON writes the record as the registry keeps it.
func (r *PartnerRecord) MarshalJSON() ([]byte, error) {
	s := storedRecord{
		ID: r.ID, Number: r.Number, Name: r.Name, Kind: r.Kind, Organisation: r.Organisation, Weight: r.Weight,
		State: r.State, Quotas: storedQuotas(r.Quotas), Licensed: r.Licensed, Users: r.Users, Subject: r.Subject,
		Scopes: r.SubjectScopes.String(), Sharing: r.Sharing, Platforms: r.Platforms,
	}
	for _, k := range r.APIKeys {
		s.APIKeys = append(s.APIKeys, storedAPIKey{k.ID, hex.EncodeToString(k.SHA256[:]), k.Scopes.String(),
			k.Expires.UTC()})
	}
	for _, k := range r.SigningKeys {
		s.SigningKeys = append(s.SigningKeys, storedSigningKey{k.ID, base64.StdEncoding.EncodeToString(k.Public),
			k.NotBefore.UTC(), k.NotAfter.UTC(), k.Reason})
	}
	for _, v := range r.Voided {
		s.Voided = append(s.Voided, storedVoid(v))
	}
	for _, v := range r.Released {
		s.Released = append(s.Released, storedRelease(v))
	}
	return json.Marshal(&s)
}

// UnmarshalJSON reads what MarshalJSON wrote, and nothing beyond: what a later version has added may be a restriction.
func (r *PartnerRecord) UnmarshalJSON(data []byte) error {
	var s storedRecord
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return fmt.Errorf("partner record: %w", err)
	}
	scopes, err := ParseScopes(strings.Fields(s.Scopes)...)
	if err != nil {
		return fmt.Errorf("partner record: %w", err)
	}
	*r = PartnerRecord{
		Partner: Partner{ID: s.ID, Number: s.Number, Kind: s.Kind, Organisation: s.Organisation, Weight: s.Weight,
			State: s.State, Quotas: Quotas(s.Quotas)},
		Name: s.Name, Licensed: s.Licensed, Users: s.Users, Subject: s.Subject, SubjectScopes: scopes,
		Sharing: s.Sharing, Platforms: s.Platforms,
	}
	for _, k := range s.APIKeys {
		scopes, err := ParseScopes(strings.Fields(k.Scopes)...)
		if err != nil {
			return fmt.Errorf("partner record: %w", err)
		}
		hash, err := hex.DecodeString(k.SHA256)
		if err != nil || len(hash) != 32 {
			return fmt.Errorf("partner record: the hash of API key %s is not 32 bytes", k.ID)
		}
		r.APIKeys = append(r.APIKeys, APIKeyRecord{ID: k.ID, SHA256: [32]byte(hash), Scopes: scopes,
			Expires: k.Expires})
	}
	for _, k := range s.SigningKeys {
		public, err := base64.StdEncoding.DecodeString(k.Public)
		if err != nil {
			return fmt.Errorf("partner record: signing key %s is not base64", k.ID)
		}
		r.SigningKeys = append(r.SigningKeys, SigningKeyRecord{Reason: k.Reason, SigningKey: SigningKey{
			ID: k.ID, Public: public, Partner: s.Number, NotBefore: k.NotBefore, NotAfter: k.NotAfter}})
	}
	for _, v := range s.Voided {
		r.Voided = append(r.Voided, VoidRecord(v))
	}
	for _, v := range s.Released {
		r.Released = append(r.Released, ReleaseRecord(v))
	}
	return nil
}
