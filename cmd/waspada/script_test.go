package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// testKey has the form of an API key and is none.
const testKey = "wsp_live_test_0000000000000000000000000000000000000000000_00000000"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"waspada": func() { os.Exit(run()) }})
}

// TestScripts drives the real program against a hub of its own for each script of testdata/script. The variable RING
// is the key ring of the published vectors. A script changes the hub by the command hub.
func TestScripts(t *testing.T) {
	ring, err := filepath.Abs("../../schemas/vectors/keyring.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(ring)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			h := newHub()
			server := h.start()
			env.Defer(server.Close)
			env.Values["hub"] = h
			env.Setenv("WASPADA_SERVER", server.URL)
			env.Setenv("WASPADA_API_KEY", testKey)
			env.Setenv("RING", filepath.Join(env.WorkDir, "keyring.json"))
			env.Setenv("NO_PROXY", "*")
			return os.WriteFile(filepath.Join(env.WorkDir, "keyring.json"), data, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hub":   setHub,
			"touch": touch,
			"exits": exits,
		},
	})
}

// setHub changes the hub: "hub strict" refuses values, "hub epoch 3", "hub delay 5". "hub lists 7" and "hub events 7"
// assert a count; "hub asked 2" waits until 2 different indicators have been asked about twice more.
func setHub(ts *testscript.TestScript, _ bool, args []string) {
	h := ts.Value("hub").(*hub)
	if args[0] == "asked" {
		h.waitAsked(ts, args[1])
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	if len(args) > 1 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	switch args[0] {
	case "strict":
		h.strict = true
	case "epoch":
		h.epoch = n
	case "delay":
		h.delay = n
	case "lists":
		if len(h.listed) != n {
			ts.Fatalf("the hub lists %d indicators, want %d", len(h.listed), n)
		}
	case "events":
		if len(h.events) != n {
			ts.Fatalf("the hub has %d events, want %d", len(h.events), n)
		}
	default:
		ts.Fatalf("unknown: hub %s", args[0])
	}
}

func (h *hub) waitAsked(ts *testscript.TestScript, indicators string) {
	h.mu.Lock()
	before := maps.Clone(h.asked)
	h.mu.Unlock()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		n := 0
		h.mu.Lock()
		for key, times := range h.asked {
			if times >= before[key]+2 {
				n++
			}
		}
		h.mu.Unlock()
		if strconv.Itoa(n) == indicators {
			return
		}
	}
	ts.Fatalf("the hub was not asked about %s indicators", indicators)
}

// touch makes a file look as if it had been changed so long ago: "touch 200h file.csv".
func touch(ts *testscript.TestScript, _ bool, args []string) {
	age, err := time.ParseDuration(args[0])
	ts.Check(err)
	at := time.Now().Add(-age)
	ts.Check(os.Chtimes(ts.MkAbs(args[1]), at, at))
}

// exits runs a program and asserts its exit code: "exits 10 waspada check …".
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, got := args[0], "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var status interface{ ExitCode() int }
		status, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = fmt.Sprint(status.ExitCode())
	}
	if got != want {
		ts.Fatalf("exit code %s, want %s", got, want)
	}
}
