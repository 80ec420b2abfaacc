package devstack

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// engineEnv, when set, turns this process into an engine. Its value is the library's path.
const engineEnv = "WASPADA_DEVSTACK_ENGINE"

// MaybeRunEngine turns this process into the ClickHouse engine, and never returns, if StartEngine started it for that.
// Otherwise it does nothing. Call it first in main and in TestMain, before flags are read.
func MaybeRunEngine() {
	library, ok := os.LookupEnv(engineEnv)
	if !ok {
		return
	}
	if err := runEngine(library, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// engineResult is struct local_result_v2 of chdb.h.
type engineResult struct {
	_            [6]uint64 // buffer, its length, vector, seconds, rows and bytes read
	errorMessage *byte
}

// runEngine runs `clickhouse local` with args and returns when it ends.
func runEngine(library string, args []string) error {
	// The engine keeps per-thread state and its arguments for as long as it runs.
	runtime.LockOSThread()
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", library, err)
	}
	var query func(argc int32, argv **byte) *engineResult
	purego.RegisterLibFunc(&query, handle, "query_stable_v2")

	var pinner runtime.Pinner
	defer pinner.Unpin()
	args = append([]string{"clickhouse"}, args...)
	argv := make([]*byte, len(args)+1) // ends with a null pointer, as C's main expects
	for i, arg := range args {
		argv[i] = &append([]byte(arg), 0)[0]
		pinner.Pin(argv[i])
	}
	pinner.Pin(&argv[0])

	if result := query(int32(len(args)), &argv[0]); result != nil && result.errorMessage != nil {
		return fmt.Errorf("%s", cString(result.errorMessage))
	}
	return nil
}

func cString(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
