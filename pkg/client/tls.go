package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// WithTLS secures the client's connections in a way of their own: with a client certificate, which proves who calls
// instead of an API key or beside it, and with other authorities than the system's. Its first certificate is always
// shown, so that the hub can say what is wrong with it; by default Go shows none to a server that names other
// authorities. [LoadTLS] makes it from files.
func WithTLS(config *tls.Config) Option {
	return func(c *Client) {
		c.tls = config.Clone()
		if own := c.tls.Certificates; len(own) > 0 && c.tls.GetClientCertificate == nil {
			c.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own[0], nil }
		}
	}
}

// LoadTLS reads a client certificate and its key, both "" for none, and the certificates of the authorities that may
// vouch for the hub, "" for those of the system; all in PEM form. The certificate is read again for each new connection:
// it may be renewed while the client runs. The errors name the file and never quote it.
func LoadTLS(certFile, keyFile, caFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if (certFile == "") != (keyFile == "") {
		return nil, errors.New("client certificate: it and its key belong together: name both files")
	}
	if certFile != "" {
		load := func() (*tls.Certificate, error) {
			own, err := tls.LoadX509KeyPair(certFile, keyFile)
			if err != nil {
				return nil, fmt.Errorf("client certificate %s with key %s: %w", certFile, keyFile, err)
			}
			return &own, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	if caFile != "" {
		data, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("authorities: %s holds no certificate in PEM form", caFile)
		}
	}
	return config, nil
}
