package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/pflag"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The exit codes that every command shares.
const (
	exitFailed = 1 // the hub could not be reached, refused, or a check failed
	exitUsage  = 2 // a value breaks a rule of its type, or a flag is wrong: nothing was sent
)

// fault is an error with the exit code that it ends the program with. Its text never holds a value.
type fault struct {
	exit int
	// Code is stable, for scripts.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Input is the place of the value at fault among several, from 1.
	Input     int    `json:"input,omitzero"`
	RequestID string `json:"request_id,omitempty"`
}

func (f *fault) Error() string {
	text := f.Detail
	if f.Input > 0 {
		text = fmt.Sprintf("value %d: %s", f.Input, text)
	}
	if f.exit == exitUsage && f.Code != "usage" {
		text += " (" + f.Code + ")" // the rule that was broken
	}
	return text
}

// usage is a fault of the command line itself.
func usage(format string, args ...any) *fault {
	return &fault{exit: exitUsage, Code: "usage", Detail: fmt.Sprintf(format, args...)}
}

// exitStatus ends the program with a code and no message: all has been said.
type exitStatus int

func (exitStatus) Error() string { return "" }

// faultOf is the one place where an error becomes what is shown.
func faultOf(err error) *fault {
	var (
		told    *fault
		broken  *indicator.Error
		item    *client.ItemError
		problem *client.Problem
		network *url.Error
	)
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &broken):
		return &fault{exit: exitUsage, Code: broken.Rule, Detail: broken.Hint}
	case errors.As(err, &item):
		return &fault{exit: exitFailed, Code: item.Code, Detail: item.Detail}
	case errors.As(err, &problem):
		return &fault{exit: exitFailed, Code: problem.Code, Detail: err.Error(), RequestID: problem.RequestID}
	case errors.Is(err, context.Canceled):
		return &fault{exit: exitFailed, Code: "interrupted", Detail: "interrupted"}
	case errors.As(err, &network):
		return &fault{exit: exitFailed, Code: "unreachable",
			Detail: "the hub cannot be reached: " + network.Err.Error() + "; waspada doctor finds out why"}
	}
	return &fault{exit: exitFailed, Code: "failed", Detail: err.Error()}
}

// flagFault words a fault of the flags without what was typed: that may be a value in the wrong place.
func flagFault(err error) error {
	var (
		invalid *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
		unknown *pflag.NotExistError
	)
	switch {
	case errors.As(err, &invalid):
		reason := invalid.Unwrap()
		if plain := new(plainError); errors.As(reason, &plain) {
			return usage("--%s: %v", invalid.GetFlag().Name, plain)
		}
		return usage("--%s: it is no valid %s", invalid.GetFlag().Name, invalid.GetFlag().Value.Type())
	case errors.As(err, &missing):
		return usage("a flag lacks its value; see --help")
	case errors.As(err, &unknown):
		return usage("there is no such flag; see --help. Write -- before a value that begins with a hyphen")
	}
	return usage("the flags are not well-formed; see --help")
}

// plainError is the reason of a flag's own parser, known to hold nothing that was typed.
type plainError struct{ error }
