package publisher

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// keyBlock is the PEM type of a PKCS #8 private key.
const keyBlock = "PRIVATE KEY"

// GenerateKey makes a signing key. Its public half goes to the hub's operator; the private half stays with the partner.
func GenerateKey() (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	return private, nil
}

// MarshalKey is the PEM file of a signing key, as [LoadSigningKey] reads it and "openssl genpkey -algorithm ed25519"
// writes it.
func MarshalKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// LoadSigningKey reads an Ed25519 private key from a PEM file (PKCS #8). Its errors never quote the file.
func LoadSigningKey(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != keyBlock || len(rest) > 0 {
		return nil, fmt.Errorf("signing key %s: not one PEM block of type %q", path, keyBlock)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: not a PKCS #8 key", path)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key %s: a key of another kind; Ed25519 is needed", path)
	}
	return private, nil
}
