package nation

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	goyaml "github.com/goccy/go-yaml"

	"github.com/waspada-hub/waspada/internal/partners"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
)

// Roles are the API keys that are handed out: which partner each speaks for and what it may do.
var Roles = []struct {
	Name, Partner string
	Scopes        []string
}{
	{"bank", "bank-harimau", []string{"lookup", "report"}},
	{"platform", "platform-wau", []string{"lookup", "report"}},
	{"telco", "telco-rebana", []string{"lookup", "report"}},
	{"analyst", "regulator-comms", []string{"lookup", "analyse"}},
	{"regulator", "regulator-bank", []string{"lookup", "report", "analyse"}},
	{"police", "police-ccid", []string{"lookup", "report", "analyse"}},
	{"admin", "regulator-bank", []string{"lookup", "report", "analyse", "admin"}},
}

// Keys are the secrets of the whole country in one folder; in a real hub each partner keeps its own.
type Keys struct {
	dir string
	// API are the API keys by role.
	API map[string]string `json:"api"`
}

// File is a file of the folder: keyring.yaml, partners.yaml (what the hub knows of them), gateway.pem.
func (s *Keys) File(name string) string { return filepath.Join(s.dir, name) }

// SigningKey is a partner's signing key: its id and the file with its private half.
func (s *Keys) SigningKey(partner string) (id, file string) {
	return partner + "-1", s.File("signing-" + partner + ".pem")
}

// GatewayKeyID names the hub's own signing key, whose private half is gateway.pem.
const GatewayKeyID = "gateway-1"

// IssueKeys reads the keys in a folder, or makes them where there are none yet.
func IssueKeys(dir string) (*Keys, error) {
	s := &Keys{dir: dir, API: map[string]string{}}
	data, err := os.ReadFile(s.File("keys.json"))
	switch {
	case err == nil:
		return s, json.Unmarshal(data, s)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.make(); err != nil {
		return nil, fmt.Errorf("issue keys: %w", err)
	}
	return s, nil
}

// registryFile is the partner file of the daemon.
type registryFile struct {
	Partners    []registryPartner `yaml:"partners"`
	GatewayKeys []registryKey     `yaml:"gateway_keys"`
}

type registryPartner struct {
	ID          string              `yaml:"id"`
	Number      fraud.PartnerNumber `yaml:"number"`
	Name        string              `yaml:"name"`
	Kind        string              `yaml:"kind"`
	APIKeys     []registryAPIKey    `yaml:"api_keys,omitempty"`
	SigningKeys []registryKey       `yaml:"signing_keys"`
	Quotas      map[string]int      `yaml:"quotas"`
	Platforms   []string            `yaml:"platforms,omitempty"`
}

type registryAPIKey struct {
	ID     string   `yaml:"id"`
	SHA256 string   `yaml:"sha256"`
	Scopes []string `yaml:"scopes"`
}

type registryKey struct {
	ID     string `yaml:"id"`
	Public string `yaml:"public"`
}

// declared is the volume of every partner: more than any demo or test asks, which run as fast as the machine does.
var declared = map[string]int{"requests": 100_000, "indicators": 100_000_000, "distinct": 1_000_000_000,
	"listings": 10_000_000, "retractions": 10_000_000}

// make writes every file; keys.json comes last, so that an interrupted start begins again.
func (s *Keys) make() error {
	ringKey := make([]byte, indicator.MinKeyLen)
	rand.Read(ringKey)
	ring := fmt.Sprintf("keys:\n  1: %s\n", base64.StdEncoding.EncodeToString(ringKey))
	if err := os.WriteFile(s.File("keyring.yaml"), []byte(ring), 0o600); err != nil {
		return err
	}
	var registry registryFile
	gateway, err := newSigningKey(GatewayKeyID, s.File("gateway.pem"))
	if err != nil {
		return err
	}
	registry.GatewayKeys = []registryKey{gateway}
	for _, p := range Partners() {
		key, err := newSigningKey(s.SigningKey(p.ID))
		if err != nil {
			return err
		}
		registry.Partners = append(registry.Partners, registryPartner{
			ID: p.ID, Number: p.Number, Name: p.ID + " (fictional)", Kind: p.Kind.String(), SigningKeys: []registryKey{key},
			Quotas: declared, Platforms: Platforms(p.ID),
		})
	}
	for _, role := range Roles {
		key, hash := partners.NewAPIKey(role.Name)
		s.API[role.Name] = key
		i := slices.IndexFunc(registry.Partners, func(p registryPartner) bool { return p.ID == role.Partner })
		registry.Partners[i].APIKeys = append(registry.Partners[i].APIKeys, registryAPIKey{role.Name, hash, role.Scopes})
	}
	text, err := goyaml.Marshal(registry)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.File("partners.yaml"), text, 0o600); err != nil {
		return err
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.File("keys.json"), data, 0o600)
}

// newSigningKey writes the private half and returns the public one, as the registry keeps it.
func newSigningKey(id, path string) (registryKey, error) {
	key, err := publisher.GenerateKey()
	if err != nil {
		return registryKey{}, err
	}
	text, err := publisher.MarshalKey(key)
	if err != nil {
		return registryKey{}, err
	}
	public := base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	return registryKey{ID: id, Public: public}, os.WriteFile(path, text, 0o600)
}
