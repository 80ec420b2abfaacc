package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// planted are values that must be found nowhere; each also stands in digits only, as its canonical form would.
var planted = []struct {
	kind   indicator.Type
	raw    string
	traces []string
}{
	{indicator.Phone, "019-877 6655", []string{"019-877 6655", "198776655"}},
	{indicator.BankAccount, "Maybank: 5140 9988 7766", []string{"5140 9988 7766", "514099887766"}},
	{indicator.Email, "planted.person@mail.example", []string{"planted.person"}},
	{indicator.URL, "https://planted-site.example/pay?to=4471", []string{"planted-site"}},
}

// TestBadInputIsRefusedByNameAndTheGoodEventsStand sends a stream in which one message in five is bad in one way or
// another, over Kafka and HTTP, and then looks for every raw value that it saw, in everything that the hub wrote.
func TestBadInputIsRefusedByNameAndTheGoodEventsStand(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{
		Settings: map[string]any{"registry": "clickhouse", "audit.usage_every": "1s", "campaigns.every": "1s", "boards.every": "1s"}, // so that these tables are looked through, too
	}})
	country := nation.New(11, 400)
	signer := hub.Signer(t, "bank-harimau")
	stranger := hub.Signer(t, "bank-kenari")
	stranger.KeyID = signer.KeyID // signs with another's key under this name

	pub := hub.Publisher(t, "bank-harimau")
	good := func(i int) fraud.Event {
		e := report(t, hub, country.Case(i))
		e.Case = fmt.Sprintf("case-%d", i/4)
		return e
	}
	seal := func(by *wire.Signer, value []byte, events ...fraud.Event) wire.Message {
		t.Helper()
		m, err := by.Seal(uuid.Must(uuid.NewV7()), "bank-harimau", time.Now(), events)
		if err != nil {
			t.Fatal(err)
		}
		if value != nil {
			m = by.SealValue(uuid.MustParse(string(m.Key)), "bank-harimau", time.Now(), value)
		}
		return m
	}
	text := func(e fraud.Event) string { return string(seal(signer, nil, e).Value) }
	future, plain, epoch := good(0), good(0), good(0)
	future.IssuedAt = time.Now().Add(time.Hour)
	plain.Indicator.Epoch = 0
	epoch.Indicator.Epoch = 9

	bad := []struct {
		want    fraud.Reason
		message wire.Message
	}{
		{fraud.ReasonSignature, seal(stranger, nil, good(0))},
		{fraud.ReasonMalformed, seal(signer, []byte("\x00\xffnot json "+planted[0].raw), good(0))},
		{fraud.ReasonMalformed, seal(signer, []byte(text(good(0))+" trailing "+planted[1].raw), good(0))},
		{fraud.ReasonMalformed, seal(signer, []byte(strings.Replace(text(good(0)), `"kind"`, `"kind":"report","kind"`, 1)), good(0))},
		{fraud.ReasonSchema, seal(signer, []byte(strings.Replace(text(good(0)), `"kind"`, `"phone":"`+planted[0].raw+`","kind"`, 1)), good(0))},
		{fraud.ReasonSchema, seal(signer, []byte(strings.Replace(text(good(0)), `"kind"`, `"`+planted[2].raw+`":1,"kind"`, 1)), good(0))},
		{fraud.ReasonFuture, seal(signer, nil, future)},
		{fraud.ReasonNotKeyed, seal(signer, nil, plain)},
		{fraud.ReasonEpoch, seal(signer, nil, epoch)},
		{fraud.ReasonTooLarge, func() wire.Message {
			m := seal(signer, nil, good(0))
			m.Value = bytes.Repeat([]byte(" "), wire.MaxBytes+1)
			return m
		}()},
	}
	want := map[string]int{}
	for i := range country.Len() {
		if i%5 == 0 {
			b := bad[i/5%len(bad)]
			want[string(b.want)]++
			if err := pub.Send(t.Context(), b.message); err != nil {
				t.Fatal(err)
			}
		}
		if err := pub.Send(t.Context(), seal(signer, nil, good(i))); err != nil {
			t.Fatal(err)
		}
	}
	sendBadHTTP(t, hub)
	testkit.Eventually(t, 30*time.Second, func() error {
		if n := hub.Query(t, "SELECT uniqExact(event_id) FROM events"); n != "400" {
			return fmt.Errorf("%s of the 400 good events are stored", n)
		}
		return nil
	})
	testkit.Eventually(t, 30*time.Second, func() error {
		if hub.Query(t, "SELECT count() FROM usage") == "0" {
			return errors.New("how much was asked is not written yet")
		}
		return nil
	})
	testkit.Eventually(t, 30*time.Second, func() error {
		if hub.Query(t, "SELECT count() FROM campaigns") == "0" {
			return errors.New("campaigns are not written yet")
		}
		return nil
	})
	for reason, n := range want {
		got := hub.Query(t, "SELECT count() FROM dead_letters FINAL WHERE reason = '"+reason+"'")
		if got != fmt.Sprint(n) {
			t.Errorf("%s dead letters for %s, want %d", got, reason, n)
		}
	}
	if err := hub.Audit(t, nil); err != nil {
		t.Error(err)
	}
	lookForPlanted(t, hub)
}

// sendBadHTTP plants every value through every door that takes values, well-formed and not.
func sendBadHTTP(t *testing.T, hub *hubtest.Hub) {
	t.Helper()
	for _, p := range planted {
		for path, body := range map[string]string{
			"/v1/lookup":              fmt.Sprintf(`{"indicators":[{"type":%q,"value":%q}]}`, p.kind, p.raw),
			"/v1/lookup?x=1":          fmt.Sprintf(`{"indicators":[{"type":%q,"value":%q,"note":%q}]}`, p.kind, p.raw, p.raw),
			"/v1/lookup?x=2":          fmt.Sprintf(`{"indicators":[{"type":"crypto_address","value":%q}]}`, p.raw),
			"/v1/lookup?x=3":          fmt.Sprintf(`{"indicators":[{"type":%q,"digest":%q,"epoch":1}]}`, p.kind, p.raw),
			"/v1/events?dry_run=true": fmt.Sprintf(`{"events":[{"kind":"report","category":%q,"indicator":{"type":%q,"value":%q}}]}`, p.raw, p.kind, p.raw),
			"/v1/events":              fmt.Sprintf(`{"events":[{"kind":"report","case":%q,"indicator":{"type":%q,"value":%q}}]}`, p.raw, p.kind, p.raw),
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hub.API+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+hub.Keys.API["bank"])
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode >= 500 {
				t.Errorf("%s answered %s", path, resp.Status)
			}
			for _, trace := range p.traces {
				if bytes.Contains(answer, []byte(trace)) {
					t.Errorf("%s repeats a value: %s", path, answer)
				}
			}
		}
	}
}

// lookForPlanted reads everything that the hub wrote: its log, its metrics, every table, the topics of which it is the
// author. (The reports topic holds what partners sent, whatever that was.)
func lookForPlanted(t *testing.T, hub *hubtest.Hub) {
	t.Helper()
	places := map[string]string{}
	log, err := os.ReadFile(hub.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	places["the log"] = string(log)
	resp, err := http.Get(hub.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	places["the metrics"] = string(metrics)
	for _, table := range strings.Fields(hub.Query(t, "SHOW TABLES")) {
		places["table "+table] = hub.Query(t, "SELECT * FROM `"+table+"` FORMAT JSONEachRow")
	}
	for _, topic := range []string{hub.Topics.Changes, hub.Topics.DeadLetters} {
		places["topic "+topic] = contents(t, hub.Kafka.Brokers[0], topic)
	}
	for place, text := range places {
		// The roll-up comes later, nothing was sent again or disputed, and all may lie on another shard.
		empty := strings.HasPrefix(place, "table trend_") || strings.HasPrefix(place, "table replays") ||
			strings.HasPrefix(place, "table dispute_steps") ||
			strings.HasSuffix(place, "_local")
		if text == "" && !empty {
			t.Errorf("%s is empty: nothing was looked through", place)
		}
		for _, p := range planted {
			for _, trace := range p.traces {
				if strings.Contains(text, trace) {
					t.Errorf("%s holds a raw value (%s)", place, p.kind)
				}
			}
		}
	}
	for name, secret := range hub.Keys.API {
		if strings.Contains(places["the log"], secret) {
			t.Errorf("the log holds the key of %s", name)
		}
	}
}

// contents is every byte of a topic.
func contents(t *testing.T, broker, topic string) string {
	t.Helper()
	conn, err := kafka.Dial("tcp", broker)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	partitions, err := conn.ReadPartitions(topic)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, p := range partitions {
		leader, err := kafka.DialLeader(t.Context(), "tcp", broker, topic, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		first, last, err := leader.ReadOffsets()
		if err != nil {
			t.Fatal(err)
		}
		for first < last {
			m, err := leader.ReadMessage(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(m.Key)
			all.Write(m.Value)
			for _, h := range m.Headers {
				all.Write(h.Value)
			}
			first = m.Offset + 1
		}
		leader.Close()
	}
	return all.String()
}
