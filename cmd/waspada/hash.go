package main

import (
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// hashed is the answer of hash. It holds the canonical form, which is as sensitive as the value: it is what the caller
// asked for, and it goes nowhere else.
type hashed struct {
	Type        indicator.Type   `json:"type"`
	Canonical   string           `json:"canonical"`
	Epoch       uint16           `json:"epoch,omitzero"`
	Digest      indicator.Digest `json:"digest,omitzero"`
	Expressions []hashedForm     `json:"expressions"`
}

type hashedForm struct {
	Grade     indicator.Grade  `json:"grade"`
	Canonical string           `json:"canonical"`
	Digest    indicator.Digest `json:"digest,omitzero"`
}

func hash(in indicator.Indicator, ring *indicator.KeyRing) hashed {
	h := hashed{Type: in.Type, Canonical: in.Canonical}
	for _, form := range in.Lookup {
		one := hashedForm{Grade: form.Grade, Canonical: form.Canonical}
		if ring != nil {
			one.Digest = ring.Digest(form.Type, form.Canonical)
		}
		h.Expressions = append(h.Expressions, one)
	}
	if ring != nil {
		h.Epoch, h.Digest = ring.Epoch(), ring.Digest(in.Type, in.Canonical)
	}
	return h
}

func newHash(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hash [--type TYPE] VALUE…",
		Short: "Show the canonical form of a value, and its digests",
		Long: text(`
hash shows how the hub would see a value: its canonical form and every expression that a look-up
tests, each with its grade (exact; prefix: broader on purpose; weak: may be somebody else's). With a
key ring it also shows the digests. It speaks to nobody. The canonical form is as sensitive as the
value.

With -o json each value gives one line:
  {"type","canonical","epoch","digest","expressions":[{"grade","canonical","digest"}]}
and epoch and digests are left out without a key ring.`),
		Example: `  waspada hash --type phone "012-345 6789"
  waspada hash --type bank_account "Maybank: 1234 5678 9012" --keyring keyring.yaml -o json
  waspada hash --type url - < links.txt`,
		Args: atLeastOne,
	}
	t := addType(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		ring, err := a.keyRing()
		if err != nil {
			return err
		}
		bad := false
		err = a.each(args, func(v value) error {
			in, err := v.parse(*t)
			if err != nil {
				bad = true
				a.complain(placed(v.fault(err), args))
				return nil
			}
			for _, warning := range in.Warnings {
				a.note("%s", warning)
			}
			if a.json() {
				return a.tell(hash(in, ring))
			}
			a.showHash(hash(in, ring))
			return nil
		})
		if err == nil && bad {
			return exitStatus(exitUsage)
		}
		return err
	}
	return cmd
}

func (a *app) showHash(h hashed) {
	a.say("%s %s", a.paint(dim, h.Type.String()), a.paint(bold, h.Canonical))
	for _, form := range h.Expressions {
		if h.Epoch == 0 {
			a.say("  %-6s  %s", form.Grade, form.Canonical)
			continue
		}
		a.say("  %-6s  %s  %s", form.Grade, form.Digest, form.Canonical)
	}
	if h.Epoch > 0 {
		a.say("  key epoch %d", h.Epoch)
	}
}

// placed leaves the place out where there is only one value.
func placed(f *fault, args []string) *fault {
	if len(args) == 1 && args[0] != "-" {
		f.Input = 0
	}
	return f
}

func atLeastOne(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage("no value was given; give one, or - to read values from standard input")
	}
	return nil
}
