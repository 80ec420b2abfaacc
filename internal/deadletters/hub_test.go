package deadletters_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/publisher"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// office is a whole hub, and the desk of its operator with a configuration of its own.
type office struct {
	*hubtest.Hub
	t      testing.TB
	config string
}

func openOffice(t testing.TB, opts hubtest.Options) *office {
	t.Helper()
	engine := opts.Engine
	if engine == nil {
		engine = testkit.ClickHouse(t)
	}
	o := &office{Hub: hubtest.Start(t, opts), t: t, config: filepath.Join(t.TempDir(), "operator.yaml")}
	o.configure(nation.Surroundings{
		Brokers: o.Kafka.Brokers, ClickHouse: engine.Addr(), Database: o.Database, Cluster: engine.Cluster(),
		Topics: &o.Topics, Settings: opts.Settings,
	})
	return o
}

func (o *office) configure(around nation.Surroundings) {
	o.t.Helper()
	around.Node, around.HTTPAddr, around.AdminAddr = "operator", "127.0.0.1:1", "127.0.0.1:2"
	if err := o.Keys.WriteDaemonConfig(o.config, around); err != nil {
		o.t.Fatal(err)
	}
}

// run runs `waspadad deadletters` and checks its exit code.
func (o *office) run(code int, args ...string) (stdout string) {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), hubtest.Binary(o.t, "waspadad"),
		append([]string{"deadletters", "--config", o.config}, args...)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "WASPADA_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		o.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		o.t.Fatalf("deadletters %s ended with %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, &out, &errs)
	}
	if code == 2 {
		return errs.String()
	}
	return out.String()
}

// listed is what list prints as JSON.
type listed struct {
	Position   string
	Reason     fraud.Reason
	Partner    string
	ReplayedTo string `json:"replayed_to"`
	ReplayedBy string `json:"replayed_by"`
}

func (o *office) list(args ...string) (all []listed) {
	o.t.Helper()
	text := o.run(0, append([]string{"list", "-o", "json", "--limit", "0"}, args...)...)
	for line := range strings.Lines(text) {
		var l listed
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			o.t.Fatalf("%v: %s", err, line)
		}
		all = append(all, l)
	}
	return all
}

// refused waits until so many dead letters are outstanding.
func (o *office) refused(n int) (all []listed) {
	o.t.Helper()
	testkit.Eventually(o.t, patience, func() error {
		if all = o.list(); len(all) != n {
			return fmt.Errorf("outstanding: %+v", all)
		}
		return nil
	})
	return all
}

func (o *office) becomes(c nation.Case, want fraud.Status) {
	o.t.Helper()
	testkit.Eventually(o.t, patience, func() error {
		got, err := o.Client(o.t, "platform").Lookup(o.t.Context(), []client.Item{{Type: c.Type, Value: c.Raw}})
		if err != nil || got[0].Verdict != want {
			return fmt.Errorf("%+v, %v", got, err)
		}
		return nil
	})
}

// stored waits until the ledger holds so many rows, and then checks how many events count, and the audit.
func (o *office) stored(rows string, events int) {
	o.t.Helper()
	testkit.Eventually(o.t, patience, func() error {
		if got := o.Query(o.t, "SELECT count() FROM events FINAL"); got != rows {
			return fmt.Errorf("%s rows are stored, want %s", got, rows)
		}
		return nil
	})
	if got := o.Counted(o.t); got != events {
		o.t.Errorf("trends count %d events, want %d", got, events)
	}
	if err := o.Audit(o.t, nil); err != nil {
		o.t.Error(err)
	}
}

var cases = []nation.Case{
	{Type: indicator.Phone, Raw: "012-345 6789"},
	{Type: indicator.BankAccount, Raw: "Maybank: 1122 3344 5566"},
	{Type: indicator.URL, Raw: "https://bonus-kl.example/claim"},
}

func (o *office) reports() (all []fraud.Event) {
	o.t.Helper()
	for _, c := range cases {
		ref, err := c.Ref(o.Ring)
		if err != nil {
			o.t.Fatal(err)
		}
		all = append(all, fraud.Event{
			ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, IssuedAt: time.Now().UTC(), Indicator: ref,
			Category: "loan", Confidence: 80, Evidence: fraud.BankSuspected,
		})
	}
	return all
}

// wants checks that a text has every part.
func (o *office) wants(text string, parts ...string) {
	o.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			o.t.Errorf("want %q in\n%s", part, text)
		}
	}
}

func TestOperatorsReplayWhatAKeyThatWasNotRegisteredHasSigned(t *testing.T) {
	o := openOffice(t, hubtest.Options{})
	key, err := publisher.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	pub := publisher.New(publisher.Config{Brokers: o.Kafka.Brokers, Topic: o.Topics.Reports},
		&wire.Signer{KeyID: "bank-harimau-2", Key: key}, "bank-harimau")
	defer pub.Close()
	if err := pub.Publish(t.Context(), o.reports()); err != nil {
		t.Fatal(err)
	}
	letter := o.refused(1)[0]
	if letter.Reason != fraud.ReasonUnknownKey || letter.Partner != "" {
		t.Fatalf("%+v", letter)
	}
	o.wants(o.run(0, "show", letter.Position), "refused: unknown_key", "of no proven partner",
		"bank-harimau-2, which the partner file does not have", "it is from bank-harimau",
		"all of it would be refused: unknown_key", "replayed  never")
	o.wants(o.run(1, "replay", letter.Position), "not sent, would_be_refused: unknown_key")
	o.wants(o.run(0, "list", "--by", "reason"), "unknown_key", "DEAD LETTERS")

	o.register("bank-harimau", "bank-harimau-2", key.Public().(ed25519.PublicKey))
	o.wants(o.run(0, "replay", "--reason", "unknown_key", "--dry-run"),
		"would be sent: 3 events would be accepted, 0 refused")
	o.wants(o.run(0, "show", letter.Position), "bank-harimau-2, of bank-harimau", "3 events would be accepted")
	o.wants(o.run(0, "replay", "--reason", "unknown_key", "--since", "1h", "--by", "aminah"), "sent again to ")
	for _, c := range cases {
		o.becomes(c, fraud.Suspected)
	}
	o.stored("3", 3)
	if left := o.list(); left != nil {
		t.Errorf("still outstanding: %+v", left)
	}
	all := o.list("--all")
	if len(all) != 1 || all[0].ReplayedBy != "aminah" || all[0].ReplayedTo == "" || all[0].Position != letter.Position {
		t.Errorf("all: %+v", all)
	}
	shown := o.run(0, "show", letter.Position)
	o.wants(shown, "replayed  to "+all[0].ReplayedTo+" by aminah", "3 events accepted, 0 dead letters")
	o.wants(o.run(1, "show", all[0].ReplayedTo)) // no dead letter is there

	o.wants(o.run(1, "replay", letter.Position), "not sent, sent_before", "aminah")
	o.wants(o.run(0, "replay", "--partner", "none"), "no such outstanding dead letter")
	o.wants(o.run(0, "replay", letter.Position, "--again"), "sent again to ")
	o.stored("6", 3)
	if got := o.Query(t, "SELECT count() FROM replays FINAL"); got != "2" {
		t.Errorf("%s replays are recorded, want 2", got)
	}
}

// register adds a signing key to a partner and waits until the daemon knows it.
func (o *office) register(partner, id string, public ed25519.PublicKey) {
	o.t.Helper()
	file := o.Keys.File("partners.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		o.t.Fatal(err)
	}
	known, _ := o.Keys.SigningKey(partner)
	line := "  - id: " + known + "\n"
	indent := string(text[:strings.Index(string(text), line)])
	indent = indent[strings.LastIndex(indent, "\n")+1:]
	added := fmt.Sprintf("  - id: %s\n%s    public: %s\n%s", id, indent, base64.StdEncoding.EncodeToString(public), indent)
	edited := strings.Replace(string(text), line, added+line, 1)
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		o.t.Fatal(err)
	}
	testkit.Eventually(o.t, patience, func() error {
		log, err := os.ReadFile(o.LogFile)
		if err != nil || !strings.Contains(string(log), "partner file loaded") {
			return fmt.Errorf("the daemon has not read %s again: %v", file, err)
		}
		return nil
	})
}

func TestOperatorsReplayABundleOfWhichOneEventWasProtected(t *testing.T) {
	protected := filepath.Join(t.TempDir(), "protected.yaml")
	protect := func(text string) {
		t.Helper()
		if err := os.WriteFile(protected, []byte("version: '1'\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	protect("protected:\n- type: phone\n  why: a mistake\n  values: ['012-345 6789']\n")
	o := openOffice(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{Settings: map[string]any{"protected": protected}}})
	o.Publish(t, "bank-harimau", o.reports()...)
	letter := o.refused(1)[0]
	if letter.Reason != fraud.ReasonProtected || letter.Partner != "bank-harimau" ||
		!strings.HasSuffix(letter.Position, ":0:0") {
		t.Fatalf("%+v", letter)
	}
	o.becomes(cases[1], fraud.Suspected)
	o.stored("2", 2)

	// It is still bad: the good ones count once, and the bad one is a dead letter at its new place.
	o.wants(o.run(1, "replay", "--partner", "bank-harimau"), "not sent, would_be_refused: protected")
	o.wants(o.run(1, "replay", letter.Position, "--anyway"), "2 events would be accepted, 1 refused")
	o.stored("4", 2)
	letter = o.refused(1)[0]
	if !strings.HasSuffix(letter.Position, ":1:0") {
		t.Fatalf("%+v", letter)
	}
	o.wants(o.run(0, "show", letter.Position), "refused: protected at /indicator", "would be refused again", "copy ")

	protect("protected: []\n")
	o.Stop(t)
	o.Restart(t)
	o.wants(o.run(0, "replay", letter.Position), "3 events would be accepted, 0 refused")
	o.stored("7", 3)
	o.becomes(cases[0], fraud.Suspected)
	if left := o.list(); left != nil {
		t.Errorf("still outstanding: %+v", left)
	}
	o.wants(o.run(0, "show", letter.Position), "accepted  at another place")
}

func TestOperatorsAreNeverShownAValue(t *testing.T) {
	o := openOffice(t, hubtest.Options{})
	const secret = "1122334455"
	reports := o.Kafka.Open(o.Topics.Reports)
	poison := topic.Outgoing{Key: []byte(secret), Value: []byte(secret), Headers: []topic.Header{
		{Name: wire.HeaderKey, Value: []byte(secret)}, {Name: secret, Value: []byte(secret)}, {Name: "\x1b[2J", Value: nil},
	}}
	signer := o.Signer(t, "bank-harimau")
	signed := signer.SealValue(uuid.Must(uuid.NewV7()), "bank-harimau", time.Now(),
		[]byte(`{"events":[{"account":"`+secret+`"}]}`))
	inside := topic.Outgoing{Value: signed.Value}
	for _, h := range signed.Headers {
		inside.Headers = append(inside.Headers, topic.Header{Name: h.Name, Value: h.Value})
	}
	putAll(t, reports, 0, poison, inside)
	o.refused(2)
	var everything strings.Builder
	for _, args := range [][]string{
		{"list"}, {"list", "-o", "csv"}, {"list", "-o", "json"}, {"list", "--by", "partner"},
		{"show", "0:0"}, {"show", "0:0", "-o", "json"}, {"show", "0:1"}, {"show", "0:1:0", "-o", "json"},
	} {
		everything.WriteString(o.run(0, args...))
	}
	for _, args := range [][]string{
		{"replay", "0:0", "0:1"}, {"replay", "0:0", "--dry-run"}, {"replay", "--since", "1h", "-o", "json"},
	} {
		everything.WriteString(o.run(1, args...))
	}
	text := everything.String()
	o.wants(text, "2 others", "bad_headers", "schema", "would_be_refused", "no well-formed id")
	if strings.Contains(text, secret) || strings.Contains(text, "\x1b") {
		t.Errorf("a value, or a control character, was shown:\n%s", text)
	}
	rows, err := csv.NewReader(strings.NewReader(o.run(0, "list", "-o", "csv", "--reason", "schema,malformed"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != "0:1:0" {
		t.Errorf("csv: %q, %v", rows, err)
	}
}

func TestOperatorsAreAskedTwiceBeforeManyMessages(t *testing.T) {
	o := openOffice(t, hubtest.Options{})
	reports := o.Kafka.Open(o.Topics.Reports)
	poison := make([]topic.Outgoing, 101)
	for i := range poison {
		poison[i].Value = fmt.Append(nil, i)
	}
	putAll(t, reports, 2, poison...)
	o.refused(101)
	o.wants(o.run(0, "list"), "The newest 50 of 101")
	o.wants(o.run(2, "replay", "--partition", "2"), "101 messages", "--yes")
	o.run(1, "replay", "--partition", "2", "--limit", "100")
	o.wants(o.run(1, "replay", "--partition", "2", "--yes"), "101 messages not sent, would_be_refused: bad_headers")
	type sum struct {
		Sum struct {
			Messages   int
			Results    map[deadlettersResult]int
			Healed     int
			Unrecorded int
		}
	}
	lines := strings.Split(strings.TrimSpace(
		o.run(1, "replay", "--partition", "2", "--yes", "--anyway", "--rate", "10000", "-o", "json")), "\n")
	var got sum
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil || len(lines) != 102 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	var want sum
	want.Sum.Messages, want.Sum.Results = 101, map[deadlettersResult]int{"sent": 101}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sum (-want +got):\n%s", diff)
	}
	for _, l := range o.refused(101) {
		if _, offset, _ := strings.Cut(l.Position, ":"); len(offset) != 3 {
			t.Fatalf("%+v is not a copy", l)
		}
	}
}

type deadlettersResult string

func TestOperatorsHearWhatCannotBeDone(t *testing.T) {
	broker := testkit.OwnKafka(t, devstack.BrokerOptions{})
	o := openOffice(t, hubtest.Options{Kafka: topic.Cluster{Brokers: []string{broker.Addr()}}})
	reports := o.Kafka.Open(o.Topics.Reports)
	putAll(t, reports, 1, topic.Outgoing{Value: []byte("a")}, topic.Outgoing{Value: []byte("b")})
	o.refused(2)
	for want, args := range map[string][]string{
		"position is written PARTITION:OFFSET": {"show", "x"},
		"takes one position":                   {"show"},
		`there is no "nonsense"`:               {"list", "--reason", "nonsense"},
		"never had a partner":                  {"list", "--partner", "nobody"},
		"a time is written":                    {"list", "--since", "yesterday"},
		"--since is not before --until":        {"list", "--since", "1h", "--until", "2h"},
		"--by is reason or partner":            {"list", "--by", "name"},
		"--output is human or json or csv":     {"list", "-o", "xml"},
		"unknown flag":                         {"list", "--nonsense"},
		"not both":                             {"replay", "1:0", "--since", "1h"},
		"say which":                            {"replay"},
		"--rate is at least":                   {"replay", "1:0", "--rate", "0"},
		"--by is a name":                       {"replay", "1:0", "--by", "a\nb"},
		"does not know":                        {"remove"},
		"flags only":                           {"list", "1:0"},
	} {
		o.wants(o.run(2, args...), want)
	}
	deleteBefore(t, broker.Addr(), o.Topics.Reports, 1, 1)
	o.wants(o.run(1, "replay", "1:0", "3:77"), "not sent, gone: it came at", "before offset 1, which came at",
		"not sent, no_dead_letter")
	o.wants(o.run(0, "show", "1:0"), "cannot be had: it came at")
	o.wants(o.run(0, "show", "1:1"), "Kafka holds the message: 1 byte")

	broker.Close()
	o.wants(o.run(0, "show", "1:1"), "Kafka does not answer")
}
