package devstack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// writeCertificates makes an authority whose key nobody keeps, and by it one certificate with which all brokers of a
// cluster prove to be brokers, to clients and to each other. It writes them as Kafka reads them (PEM: the trusted
// certificate; key and certificate) and returns what clients trust.
func writeCertificates(caFile, brokersFile string) (*x509.CertPool, error) {
	authority, err := newIdentity("waspada test authority", nil)
	if err != nil {
		return nil, err
	}
	brokers, err := newIdentity(brokerName, authority)
	if err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(brokers.key)
	if err != nil {
		return nil, err
	}
	store := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	store = append(store, brokers.pem()...)
	err = errors.Join(os.WriteFile(caFile, authority.pem(), 0o600), os.WriteFile(brokersFile, store, 0o600))
	if err != nil {
		return nil, err
	}
	trust := x509.NewCertPool()
	trust.AddCert(authority.certificate)
	return trust, nil
}

// identity is a certificate and its key.
type identity struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func (id *identity) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.certificate.Raw})
}

// newIdentity makes an identity on loopback that authority vouches for, or an authority where that is nil.
func newIdentity(name string, authority *identity) (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of %s: %w", name, err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", name, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		BasicConstraintsValid: true,
	}
	if authority == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		authority = &identity{template, key}
	} else {
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.certificate, key.Public(), authority.key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", name, err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", name, err)
	}
	return &identity{made, key}, nil
}
