package benchmarks

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/waspada-hub/waspada/internal/store"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// bareLoop is what ingest is held against: it fetches, decodes and inserts, and does nothing else. It believes what it
// reads: no signature, no rights, no taxonomy, no change log, no offsets committed, nothing found twice. Reader, decoder
// and insert are the hub's own. It is a process by itself, as the daemon is.
type bareLoop struct {
	Brokers              []string
	Topic                string
	Ends                 map[int]int64
	ClickHouse, Database string
	// Opinions are stored beside the events: what a hub must have that answers look-ups after a restart.
	Opinions bool
}

const bareEnv = "WASPADA_BENCH_BARE"

// bareMain turns the process into a bare loop if it was started for that: it says "ready", begins when it is told to,
// says "done", and waits until it is let go.
func bareMain() {
	text, ok := os.LookupEnv(bareEnv)
	if !ok {
		return
	}
	in := bufio.NewReader(os.Stdin)
	await := func(word string) {
		fmt.Println(word)
		_, _ = in.ReadString('\n')
	}
	var l bareLoop
	err := json.Unmarshal([]byte(text), &l)
	if err == nil {
		await("ready")
		err = l.run(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	await("done")
	os.Exit(0)
}

// blockOf is how many events the bare loop inserts at once: as many as ingest does.
const blockOf = 50_000

func (l *bareLoop) run(ctx context.Context) error {
	writer, err := store.NewWriter(store.Config{Addrs: []string{l.ClickHouse}, Database: l.Database, User: "default"})
	if err != nil {
		return err
	}
	defer writer.Close()
	all, ctx := errgroup.WithContext(ctx)
	for partition, end := range l.Ends {
		all.Go(func() error {
			reader := topic.Cluster{Brokers: l.Brokers}.Open(l.Topic).NewReader(partition, 0)
			defer reader.Close()
			// Partial leaves out that what is stored is written down.
			block := fraud.Segment{Partition: int32(partition), Partial: true}
			for next := int64(0); next < end; {
				got, err := reader.Fetch(ctx)
				if err != nil {
					return err
				}
				for i := range got.Messages {
					m := &got.Messages[i]
					items, err := wire.ReadEvents(m.Value)
					if err != nil {
						return err
					}
					for j := range items {
						e := fraud.Entry{
							Position: fraud.Position{Partition: int32(partition), Offset: m.Offset, Index: uint16(j)},
							Appended: m.Appended, Partner: 1, Event: items[j].Event,
						}
						if l.Opinions {
							e.Opinions = e.Event.Opinions(1, 0, fraud.Provenance{Accepted: fraud.SecondsOf(m.Appended)})
						}
						block.Entries = append(block.Entries, e)
					}
				}
				if next = got.Next; len(block.Entries) < blockOf && next < end {
					continue
				}
				block.Last = next - 1
				if err := writer.Insert(ctx, block); err != nil {
					return err
				}
				block.Entries = block.Entries[:0]
			}
			return nil
		})
	}
	return all.Wait()
}

// bareProcess is a bare loop that runs.
type bareProcess struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	tell func()
}

// start starts a bare loop, which waits until it is told to begin.
func (l *bareLoop) start(b *testing.B) *bareProcess {
	b.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := &bareProcess{cmd: exec.Command(self)}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), bareEnv+"="+string(text)), os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	p.out, p.tell = bufio.NewReader(out), func() { fmt.Fprintln(in) }
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.await(b, "ready\n")
	return p
}

func (p *bareProcess) await(b *testing.B, word string) {
	b.Helper()
	if got, err := p.out.ReadString('\n'); got != word {
		_ = p.cmd.Process.Kill()
		b.Fatalf("the bare loop says %q (%v), not %q", got, err, word)
	}
}

// end lets a bare loop go that is done.
func (p *bareProcess) end(b *testing.B) {
	b.Helper()
	p.tell()
	if err := p.cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}
