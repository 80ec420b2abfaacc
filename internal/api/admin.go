package api

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Registrar keeps who takes part.
type Registrar interface {
	Revisions() []fraud.PartnerRevision
	// Change makes the next revision of the partner act.Whom, by whom, what and why the act tells. Its errors are
	// fraud.ErrNoSuchPartner, fraud.ErrRevisionPassed where revision is not the last, fraud.ErrRegistryIsAFile, a
	// *fraud.Fault where the record breaks a rule, what change returns, and what wraps fraud.ErrUnavailable.
	Change(ctx context.Context, act fraud.Act, revision uint64, change func(*fraud.PartnerRecord) error) (
		fraud.PartnerRevision, error)
}

// ActReader tells what operators did, the newest first, before a place in time or up to now for the zero place.
type ActReader interface {
	Acts(ctx context.Context, before fraud.ActPlace, limit int) ([]fraud.Act, error)
}

// Limits of the routes for operators.
const (
	maxAdminBytes = 16 << 10
	maxReason     = 500 // bytes
	maxOverlap    = 30 * 24 * time.Hour
	maxPartnerID  = 32 // the ids of its keys are longer, and have 48 at most
	adminLimit    = 8 * time.Second
	maxActs       = 500
	defaultActs   = 100
)

type partnerAnswer struct {
	ID           string             `json:"id"`
	Number       int                `json:"number"`
	Revision     uint64             `json:"revision"`
	ChangedAt    time.Time          `json:"changed_at,omitzero"`
	Name         string             `json:"name"`
	Kind         string             `json:"kind"`
	Organisation string             `json:"organisation"`
	Weight       float64            `json:"weight"`
	State        string             `json:"state"`
	Quotas       quotasJSON         `json:"quotas"`
	Licensed     bool               `json:"licensed_platform"`
	Users        uint64             `json:"users"`
	Subject      string             `json:"mtls_subject,omitempty"`
	Scopes       []string           `json:"mtls_scopes,omitempty"`
	APIKeys      []apiKeyAnswer     `json:"api_keys"`
	SigningKeys  []signingKeyAnswer `json:"signing_keys"`
	Sharing      []string           `json:"sharing_groups,omitempty"`
	Platforms    []string           `json:"platforms,omitempty"`
	Voids        []voidAnswer       `json:"voids,omitempty"`
	Releases     []releaseAnswer    `json:"releases,omitempty"`
}

type quotasJSON struct {
	Requests    int `json:"requests"`
	Indicators  int `json:"indicators"`
	Distinct    int `json:"distinct"`
	Listings    int `json:"listings"`
	Retractions int `json:"retractions"`
}

// apiKeyAnswer has no hash: nobody needs it who does not read the tables.
type apiKeyAnswer struct {
	ID      string    `json:"id"`
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
}

type signingKeyAnswer struct {
	ID        string    `json:"id"`
	Public    []byte    `json:"public"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	Reason    string    `json:"reason,omitempty"`
}

func answerOf(r *fraud.PartnerRevision) *partnerAnswer {
	a := &partnerAnswer{
		ID: r.ID, Number: int(r.Number), Revision: r.Revision, ChangedAt: r.At, Name: r.Name, Kind: r.Kind.String(),
		Organisation: r.Organisation, Weight: r.Weight, State: r.State.String(), Quotas: quotasJSON(r.Quotas),
		Licensed: r.Licensed, Users: r.Users, Subject: r.Subject, Scopes: r.SubjectScopes.Names(),
		APIKeys: make([]apiKeyAnswer, len(r.APIKeys)), SigningKeys: make([]signingKeyAnswer, len(r.SigningKeys)),
	}
	for i, k := range r.APIKeys {
		a.APIKeys[i] = apiKeyAnswer{k.ID, k.Scopes.Names(), k.Expires}
	}
	for i, k := range r.SigningKeys {
		a.SigningKeys[i] = signingKeyAnswer{k.ID, k.Public, k.NotBefore, k.NotAfter, k.Reason}
	}
	a.Sharing, a.Platforms = r.Sharing, r.Platforms
	for _, v := range r.Voided {
		a.Voids = append(a.Voids, voidAnswer{v.ID, v.Since, v.Until, v.KeyID, v.Reason, v.At})
	}
	for _, v := range r.Released {
		a.Releases = append(a.Releases, releaseAnswer{v.ID, v.Since, v.Until, v.Reason, v.ProposedBy, v.ConfirmedBy,
			v.InForce(), v.At})
	}
	return a
}

// getPartners answers GET /v1/admin/partners.
func (s *Server) getPartners(r *request) error {
	if err := r.noQuery(); err != nil {
		return err
	}
	revisions := s.registry.Revisions()
	all := make([]*partnerAnswer, len(revisions))
	for i := range revisions {
		all[i] = answerOf(&revisions[i])
	}
	return r.json(map[string][]*partnerAnswer{"partners": all})
}

// getPartner answers GET /v1/admin/partners/{id}.
func (s *Server) getPartner(r *request) error {
	if err := r.noQuery(); err != nil {
		return err
	}
	revisions := s.registry.Revisions()
	i := slices.IndexFunc(revisions, func(p fraud.PartnerRevision) bool { return p.ID == r.Param("id") })
	if i < 0 {
		return fraud.ErrNoSuchPartner
	}
	return r.partner(http.StatusOK, &revisions[i], answerOf(&revisions[i]))
}

// partner answers with something of a partner, and its revision as the entity tag.
func (r *request) partner(status int, revision *fraud.PartnerRevision, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	r.Writer.Header().Set("ETag", `"`+strconv.FormatUint(revision.Revision, 10)+`"`)
	r.answer(status, jsonMedia, body)
	return nil
}

// addPartner answers POST /v1/admin/partners.
func (s *Server) addPartner(r *request) error {
	in := struct {
		ID           string             `json:"id"`
		Name         string             `json:"name"`
		Kind         fraud.PartnerKind  `json:"kind"`
		Organisation string             `json:"organisation"`
		Weight       float64            `json:"weight"`
		State        fraud.PartnerState `json:"state"`
		Quotas       quotasJSON         `json:"quotas"`
		Licensed     bool               `json:"licensed_platform"`
		Users        uint64             `json:"users"`
		Subject      string             `json:"mtls_subject"`
		Scopes       []string           `json:"mtls_scopes"`
		Sharing      []string           `json:"sharing_groups"`
		Platforms    []string           `json:"platforms"`
		Reason       string             `json:"reason"`
	}{Weight: 1, State: fraud.Shadow}
	if err := r.order(&in); err != nil {
		return err
	}
	if in.ID == "" || len(in.ID) > maxPartnerID {
		return refuse("schema", "is required, and has "+strconv.Itoa(maxPartnerID)+" characters at most").at("/id")
	}
	scopes, err := fraud.ParseScopes(in.Scopes...)
	if err != nil {
		return refuse("schema", err.Error()).at("/mtls_scopes")
	}
	act := fraud.Act{What: fraud.PartnerAdded, Whom: in.ID, Reason: in.Reason}
	return s.change(r, http.StatusCreated, act, 0, func(p *fraud.PartnerRecord) error {
		p.Name, p.Kind, p.Weight, p.State = in.Name, in.Kind, in.Weight, in.State
		p.Organisation = cmp.Or(in.Organisation, in.ID)
		p.Quotas, p.Licensed, p.Users, p.Subject = fraud.Quotas(in.Quotas), in.Licensed, in.Users, in.Subject
		p.SubjectScopes, p.Sharing, p.Platforms = scopes, in.Sharing, in.Platforms
		return nil
	})
}

// addKey answers POST /v1/admin/partners/{id}/keys: the only answer that ever holds a secret of the hub's making.
func (s *Server) addKey(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		Scopes   []string  `json:"scopes"`
		Expires  time.Time `json:"expires"`
		Replaces string    `json:"replaces"`
		Overlap  int64     `json:"overlap_seconds"`
		Reason   string    `json:"reason"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	scopes, err := fraud.ParseScopes(in.Scopes...)
	now := s.now().UTC().Truncate(time.Second)
	overlap := time.Duration(in.Overlap) * time.Second
	switch {
	case err != nil:
		return refuse("schema", err.Error()).at("/scopes")
	case scopes == 0 && in.Replaces == "":
		return refuse("schema", "needs at least one scope, or replaces a key that has some").at("/scopes")
	case !in.Expires.IsZero() && !in.Expires.After(now):
		return refuse("schema", "must lie in the future").at("/expires")
	case in.Overlap < 0 || in.Overlap > int64(maxOverlap/time.Second):
		return refuse("schema", "is 0 to 2592000: 30 days").at("/overlap_seconds")
	case in.Overlap > 0 && in.Replaces == "":
		return refuse("schema", "is for a key that replaces another").at("/overlap_seconds")
	}
	id := r.Param("id") + "." + newKeyPart()
	key, sum := s.newAPIKey(id)
	made := fraud.APIKeyRecord{ID: id, Scopes: scopes, Expires: in.Expires.UTC()}
	if _, err := hex.Decode(made.SHA256[:], []byte(sum)); err != nil {
		return err
	}
	act := fraud.Act{What: fraud.APIKeyIssued, Whom: r.Param("id"), Object: id, Reason: in.Reason}
	next, err := s.make(r, act, revision, func(p *fraud.PartnerRecord) error {
		// What has expired makes room: it stands in the revisions before.
		p.APIKeys = slices.DeleteFunc(p.APIKeys, func(k fraud.APIKeyRecord) bool {
			return !k.Expires.IsZero() && !k.Expires.After(now)
		})
		if in.Replaces != "" {
			i := slices.IndexFunc(p.APIKeys, func(k fraud.APIKeyRecord) bool { return k.ID == in.Replaces })
			if i < 0 {
				return fraud.ErrNoSuchKey
			}
			old := &p.APIKeys[i]
			if made.Scopes == 0 {
				made.Scopes = old.Scopes
			}
			if end := now.Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
				old.Expires = end
			}
			if overlap == 0 {
				p.APIKeys = slices.Delete(p.APIKeys, i, i+1)
			}
		}
		p.APIKeys = append(p.APIKeys, made)
		return nil
	})
	if err != nil {
		return err
	}
	return r.partner(http.StatusCreated, &next, struct {
		APIKey  string         `json:"api_key"`
		ID      string         `json:"id"`
		Partner *partnerAnswer `json:"partner"`
	}{key, id, answerOf(&next)})
}

// newKeyPart ends a key's id, which is no secret and must only be new: ten of the letters and digits that nobody mixes up.
func newKeyPart() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	part := make([]byte, 10)
	for i := range part {
		part[i] = letters[rand.IntN(len(letters))]
	}
	return string(part)
}

// revokeKey answers DELETE /v1/admin/partners/{id}/keys/{key}.
func (s *Server) revokeKey(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	reason, err := r.reasonParameter()
	if err != nil {
		return err
	}
	id := r.Param("key")
	if id == r.who.KeyID {
		return refuse("own_key", "a key does not revoke itself: use another with the scope admin")
	}
	act := fraud.Act{What: fraud.APIKeyRevoked, Whom: r.Param("id"), Object: id, Reason: reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		i := slices.IndexFunc(p.APIKeys, func(k fraud.APIKeyRecord) bool { return k.ID == id })
		if i < 0 {
			return fraud.ErrNoSuchKey
		}
		p.APIKeys = slices.Delete(p.APIKeys, i, i+1)
		return nil
	})
}

// reasonParameter is the reason of what has no body.
func (r *request) reasonParameter() (reason string, err error) {
	if err := r.query(func(name, value string) (bool, error) {
		reason = value
		return name == "reason", nil
	}); err != nil {
		return "", err
	}
	if err := checkReason(reason); err != nil {
		return "", refuseParameter("reason", err.Error())
	}
	return reason, nil
}

// addSigningKey answers POST /v1/admin/partners/{id}/signing-keys.
func (s *Server) addSigningKey(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		ID        string    `json:"id"`
		Public    []byte    `json:"public"`
		NotBefore time.Time `json:"not_before"`
		NotAfter  time.Time `json:"not_after"`
		Reason    string    `json:"reason"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	if len(in.Public) != ed25519.PublicKeySize {
		return refuse("schema", "must be the 32 bytes of an Ed25519 public key in standard base64").at("/public")
	}
	act := fraud.Act{What: fraud.SigningKeyAdded, Whom: r.Param("id"), Object: in.ID, Reason: in.Reason}
	return s.change(r, http.StatusCreated, act, revision, func(p *fraud.PartnerRecord) error {
		p.SigningKeys = append(p.SigningKeys, fraud.SigningKeyRecord{SigningKey: fraud.SigningKey{ID: in.ID,
			Public: in.Public, Partner: p.Number, NotBefore: in.NotBefore.UTC(), NotAfter: in.NotAfter.UTC()}})
		return nil
	})
}

// revokeSigningKey answers POST /v1/admin/partners/{id}/signing-keys/{key}/revoke.
func (s *Server) revokeSigningKey(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		Since  time.Time `json:"since"`
		Reason string    `json:"reason"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	switch {
	case in.Since.IsZero():
		return refuse("schema", "is required: the time from which on the key is bad").at("/since")
	case in.Reason == "":
		return refuse("schema", "is required").at("/reason")
	}
	id := r.Param("key")
	act := fraud.Act{What: fraud.SigningKeyRevoked, Whom: r.Param("id"), Object: id, Reason: in.Reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		i := slices.IndexFunc(p.SigningKeys, func(k fraud.SigningKeyRecord) bool { return k.ID == id })
		if i < 0 {
			return fraud.ErrNoSuchKey
		}
		k := &p.SigningKeys[i]
		if k.Reason != "" && !k.NotAfter.IsZero() && k.NotAfter.Before(in.Since) {
			return refuse("partner_refused", "the key is bad since an earlier time: it does not become good again").at("/since")
		}
		k.NotAfter, k.Reason = in.Since.UTC(), in.Reason
		return nil
	})
}

// setState answers POST /v1/admin/partners/{id}/state.
func (s *Server) setState(r *request) error {
	revision, err := r.ifMatch()
	if err != nil {
		return err
	}
	var in struct {
		State  fraud.PartnerState `json:"state"`
		Reason string             `json:"reason"`
	}
	if err := r.order(&in); err != nil {
		return err
	}
	switch {
	case in.State.String() == "":
		return refuse("schema", "is required: shadow, active or suspended").at("/state")
	case in.Reason == "":
		return refuse("schema", "is required").at("/reason")
	case in.State == fraud.Suspended && r.Param("id") == r.who.Partner.ID:
		return refuse("own_key", "a partner does not suspend itself: use an admin key of another")
	}
	act := fraud.Act{What: fraud.PartnerStateSet, Whom: r.Param("id"), Reason: in.State.String() + ": " + in.Reason}
	return s.change(r, http.StatusOK, act, revision, func(p *fraud.PartnerRecord) error {
		p.State = in.State
		return nil
	})
}

// change makes a revision and answers with it.
func (s *Server) change(
	r *request, status int, act fraud.Act, revision uint64, change func(*fraud.PartnerRecord) error,
) error {
	next, err := s.make(r, act, revision, change)
	if err != nil {
		return err
	}
	return r.partner(status, &next, answerOf(&next))
}

func (s *Server) make(r *request, act fraud.Act, revision uint64, change func(*fraud.PartnerRecord) error) (
	fraud.PartnerRevision, error,
) {
	act.By, act.Key = r.who.Partner.ID, r.who.KeyID
	ctx, cancel := context.WithTimeout(r.Request.Context(), adminLimit)
	defer cancel()
	next, err := s.registry.Change(ctx, act, revision, change)
	var fault *fraud.Fault
	if errors.As(err, &fault) {
		return next, refuse("partner_refused", fault.Hint).at(fault.Pointer)
	}
	return next, err
}

// order reads the body of a change. A reason is free text of an operator, and the audit keeps it for ever.
func (r *request) order(into any) error { return r.orderAs("application/json", into) }

func (r *request) orderAs(media string, into any) error {
	if err := r.noQuery(); err != nil {
		return err
	}
	body, release, err := r.body(maxAdminBytes, media)
	if err != nil {
		return err
	}
	defer release()
	if err := decodeStrict(body, into, ""); err != nil {
		return err
	}
	var with struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(body, &with); err != nil {
		return jsonProblem(err, "")
	}
	if err := checkReason(with.Reason); err != nil {
		return refuse("schema", err.Error()).at("/reason")
	}
	return nil
}

func checkReason(reason string) error {
	switch {
	case len(reason) > maxReason:
		return errors.New("has " + strconv.Itoa(maxReason) + " bytes at most")
	case strings.ContainsFunc(reason, unicode.IsControl):
		return errors.New("is one line, without control characters")
	case strings.Contains(reason, "wsp_live_"):
		return errors.New("holds an API key, which must be kept nowhere: name it by its id")
	}
	return nil
}

func (r *request) noQuery() error {
	return r.query(func(string, string) (bool, error) { return false, nil })
}

// ifMatch reads the revision that the operator saw: without it one change would undo another that nobody had seen.
func (r *request) ifMatch() (uint64, error) {
	header := r.Request.Header.Values("If-Match")
	if len(header) == 0 {
		p := refuse("revision_required", "send the header If-Match with the ETag of the partner, as it was read")
		p.Parameter = "If-Match"
		return 0, p
	}
	if text, ok := strings.CutPrefix(header[0], `"`); ok && len(header) == 1 {
		if text, ok = strings.CutSuffix(text, `"`); ok {
			if n, err := strconv.ParseUint(text, 10, 63); err == nil {
				return n, nil
			}
		}
	}
	return 0, refuseParameter("If-Match", `is one entity tag as this hub gives it, such as "3"`)
}

type actAnswer struct {
	ID       uuid.UUID  `json:"id"`
	At       string     `json:"at"`
	By       string     `json:"by"`
	Key      string     `json:"key"`
	What     fraud.Deed `json:"what"`
	Whom     string     `json:"whom"`
	Object   string     `json:"object,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Revision uint64     `json:"revision,omitzero"`
	Done     bool       `json:"done"`
}

// getActs answers GET /v1/admin/acts.
func (s *Server) getActs(r *request) error {
	var before fraud.ActPlace
	limit := defaultActs
	err := r.query(func(name, value string) (bool, error) {
		switch name {
		case "limit":
			n, err := strconv.Atoi(value)
			if limit = n; err != nil || n < 1 || n > maxActs {
				return true, refuseParameter("limit", "is 1 to "+strconv.Itoa(maxActs))
			}
			return true, nil
		case "cursor":
			ms, id, _ := strings.Cut(value, ".")
			at, err1 := strconv.ParseUint(ms, 10, 43)
			place, err2 := uuid.Parse(id)
			if err1 != nil || err2 != nil || place.String() != id {
				return true, refuseParameter("cursor", "is what next was in the answer before")
			}
			before = fraud.ActPlace{At: time.UnixMilli(int64(at)), ID: place}
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Request.Context(), adminLimit)
	defer cancel()
	acts, err := s.acts.Acts(ctx, before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Acts []actAnswer `json:"acts"`
		Next string      `json:"next,omitempty"`
	}{Acts: make([]actAnswer, len(acts))}
	for i, a := range acts {
		answer.Acts[i] = actAnswer{a.ID, a.At.UTC().Format(timeFormat), a.By, a.Key, a.What, a.Whom, a.Object, a.Reason,
			a.Revision, a.Done}
	}
	if n := len(acts); n == limit {
		answer.Next = strconv.FormatInt(acts[n-1].At.UnixMilli(), 10) + "." + acts[n-1].ID.String()
	}
	return r.json(answer)
}
