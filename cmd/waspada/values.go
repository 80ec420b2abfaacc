package main

import (
	"bufio"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// maxLine bounds one line of standard input, in bytes: more than any value may have.
const maxLine = 64 << 10

// value is one value of the command line or of standard input.
type value struct {
	// place is its number among all, from 1.
	place int
	raw   indicator.Raw
}

// addType gives a command the flag --type.
func addType(cmd *cobra.Command) *indicator.Type {
	t := new(indicator.Type)
	addWord(cmd, t, "type", "t", "type of the values")
	return t
}

// each calls do for every value of the arguments; "-" stands for the lines of standard input.
func (a *app) each(args []string, do func(value) error) error {
	place := 0
	next := func(text string) error {
		place++
		return do(value{place, indicator.Raw(text)})
	}
	for _, arg := range args {
		if arg != "-" {
			if err := next(arg); err != nil {
				return err
			}
			continue
		}
		lines := bufio.NewScanner(a.in)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			if strings.TrimSpace(lines.Text()) == "" {
				continue
			}
			if err := next(lines.Text()); err != nil {
				return err
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return usage("standard input: line %d is longer than any value may be", place+1)
		case err != nil:
			return err
		}
	}
	return nil
}

// parse reads a value whose type is given, or plain to see.
func (v value) parse(t indicator.Type) (indicator.Indicator, error) {
	if t == 0 {
		types := indicator.Recognise(v.raw)
		switch len(types) {
		case 0:
			return indicator.Indicator{}, v.fault(usage("the value is of no type that can be guessed; give --type"))
		case 1:
			t = types[0]
		default:
			var names []string
			for _, t := range types {
				names = append(names, t.String())
			}
			err := usage("the value may be of type %s; give --type", strings.Join(names, ", "))
			return indicator.Indicator{}, v.fault(err)
		}
	}
	in, err := indicator.Parse(t, v.raw)
	if err != nil {
		return indicator.Indicator{}, v.fault(err)
	}
	return in, nil
}

// fault tells which value an error is about.
func (v value) fault(err error) *fault {
	f := *faultOf(err)
	f.Input = v.place
	return &f
}
