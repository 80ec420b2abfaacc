package main

import (
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"
)

// terminal is what the program reads from and writes to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	// colour and live tell whether out may be coloured and err may hold a progress bar.
	colour, live bool
}

func newTerminal(in, out, err *os.File) *terminal {
	return &terminal{
		in: in, out: out, err: err,
		colour: term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		live:   term.IsTerminal(int(err.Fd())) && os.Getenv("TERM") != "dumb",
	}
}

// say writes one line for people.
func (t *terminal) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// note writes one line beside the output.
func (t *terminal) note(format string, args ...any) {
	fmt.Fprintf(t.err, "waspada: "+format+"\n", args...)
}

// tell writes one JSON value on a line of its own.
func (t *terminal) tell(value any) error { return writeJSON(t.out, value) }

func writeJSON(w io.Writer, value any) error {
	line, err := json.Marshal(value, jsontext.EscapeForHTML(false))
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// The colours: SGR parameters (ECMA-48).
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint colours text on a terminal.
func (t *terminal) paint(sgr, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}
