package devstack_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/waspada-hub/waspada/internal/devstack"
)

// A victim is a process that holds a broker, an engine, ports or a cluster and that a test kills: this test binary, started
// again.
const (
	victimEnv     = "WASPADA_TEST_VICTIM" // "broker", "engine", "ports" or "apache"
	victimDirEnv  = "WASPADA_TEST_VICTIM_DIR"
	victimAddrEnv = "WASPADA_TEST_VICTIM_ADDR"
)

func maybeRunVictim() {
	kind := os.Getenv(victimEnv)
	if kind == "" {
		return
	}
	if os.Getenv("WASPADA_DEVSTACK_ENGINE") != "" {
		return // the engine that a victim started
	}
	signal.Ignore(syscall.SIGHUP) // as under nohup: its children must end without the signal, too
	ctx := context.Background()
	dir, addr := os.Getenv(victimDirEnv), os.Getenv(victimAddrEnv)
	switch kind {
	case "broker":
		b, err := devstack.StartBroker(ctx, devstack.BrokerOptions{
			Addr: addr, DataDir: dir, Topics: map[string]int{"victim": 1},
		})
		if err != nil {
			fmt.Println("ERROR", err)
			os.Exit(1)
		}
		fmt.Println("READY", b.Addr())
	case "engine":
		e, err := devstack.StartEngine(ctx, devstack.EngineOptions{Dir: dir})
		if err != nil {
			fmt.Println("ERROR", err)
			os.Exit(1)
		}
		fmt.Println("READY", e.Addr())
	case "ports": // takes as many as the address says, and prints them
		n, _ := strconv.Atoi(addr)
		var taken []string
		for range n {
			port, err := devstack.FreePort()
			if err != nil {
				fmt.Println("ERROR", err)
				os.Exit(1)
			}
			taken = append(taken, strconv.Itoa(port))
		}
		fmt.Println("READY", strings.Join(taken, " "))
	case "apache": // prints the brokers' processes
		c, err := devstack.StartApacheCluster(ctx, devstack.ApacheOptions{Dir: dir, Brokers: 3})
		if err != nil {
			fmt.Println("ERROR", err)
			os.Exit(1)
		}
		fmt.Println("READY", devstack.ApachePID(c.Broker(0)), devstack.ApachePID(c.Broker(1)), devstack.ApachePID(c.Broker(2)))
	}
	select {}
}

// startVictim starts a victim and returns its process and the address that it printed.
func startVictim(t *testing.T, kind, dir, addr string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimEnv+"="+kind, victimDirEnv+"="+dir, victimAddrEnv+"="+addr)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the victim said nothing: %v", err)
	}
	ready, ok := strings.CutPrefix(strings.TrimSpace(line), "READY ")
	if !ok {
		t.Fatalf("the victim failed: %s", line)
	}
	return cmd, ready
}
