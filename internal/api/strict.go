package api

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeStrict reads exactly one JSON value: no unknown, duplicate or wrongly cased names, no invalid UTF-8, nothing
// after it. Its error is a *problem whose pointer begins with the given one.
func decodeStrict(data []byte, into any, pointer string) error {
	err := json.Unmarshal(data, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	return jsonProblem(err, pointer)
}

// jsonProblem says where JSON went wrong and never what stood there: the decoder's own message may quote the value.
func jsonProblem(err error, root string) *problem {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return refuse("malformed", "a field here stands twice").at(root + safePointer(syntax.JSONPointer))
	case errors.As(err, &syntax):
		return refuse("malformed", fmt.Sprintf("not one well-formed JSON value in UTF-8: see byte %d", syntax.ByteOffset)).
			at(root + safePointer(syntax.JSONPointer))
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return refuse("schema", "a field here is not part of the schema; see /openapi.yaml").
			at(root + safePointer(semantic.JSONPointer))
	case errors.As(err, &semantic):
		return refuse("schema", "not of the type or the words that the schema allows; see /openapi.yaml").
			at(root + safePointer(semantic.JSONPointer))
	}
	return refuse("malformed", "not one well-formed JSON value in UTF-8")
}

// safePointer keeps the part of a pointer that is made of the contract's names and of indices up to 9999. A name that a
// sender made up may be somebody's telephone number: then the pointer ends at the object that has it.
func safePointer(p jsontext.Pointer) string {
	var safe strings.Builder
	for token := range p.Tokens() {
		if !fieldNames[token] && !isIndex(token) {
			break
		}
		safe.WriteString("/" + token)
	}
	return safe.String()
}

// fieldNames are the names of the contract's requests.
var fieldNames = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`indicators type value epoch digest also grade events event_id kind issued_at
		indicator category role confidence evidence observed_at expires_at tlp group advice action platform institution
		region loss_band case
		id name organisation weight state quotas requests indicators distinct listings retractions licensed_platform users
		mtls_subject mtls_scopes reason scopes expires replaces overlap_seconds public not_before not_after since
		outcome investigator_reason
		until key sharing_groups platforms at cursor limit`) {
		fieldNames[name] = true
	}
}

func isIndex(token string) bool {
	for _, c := range []byte(token) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(token) > 0 && len(token) <= 4
}
