package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/waspada-hub/waspada/internal/deadletters"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// replayTeller tells of each message as it is replayed, and of all in the end.
type replayTeller struct {
	out, err io.Writer
	json     bool
	// done is true as long as everything was sent and nothing of what was chosen is still refused.
	done   bool
	all    replaySum
	why    map[string]int // of those that were not sent: how many, by result and reason
	spoken time.Time
}

// replaySum is the sum over all messages.
type replaySum struct {
	Messages int `json:"messages"`
	// Results are how many messages each result had.
	Results map[deadletters.Result]int `json:"results"`
	// Letters is how many dead letters were chosen, and Healed how many of those that were sent would be accepted.
	Letters int `json:"dead_letters"`
	Healed  int `json:"healed"`
	// Accepted and Refused are the events of the messages that were sent, as they would be judged.
	Accepted   int    `json:"would_be_accepted"`
	Refused    int    `json:"would_be_refused"`
	Unrecorded int    `json:"unrecorded"`
	Error      string `json:"error,omitempty"`
}

// outcomeView is what became of one message, as it is written out.
type outcomeView struct {
	From       string             `json:"from"`
	Result     deadletters.Result `json:"result"`
	To         string             `json:"to,omitempty"`
	Letters    int                `json:"dead_letters"`
	Healed     int                `json:"healed"`
	Accepted   int                `json:"would_be_accepted"`
	Refused    int                `json:"would_be_refused"`
	Reason     fraud.Reason       `json:"reason,omitempty"`
	Why        string             `json:"why,omitempty"`
	Unrecorded bool               `json:"unrecorded,omitempty"`
}

const (
	// toldEach is of how many messages people are told one by one.
	toldEach = 100
	// toldEvery is how often they hear of the rest.
	toldEvery = 10 * time.Second
)

func newReplayTeller(out, err io.Writer, json bool) *replayTeller {
	return &replayTeller{
		out: out, err: err, json: json, done: true, spoken: time.Now(),
		all: replaySum{Results: map[deadletters.Result]int{}}, why: map[string]int{},
	}
}

func (t *replayTeller) tell(o deadletters.Outcome) {
	t.done = t.done && o.Done()
	t.all.Messages++
	t.all.Results[o.Result]++
	t.all.Letters += o.Letters
	if o.Unrecorded {
		t.all.Unrecorded++
	}
	if sent(o.Result) {
		t.all.Healed += o.Healed
		t.all.Accepted += o.Accepted
		t.all.Refused += o.Refused
	} else {
		t.why[string(o.Result)+suffix(o.Reason)]++
	}
	switch {
	case t.json:
		t.write(viewOf(o))
	case t.all.Messages <= toldEach:
		say(t.out, "%s", lineOf(o))
	case t.all.Messages == toldEach+1:
		say(t.out, "… the rest is summed up below; -o json tells of each")
	case time.Since(t.spoken) > toldEvery:
		t.spoken = time.Now()
		say(t.err, "%s so far, now at %s", count(t.all.Messages, "message"), o.From)
	}
}

func sent(r deadletters.Result) bool { return r == deadletters.Sent || r == deadletters.WouldSend }

func suffix(reason fraud.Reason) string {
	if reason == "" {
		return ""
	}
	return ": " + string(reason)
}

func (t *replayTeller) write(value any) { _ = json.NewEncoder(t.out).Encode(value) }

func viewOf(o deadletters.Outcome) outcomeView {
	v := outcomeView{
		From: o.From.String(), Result: o.Result, Letters: o.Letters, Healed: o.Healed,
		Accepted: o.Accepted, Refused: o.Refused, Reason: o.Reason, Why: o.Why, Unrecorded: o.Unrecorded,
	}
	if o.Result == deadletters.Sent {
		v.To = o.To.String()
	}
	return v
}

func lineOf(o deadletters.Outcome) string {
	judged := fmt.Sprintf("%s would be accepted, %d refused", count(o.Accepted, "event"), o.Refused)
	if o.Why != "" {
		judged += " (" + o.Why + ")"
	}
	switch {
	case o.Unrecorded:
		return fmt.Sprintf("%s  sent again to %s and NOT RECORDED: %s", o.From, o.To, judged)
	case o.Result == deadletters.Sent:
		return fmt.Sprintf("%s  sent again to %s: %s", o.From, o.To, judged)
	case o.Result == deadletters.WouldSend:
		return fmt.Sprintf("%s  would be sent: %s", o.From, judged)
	}
	return fmt.Sprintf("%s  not sent, %s: %s", o.From, o.Result, o.Why)
}

// sum tells of all; err is what ended the replay early.
func (t *replayTeller) sum(err error) {
	if err != nil {
		t.done = false
		t.all.Error = err.Error()
	}
	if t.json {
		t.write(map[string]replaySum{"sum": t.all})
		return
	}
	if t.all.Messages == 0 {
		if err == nil {
			say(t.out, "There is no such outstanding dead letter.")
		}
		return
	}
	for _, one := range []struct {
		result deadletters.Result
		what   string
	}{{deadletters.Sent, "sent again"}, {deadletters.WouldSend, "would be sent again"}} {
		if n := t.all.Results[one.result]; n > 0 {
			say(t.out, "%s %s: as things stand, %s of them accepted and %d refused", count(n, "message"), one.what,
				count(t.all.Accepted, "event"), t.all.Refused)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(t.why)) {
		say(t.out, "%s not sent, %s", count(t.why[why], "message"), why)
	}
	if t.all.Unrecorded > 0 {
		say(t.out, "%s sent and not recorded: still outstanding, and to send them again does no harm",
			count(t.all.Unrecorded, "message"))
	}
}
