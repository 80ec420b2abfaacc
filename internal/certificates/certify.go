package certificates

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// proof is a certificate that was good.
type proof struct {
	certificate *fraud.Certificate
	until       time.Time // the first end of it and of those that vouch for it
}

// maxProofs bounds what is remembered. Only certificates of the operator's own authorities are.
const maxProofs = 10_000

// Certify verifies the certificate that a client has shown in the handshake, and those that it sent along. Its error is a
// *fraud.Denial. What it found is remembered until the files change: a look-up must not wait for two signatures.
func (k *Keeper) Certify(chain []*x509.Certificate, now time.Time) (*fraud.Certificate, error) {
	s := k.current.Load()
	if s.clients == nil || len(chain) == 0 {
		return nil, fraud.DenyCertificate(fraud.DeniedCertUntrusted)
	}
	leaf := chain[0]
	if known, ok := s.proofs.Load(string(leaf.Raw)); ok && !now.After(known.(*proof).until) {
		return known.(*proof).certificate, nil
	}
	made, err := s.verify(chain, now)
	if err != nil {
		return nil, err
	}
	if s.proven.Add(1) <= maxProofs {
		s.proofs.Store(string(leaf.Raw), made)
	}
	return made.certificate, nil
}

func (s *state) verify(chain []*x509.Certificate, now time.Time) (*proof, error) {
	leaf, between := chain[0], x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	proven, err := leaf.Verify(x509.VerifyOptions{
		Roots: s.clients, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return nil, fraud.DenyCertificate(fraud.DeniedCertExpired)
	}
	if err != nil {
		return nil, fraud.DenyCertificate(fraud.DeniedCertUntrusted)
	}
	subject, err := fraud.SubjectText(leaf.RawSubject)
	if err != nil { // it may be registered for nobody
		return nil, fraud.DenyCertificate(fraud.DeniedCertUnknown)
	}
	sum := sha256.Sum256(leaf.Raw)
	p := &proof{certificate: &fraud.Certificate{Subject: subject, ID: "cert-" + hex.EncodeToString(sum[:8])}}
	for _, c := range proven[0] {
		if p.until.IsZero() || c.NotAfter.Before(p.until) {
			p.until = c.NotAfter
		}
	}
	return p, nil
}
