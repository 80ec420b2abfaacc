package api

import (
	"errors"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// identify finds out who asks: by an API key, a client certificate, or both. Routes for everybody never come here: a
// probe with a certificate that has ended is answered.
func (s *Server) identify(r *request, now time.Time) (err error) {
	if shown := r.Request.TLS; shown != nil && len(shown.PeerCertificates) > 0 && s.certifier != nil {
		if r.certificate, err = s.certifier.Certify(shown.PeerCertificates, now); err != nil {
			return err
		}
	}
	r.who, err = s.auth.Authenticate(r.Request.Header.Get("Authorization"), r.certificate, now)
	return err
}

// denialOf is why it is not known who asked, nil where it is.
func denialOf(failure error) *fraud.Denial {
	var denial *fraud.Denial
	if errors.As(failure, &denial) {
		return denial
	}
	return nil
}
