package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// problem is an RFC 9457 problem document. As an error it is a refusal that the caller is told.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code is stable; Type is the same as a URI.
	Code string `json:"code"`
	// Pointer is the JSON Pointer of the field at fault in the request's body.
	Pointer string `json:"pointer,omitempty"`
	// Parameter is the query, path or header parameter at fault.
	Parameter string        `json:"parameter,omitempty"`
	RequestID string        `json:"request_id"`
	Results   []eventResult `json:"results,omitempty"`

	retryAfter string
	challenge  string
	last       bool // on its connection
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

const problemType = "urn:waspada:problem:"

// The codes of problems, each with its status and title: the enumeration of the contract.
var problemKinds = map[string]struct {
	status int
	title  string
}{
	"malformed":                      {http.StatusBadRequest, "The body cannot be read"},
	"schema":                         {http.StatusBadRequest, "The body does not fit the schema"},
	"bad_parameter":                  {http.StatusBadRequest, "A parameter is missing or wrong"},
	"bad_batch":                      {http.StatusBadRequest, "The body is no batch of digests"},
	"value_refused":                  {http.StatusBadRequest, "The hub takes no raw values"},
	"unknown_epoch":                  {http.StatusBadRequest, "The hub does not know the key epoch"},
	fraud.DeniedNoKey:                {http.StatusUnauthorized, "An API key is needed"},
	fraud.DeniedBadKey:               {http.StatusUnauthorized, "The API key cannot be read"},
	fraud.DeniedUnknown:              {http.StatusUnauthorized, "The API key is not known"},
	fraud.DeniedExpired:              {http.StatusUnauthorized, "The API key has expired"},
	fraud.DeniedCertificate:          {http.StatusUnauthorized, "The client certificate is not taken"},
	fraud.DeniedSuspended:            {http.StatusForbidden, "The partner is suspended"},
	"missing_scope":                  {http.StatusForbidden, "The API key may not do this"},
	"campaign_not_found":             {http.StatusNotFound, "The campaign is not known"},
	"no_such_route":                  {http.StatusNotFound, "There is nothing here"},
	"event_not_found":                {http.StatusNotFound, "The event is not known"},
	"dispute_not_found":              {http.StatusNotFound, "The dispute is not known"},
	"partner_not_found":              {http.StatusNotFound, "The partner is not known"},
	"key_not_found":                  {http.StatusNotFound, "The partner has no such key"},
	"void_not_found":                 {http.StatusNotFound, "The partner has no such void or release"},
	"method_not_allowed":             {http.StatusMethodNotAllowed, "The route does not take this method"},
	"dispute_passed":                 {http.StatusConflict, "The dispute does not take this step"},
	"idempotency_key_in_use":         {http.StatusConflict, "A request with this idempotency key is under way"},
	"registry_is_a_file":             {http.StatusConflict, "Partners are kept in a file"},
	"own_key":                        {http.StatusConflict, "That would lock the caller out"},
	"second_person_needed":           {http.StatusConflict, "Another person has to confirm it"},
	"revision_passed":                {http.StatusPreconditionFailed, "The partner was changed meanwhile"},
	"revision_required":              {http.StatusPreconditionRequired, "The revision is missing"},
	"partner_refused":                {http.StatusUnprocessableEntity, "The partner would break a rule"},
	"cursor_passed":                  {http.StatusGone, "The change log no longer holds what comes next"},
	"too_many_streams":               {http.StatusTooManyRequests, "Too many streams"},
	"too_large":                      {http.StatusRequestEntityTooLarge, "The body is too large"},
	"unsupported_media_type":         {http.StatusUnsupportedMediaType, "The body is of another media type"},
	"unsupported_encoding":           {http.StatusUnsupportedMediaType, "The body must not be compressed"},
	"dispute_refused":                {http.StatusUnprocessableEntity, "The dispute or its decision breaks a rule"},
	"no_acceptable_event":            {http.StatusUnprocessableEntity, "No event was accepted"},
	"idempotency_key_reused":         {http.StatusUnprocessableEntity, "The idempotency key was used for another body"},
	quotaProblem + quota.Requests:    {http.StatusTooManyRequests, "Too many requests a second"},
	quotaProblem + quota.Indicators:  {http.StatusTooManyRequests, "Too many indicators a second"},
	quotaProblem + quota.Distinct:    {http.StatusTooManyRequests, "Too many different indicators a day"},
	quotaProblem + quota.Listings:    {http.StatusTooManyRequests, "Too many new listings a day"},
	quotaProblem + quota.Retractions: {http.StatusTooManyRequests, "Too many retractions a day"},
	overloaded:                       {http.StatusServiceUnavailable, "The node is busy"},
	"misconfigured":                  {http.StatusInternalServerError, "The hub is not set up for this"},
	"internal":                       {http.StatusInternalServerError, "Something is wrong on our side"},
	"unavailable":                    {http.StatusServiceUnavailable, "Not available at present"},
}

// quotaProblem begins the codes of used up quotas, and their names end them.
const quotaProblem = "quota_"

// overloaded is the code of what the gate refuses.
const overloaded = "overloaded"

// refuse makes a problem; code is one of problemKinds.
func refuse(code, detail string) *problem {
	kind := problemKinds[code]
	return &problem{Type: problemType + code, Title: kind.title, Status: kind.status, Detail: detail, Code: code}
}

func (p *problem) at(pointer string) *problem {
	p.Pointer = pointer
	return p
}

func refuseParameter(name, detail string) *problem {
	p := refuse("bad_parameter", detail)
	p.Parameter = name
	return p
}

// problemFor is the one place where an error meets the outside. What it does not know is our fault, and its text stays
// in the log: it may tell of our inside.
func problemFor(err error) *problem {
	var (
		p      *problem
		denial *fraud.Denial
		large  *http.MaxBytesError
		fault  *fraud.Fault
		used   *quota.Refusal
	)
	switch {
	case errors.As(err, &p):
		known := *p // a problem may be a shared value, and each answer has a request id of its own
		return &known
	case errors.As(err, &used):
		p = refuse(quotaProblem+used.Quota, quotaHint(used))
		p.retryAfter = strconv.FormatInt(quota.Seconds(used.Wait), 10)
	case errors.As(err, &denial):
		p = refuse(denial.Told(), denial.Hint)
		if p.Status == http.StatusUnauthorized {
			p.challenge = `Bearer realm="waspada"`
		}
		// Another certificate needs another handshake, which the next try to verify one shall cost, too.
		p.last = p.Code == fraud.DeniedCertificate
	case errors.Is(err, fraud.ErrPassed):
		p = errGone()
	case errors.As(err, &large):
		p = refuse("too_large", "the body is larger than this route takes")
	case errors.Is(err, fraud.ErrNoSuchPartner):
		p = refuse("partner_not_found", "no partner of this hub has this id")
	case errors.Is(err, fraud.ErrNoSuchDispute):
		p = refuse("dispute_not_found", "no dispute that concerns you has this id, or it is on its way still: it shows about "+
			"a second after it was opened")
	case errors.Is(err, fraud.ErrDisputePassed):
		p = refuse("dispute_passed", "the dispute is in a state that does not allow this, or another step came first: read "+
			"it again")
	case errors.Is(err, fraud.ErrNotAuthority):
		p = refuse("missing_scope", "this takes an authority whose word counts: yours is in shadow")
	case errors.Is(err, fraud.ErrNoSuchKey):
		p = refuse("key_not_found", "the partner has no key with this id; it may have been revoked or have expired")
	case errors.Is(err, fraud.ErrNoSuchVoid):
		p = refuse("void_not_found", "the partner has no void or release with this id; it may have been undone")
	case errors.Is(err, fraud.ErrRevisionPassed):
		p = refuse("revision_passed", "another change came first: read the partner again, and see whether yours still fits")
	case errors.Is(err, fraud.ErrRegistryIsAFile):
		p = refuse("registry_is_a_file",
			"this hub keeps partners in its partner file: change that, or set registry: clickhouse in its configuration")
	case errors.As(err, &fault) && fault.Reason == fraud.ReasonTooLarge:
		p = refuse("too_large", fault.Hint)
	case errors.Is(err, fraud.ErrMisconfigured): // and not available until somebody has seen to it
		p = refuse("misconfigured", "the hub lacks a right that this needs: repeating the request does not help; tell the "+
			"hub's operators the request id")
	case errors.Is(err, fraud.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = refuse("unavailable",
			"what this needs does not answer: repeat the request, with the same Idempotency-Key if it has one")
		p.retryAfter = "2"
	default:
		p = refuse("internal", "the request id finds it in our log")
	}
	return p
}

// write answers with the problem.
func (p *problem) write(r *request) {
	p.RequestID = r.id
	body, err := json.Marshal(p)
	if err != nil { // of strings and numbers only: it cannot be
		panic(err)
	}
	h := r.Writer.Header()
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.last {
		h.Set("Connection", "close")
	}
	r.code = p.Code
	r.answerFirst()
	r.answer(p.Status, problemMedia, body)
}
