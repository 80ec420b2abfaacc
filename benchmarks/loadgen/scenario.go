package loadgen

import (
	"errors"
	"time"
)

// Scenario says what is asked, and how; its tags are for YAML files.
type Scenario struct {
	// Ask is a kind of question: see [Askers].
	Ask string `yaml:"ask"`
	// Batch is how many indicators a question is about, 1 if absent.
	Batch int `yaml:"batch"`
	// Hits is the share of indicators that are listed, 0 to 1.
	Hits float64 `yaml:"hits"`
	// Skew above 1 asks about some indicators much more often than about others: by Zipf's law with that exponent.
	// Otherwise all are as likely.
	Skew float64 `yaml:"skew"`
	// Connections that ask, 32 if absent.
	Connections int `yaml:"connections"`
	// Rate is how many questions come due each second (open loop); 0 is as many as are answered (closed loop).
	Rate float64 `yaml:"rate"`
	// During is how long questions come due.
	During time.Duration `yaml:"during"`
}

// Check fills in what is absent and refuses what cannot be.
func (s *Scenario) Check() error {
	if s.Batch == 0 {
		s.Batch = 1
	}
	if s.Connections == 0 {
		s.Connections = 32
	}
	if s.During == 0 {
		s.During = time.Second
	}
	switch {
	case s.Ask == "":
		return errors.New("ask: say what is asked")
	case s.Hits < 0 || s.Hits > 1:
		return errors.New("hits: a share from 0 to 1")
	case s.Skew != 0 && s.Skew <= 1:
		return errors.New("skew: an exponent above 1, or 0 for none")
	case s.Batch < 0 || s.Connections < 0 || s.Rate < 0 || s.During < 0:
		return errors.New("batch, connections, rate, during: none is below 0")
	}
	return nil
}
