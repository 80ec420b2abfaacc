package fraud

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// MarshalJSONTo writes the set as an array of names.
func (e Evidence) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, n := range e.Names() {
		if err := enc.WriteToken(jsontext.String(n)); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndArray)
}

// UnmarshalJSONFrom reads an array of names.
func (e *Evidence) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '[' {
		return fmt.Errorf("evidence is an array of names")
	}
	*e = 0
	for dec.PeekKind() != ']' {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if token.Kind() != '"' {
			return fmt.Errorf("evidence is an array of names")
		}
		one, err := ParseEvidence(token.String())
		if err != nil {
			return err
		}
		*e |= one
	}
	_, err = dec.ReadToken()
	return err
}
