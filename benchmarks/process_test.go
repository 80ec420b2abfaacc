package benchmarks

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cpuOf is the processor time that processes have used until now, of all their threads; 0 where the system does not tell
// as Linux does.
func cpuOf(pids ...int) (used time.Duration) {
	const tick = 10 * time.Millisecond
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// The name, in brackets, may hold spaces.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, i := range []int{11, 12} { // user and system
			n, _ := strconv.Atoi(fields[i])
			used += time.Duration(n) * tick
		}
	}
	return used
}

// residentOf is how much memory a process has, in bytes; 0 where the system does not tell.
func residentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}
