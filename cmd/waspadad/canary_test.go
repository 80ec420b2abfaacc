package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/waspada-hub/waspada/internal/sweeps"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func TestCanariesAreMadeWithoutTheirValues(t *testing.T) {
	dir := t.TempDir()
	ringFile, file := filepath.Join(dir, "keyring.yaml"), filepath.Join(dir, "canaries.yaml")
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, indicator.MinKeyLen))
	if err := os.WriteFile(ringFile, []byte("keys: {1: "+key+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := indicator.LoadKeyRing(ringFile)
	if err != nil {
		t.Fatal(err)
	}
	load := func() (config, error) { return config{KeyRing: ringFile}, nil }
	var all bytes.Buffer
	run := func(stdin string, args ...string) error {
		cmd := newCanaryCommand(load)
		cmd.SetArgs(append([]string{"make"}, args...))
		cmd.SetIn(strings.NewReader(stdin))
		cmd.SetOut(&all)
		cmd.SetErr(&all)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		return cmd.Execute()
	}
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"012-345 6789\n\n+60 13 456 7890\n", []string{"--type", "phone"}},
		{"maybank: 5140 9988 7766\n", []string{"--type", "bank_account"}},
		{"", []string{"--type", "bank_account", "--random", "20"}},
		{"", []string{"--type", "phone", "--random", "20"}},
	} {
		if err := run(c.stdin, c.args...); err != nil {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	if lines := strings.Count(all.String(), "\n"); lines != 43 {
		t.Errorf("%d canaries, want 43:\n%s", lines, all.String())
	}
	for _, trace := range []string{"3456789", "4567890", "99887766", "9988 7766"} {
		if strings.Contains(all.String(), trace) {
			t.Errorf("a value is printed:\n%s", all.String())
		}
	}
	for _, want := range []indicator.Expression{
		{Type: indicator.Phone, Canonical: "+60123456789"},
		{Type: indicator.BankAccount, Canonical: "MY/MBBEMYKL/514099887766"},
		{Type: indicator.BankAccount, Canonical: "MY/*/514099887766"}, // asked about without its bank
	} {
		if !strings.Contains(all.String(), ring.DigestOf(want).String()) {
			t.Errorf("the digest of a %s is not there:\n%s", want.Type, all.String())
		}
	}
	if err := os.WriteFile(file, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sweeps.Check(file, ring); err != nil {
		t.Error(err)
	}

	for situation, err := range map[string]error{
		"nothing":         run("", "--type", "phone"),
		"no such type":    run("", "--type", "car"),
		"random domains":  run("", "--type", "domain", "--random", "1"),
		"no random ones":  run("", "--type", "phone", "--random", "0"),
		"no phone number": run("planted-9988\n", "--type", "phone"),
	} {
		if err == nil || strings.Contains(err.Error(), "9988") {
			t.Errorf("%s: %v", situation, err)
		}
	}
}
