package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// vectorFile is schemas/vectors/bundle.json.
type vectorFile struct {
	Audience string    `json:"audience"`
	Appended time.Time `json:"appended"`
	Partners []struct {
		ID     string              `json:"id"`
		Number fraud.PartnerNumber `json:"number"`
		Kind   fraud.PartnerKind   `json:"kind"`
		State  fraud.PartnerState  `json:"state"`
	} `json:"partners"`
	Keys []struct {
		ID        string    `json:"id"`
		Partner   string    `json:"partner"`
		Gateway   bool      `json:"gateway"`
		Seed      string    `json:"seed"`
		Public    string    `json:"public"`
		NotBefore time.Time `json:"not_before"`
		NotAfter  time.Time `json:"not_after"`
	} `json:"keys"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name    string         `json:"name"`
	Expect  fraud.Reason   `json:"expect"` // or ok
	Pointer string         `json:"pointer"`
	Events  []fraud.Reason `json:"events"` // of each event, where not all are ok
	Headers [][2]string    `json:"headers"`
	Value   string         `json:"value"`
	Base64  []byte         `json:"value_base64"`
}

func (v *vector) message() wire.Message {
	m := wire.Message{Value: append([]byte(v.Value), v.Base64...)}
	for _, h := range v.Headers {
		m.Headers = append(m.Headers, wire.Header{Name: h[0], Value: []byte(h[1])})
	}
	return m
}

func readVectors(t *testing.T) (*vectorFile, *wire.Verifier) {
	var file vectorFile
	readStrict(t, contracts+"vectors/bundle.json", &file)
	r := registry{map[string]fraud.SigningKey{}, map[string]*fraud.Partner{}}
	for _, p := range file.Partners {
		r.partners[p.ID] = &fraud.Partner{Number: p.Number, ID: p.ID, Kind: p.Kind, State: p.State}
	}
	for _, k := range file.Keys {
		seed, err := hex.DecodeString(k.Seed)
		if err != nil {
			t.Fatal(err)
		}
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		if hex.EncodeToString(public) != k.Public {
			t.Errorf("key %s: its public half is not that of its seed", k.ID)
		}
		key := fraud.SigningKey{ID: k.ID, Public: public, Gateway: k.Gateway, NotBefore: k.NotBefore, NotAfter: k.NotAfter}
		if !k.Gateway {
			key.Partner = r.partners[k.Partner].Number
		}
		r.keys[k.ID] = key
	}
	return &file, &wire.Verifier{Audience: file.Audience, Registry: r}
}

func TestSignedVectorsHaveTheSaidOutcome(t *testing.T) {
	file, verifier := readVectors(t)
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			got := openAt(verifier, v.message(), file.Appended)
			want := outcome{Items: got.Items, Opened: got.Opened}
			if v.Expect != "ok" {
				want.Whole = fraud.Fault{Reason: v.Expect, Pointer: v.Pointer}
			}
			diff(t, want, got, withoutHints)
			for i, item := range got.Items {
				wanted := fraud.Reason("ok")
				if v.Events != nil {
					wanted = v.Events[i]
				}
				if reason := orOK(item.Reason); reason != wanted {
					t.Errorf("event %d: %s, want %s", i, reason, wanted)
				}
			}
		})
	}
}

func orOK(r fraud.Reason) fraud.Reason {
	if r == "" {
		return "ok"
	}
	return r
}

func python(t *testing.T, stdin []byte, script string, args ...string) []byte {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is not installed; the reference signer can't be held against the hub without it")
	}
	args = append([]string{"-B", contracts + "vectors/" + script}, args...) // -B: leave no __pycache__ behind
	cmd := exec.CommandContext(t.Context(), interpreter, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &complaint)
	}
	return out
}

func TestVectorFileIsWhatItsGeneratorWrites(t *testing.T) {
	stored, err := os.ReadFile(contracts + "vectors/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, python(t, nil, "bundle_vectors.py")) {
		t.Error("run: cd schemas/vectors && python3 bundle_vectors.py > bundle.json")
	}
}

func TestHubOpensWhatTheReferenceSignerMade(t *testing.T) {
	pem, err := publisher.MarshalKey(testKey)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	public := bytes.TrimSpace(python(t, nil, "sign_bundle.py", "--key", keyFile, "--public"))
	if want := base64.StdEncoding.EncodeToString(testKey.Public().(ed25519.PublicKey)); string(public) != want {
		t.Errorf("public key %s, want %s", public, want)
	}
	appended, events := examples(t, "valid.json")
	var all []json.RawMessage
	for _, e := range events {
		all = append(all, e.Event)
	}
	stdin, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var printed struct {
		Key     string            `json:"key"`
		Headers map[string]string `json:"headers"`
		Value   string            `json:"value"`
	}
	out := python(t, stdin, "sign_bundle.py", "--key", keyFile, "--key-id", "bank-a-1", "--partner", "bank-a")
	if err := json.Unmarshal(out, &printed); err != nil {
		t.Fatal(err)
	}
	m := wire.Message{Key: []byte(printed.Key), Value: []byte(printed.Value)}
	for name, value := range printed.Headers {
		m.Headers = append(m.Headers, wire.Header{Name: name, Value: []byte(value)})
	}
	got := openAt(&hub, m, appended)
	diff(t, outcome{Items: make([]fraud.Fault, len(events)), Opened: got.Opened}, got)
	if printed.Key != printed.Headers[wire.HeaderID] {
		t.Error("the message's key is not the bundle's id")
	}
}
