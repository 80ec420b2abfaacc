package devstack_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/testkit"
)

func query(t *testing.T, e *devstack.Engine, statement string) string {
	t.Helper()
	answer, err := e.Query(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return strings.TrimSpace(answer)
}

func TestEngineKeepsItsDataThroughKillAndStop(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	e := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	addr := e.Addr()
	query(t, e, "CREATE DATABASE d ENGINE = Atomic")
	query(t, e, "CREATE TABLE d.t (x UInt64) ENGINE = MergeTree ORDER BY x SETTINGS fsync_after_insert = 1")
	for i, end := range []func(){e.Kill, func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	}} {
		query(t, e, "INSERT INTO d.t SELECT number FROM numbers(1000)")
		done := e.Done()
		end()
		select {
		case <-done:
		default:
			t.Fatal("Done is open although the engine has ended")
		}
		if err := e.Err(); err != nil {
			t.Fatalf("Err reports an end that we wanted: %v", err)
		}
		if err := e.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.Addr() != addr {
			t.Fatalf("the engine came back at %s, want %s", e.Addr(), addr)
		}
		if got, want := query(t, e, "SELECT count() FROM d.t"), fmt.Sprint(1000*(i+1)); got != want {
			t.Fatalf("%s rows after the restart, want %s", got, want)
		}
	}
}

func TestEnginePausesAndResumes(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	e := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	if err := e.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := e.Query(ctx, "SELECT 1"); err == nil {
		t.Fatal("a paused engine answered")
	}
	if err := e.Resume(); err != nil {
		t.Fatal(err)
	}
	query(t, e, "SELECT 1")
	if err := e.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(); err != nil {
		t.Fatalf("a paused engine must stop: %v", err)
	}
}

func TestEngineReportsACrashWithItsLog(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	e := testkit.OwnClickHouse(t, devstack.EngineOptions{})
	log, err := os.OpenFile(e.LogFile(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(log, "last words\n")
	log.Close()
	if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	for _, want := range []string{"signal: killed", "last words"} {
		if err := e.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("Err is %v; want it to contain %q", err, want)
		}
	}
}

// Without a terminal on its standard input the engine dies of each of these.
func TestEngineSurvivesHostileConnections(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	e := testkit.OwnClickHouse(t, devstack.EngineOptions{Users: []devstack.User{{Name: "writer", Password: "right"}}})
	rnd := testkit.Seed(t)
	var wg sync.WaitGroup
	for i := range 60 {
		garbage := make([]byte, 1+rnd.IntN(2000))
		for j := range garbage {
			garbage[j] = byte(rnd.Uint32())
		}
		wg.Go(func() {
			conn, err := net.DialTimeout("tcp", []string{e.Addr(), e.HTTPAddr()}[i%2], time.Second)
			if err != nil {
				return
			}
			if i%3 == 0 {
				conn.(*net.TCPConn).SetLinger(0) // reset instead of a close
			}
			conn.Write(garbage)
			conn.Close()
		})
		wg.Go(func() {
			resp, err := http.Get("http://" + e.HTTPAddr() + "/?user=writer&password=wrong&query=SELECT+1")
			if err == nil {
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	query(t, e, "SELECT 1")
}

func TestEngineUsersHaveTheRightsOfTheirProfile(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	e := testkit.OwnClickHouse(t, devstack.EngineOptions{Users: []devstack.User{
		{Name: "writer", Password: "w"},
		{Name: "analyst", Password: "a", Grants: []string{"GRANT SELECT ON d.*"}, Limits: []devstack.Limit{
			{Setting: "readonly", Value: "2"}, {Setting: "max_execution_time", Value: "60", Min: "1", Max: "60"},
			{Setting: "max_threads", Value: "1", Fixed: true},
		}},
	}})
	query(t, e, "CREATE DATABASE d ENGINE = Atomic")
	query(t, e, "CREATE DATABASE other ENGINE = Atomic")
	query(t, e, "CREATE TABLE d.t (x UInt64) ENGINE = MergeTree ORDER BY x")
	query(t, e, "CREATE TABLE other.t (x UInt64) ENGINE = MergeTree ORDER BY x")
	tests := []struct {
		situation, user, password, statement string
		allowed                              bool
	}{
		{"writer writes", "writer", "w", "INSERT INTO d.t VALUES (1)", true},
		{"writer with a wrong password", "writer", "x", "SELECT 1", false},
		{"analyst reads", "analyst", "a", "SELECT count() FROM d.t", true},
		{"analyst reads with a shorter limit", "analyst", "a", "SELECT 1 SETTINGS max_execution_time = 5", true},
		{"analyst raises a limit", "analyst", "a", "SELECT 1 SETTINGS max_execution_time = 3600", false},
		{"analyst removes a limit", "analyst", "a", "SELECT 1 SETTINGS max_execution_time = 0", false},
		{"analyst changes what is fixed", "analyst", "a", "SELECT 1 SETTINGS max_threads = 2", false},
		{"analyst writes", "analyst", "a", "INSERT INTO d.t VALUES (2)", false},
		{"analyst drops", "analyst", "a", "DROP TABLE d.t", false},
		{"analyst reads elsewhere", "analyst", "a", "SELECT count() FROM other.t", false},
		{"nobody", "nobody", "", "SELECT 1", false},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			values := url.Values{"user": {tt.user}, "password": {tt.password}}
			resp, err := http.Post("http://"+e.HTTPAddr()+"/?"+values.Encode(), "text/plain", strings.NewReader(tt.statement))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if got := resp.StatusCode == http.StatusOK; got != tt.allowed {
				t.Fatalf("allowed: %t, want %t: %s", got, tt.allowed, body)
			}
		})
	}
}

func TestEngineRefusesAPortInUse(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	_, err = devstack.StartEngine(t.Context(), devstack.EngineOptions{Dir: t.TempDir(), NativePort: port})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("error is %v; want it to say that the port is in use", err)
	}
}

func TestEngineEndsWithItsParent(t *testing.T) {
	testkit.SameOnAnyKafka(t)
	for _, paused := range []bool{false, true} {
		t.Run(map[bool]string{false: "serving", true: "paused"}[paused], func(t *testing.T) {
			dir := t.TempDir()
			victim, _ := startVictim(t, "engine", dir, "")
			pid := childOf(t, victim.Process.Pid)
			if paused {
				if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = victim.Wait()
			testkit.Eventually(t, 20*time.Second, func() error {
				// A zombie has ended, too: not every container's first process reaps.
				state, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
				if len(state) > 0 && state[0] != 'Z' {
					return fmt.Errorf("the engine lives on in state %s", state)
				}
				return nil
			})
		})
	}
}

// childOf finds the process that parent started.
func childOf(t *testing.T, parent int) int {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var pid, ppid int
		if _, err := fmt.Sscan(line, &pid, &ppid); err == nil && ppid == parent {
			return pid
		}
	}
	t.Fatalf("process %d has no child", parent)
	return 0
}
