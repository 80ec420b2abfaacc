package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	goyaml "github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/schemas"
)

// protectedFile is a list of indicators that nobody may list.
type protectedFile struct {
	Version   string `yaml:"version"`
	Protected []struct {
		Type   string   `yaml:"type"`
		Why    string   `yaml:"why"`
		Values []string `yaml:"values"`
	} `yaml:"protected"`
}

// protection keeps what nobody may list: the built-in list and the operator's own, which may change at any time.
type protection struct {
	*fraud.Protected
	// changed is called after another list has come into force.
	changed func()

	path    string // of the operator's own; empty for none
	ring    *indicator.KeyRing
	seen    []byte // what was read of it last
	fault   error  // why that was refused; nil if it was not
	refused atomic.Bool
}

// loadProtection reads both lists; path may be empty.
func loadProtection(path string, ring *indicator.KeyRing) (*protection, error) {
	p := &protection{Protected: fraud.Protect(), changed: func() {}, path: path, ring: ring}
	own, err := p.read()
	if err != nil {
		return nil, err
	}
	return p, p.take(own)
}

func (p *protection) read() ([]byte, error) {
	if p.path == "" {
		return nil, nil
	}
	own, err := os.ReadFile(p.path)
	if err != nil {
		return nil, fmt.Errorf("protected list: %w", err)
	}
	return own, nil
}

// take puts the built-in list and the operator's own in force, if both are good.
func (p *protection) take(own []byte) error {
	p.seen = own
	digests, err := p.digests(own)
	if p.fault = err; err == nil {
		p.Replace(digests)
	}
	return err
}

func (p *protection) digests(own []byte) (map[indicator.Digest]bool, error) {
	builtIn, err := fs.ReadFile(schemas.FS, "protected/malaysia.yaml")
	if err != nil {
		return nil, fmt.Errorf("protected list: %w", err)
	}
	digests := map[indicator.Digest]bool{}
	if err := addProtected(digests, "built in", builtIn, p.ring); err != nil {
		return nil, err
	}
	return digests, addProtected(digests, p.path, own, p.ring)
}

// follow reads the operator's list again whenever its content has changed, until ctx ends. One that is refused changes
// nothing. It looks twice in the given time and takes only what it has seen twice: half a file is a good one too, and
// for a moment anybody could list what stands in the other half.
func (p *protection) follow(ctx context.Context, every time.Duration, log *slog.Logger) error {
	if p.path == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	before := p.seen
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		own, err := p.read()
		switch {
		case err != nil:
		case bytes.Equal(own, p.seen):
			err = p.fault
		case bytes.Equal(own, before):
			if err = p.take(own); err == nil {
				p.changed()
				log.Info("protected list loaded", "digests", p.Len())
			}
		}
		before = own
		if refused := err != nil; p.refused.Swap(refused) != refused && refused {
			log.Error("protected list refused, the one before it stays in force", "error", err)
		}
	}
}

// register shows how many digests are protected, and whether the file is refused.
func (p *protection) register(reg prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "waspada_protected_" + name, Help: help}, value)
	}
	reg.MustRegister(
		gauge("digests", "Digests that nobody may list.", func() float64 { return float64(p.Len()) }),
		gauge("refused", "1 while the file of protected indicators is refused and an earlier one in force.", func() float64 {
			if p.refused.Load() {
				return 1
			}
			return 0
		}))
}

// addProtected digests a list. For a domain its URL root is protected too, as a report of the domain would list both.
func addProtected(digests map[indicator.Digest]bool, name string, data []byte, ring *indicator.KeyRing) error {
	var file protectedFile
	// Without the source: somebody's number may stand in it.
	if err := goyaml.UnmarshalWithOptions(data, &file, goyaml.Strict()); err != nil {
		return fmt.Errorf("protected list %s: %s", name, goyaml.FormatError(err, false, false))
	}
	for i, group := range file.Protected {
		kind, err := indicator.ParseType(group.Type)
		if err != nil {
			return fmt.Errorf("protected list %s: entry %d: %w", name, i+1, err)
		}
		for j, value := range group.Values {
			parsed, err := indicator.Parse(kind, indicator.Raw(value))
			if err != nil {
				return fmt.Errorf("protected list %s: entry %d, value %d: %w", name, i+1, j+1, err)
			}
			for _, e := range parsed.Report {
				digests[ring.DigestOf(e)] = true
			}
			if len(parsed.Report) == 0 {
				addShared(digests, kind, value, parsed, ring)
			}
		}
	}
	return nil
}

// addShared protects a host on which everybody can have a page. Honest programs do not report it, but somebody who holds
// the key ring can make its digests: that of the domain, and that of its first page.
func addShared(
	digests map[indicator.Digest]bool, kind indicator.Type, value string, parsed indicator.Indicator,
	ring *indicator.KeyRing,
) {
	digests[ring.DigestOf(parsed.Lookup[0])] = true
	if kind != indicator.Domain {
		return
	}
	if page, err := indicator.Parse(indicator.URL, indicator.Raw("https://"+value+"/")); err == nil {
		digests[ring.DigestOf(page.Lookup[0])] = true
	}
}
