package devstack_test

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
)

func TestNoPortIsGivenTwice(t *testing.T) {
	const each = 500 // of 12,000: by chance some twenty would be given twice
	_, others := startVictim(t, "ports", "", strconv.Itoa(each))
	taken := strings.Fields(others)
	for range each {
		port, err := devstack.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		text := strconv.Itoa(port)
		if slices.Contains(taken, text) {
			t.Fatalf("port %s is given twice", text)
		}
		taken = append(taken, text)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+taken[len(taken)-1])
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}
