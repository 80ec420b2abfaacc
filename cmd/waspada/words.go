package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// headline is a verdict in plain words, with the colour of how grave it is.
var headline = map[fraud.Status]struct{ words, sgr string }{
	fraud.NotListed: {"not listed", green},
	fraud.ClearedUp: {"cleared", green},
	fraud.InDispute: {"DISPUTED", yellow},
	fraud.Suspected: {"SUSPECTED", yellow},
	fraud.Confirmed: {"CONFIRMED FRAUD", red},
	fraud.Unsure:    {"UNSURE", cyan},
}

var adviceWords = map[fraud.Advice]string{
	fraud.Observe: "observe: let it pass and keep an eye on it",
	fraud.Warn:    "warn the customer",
	fraud.Hold:    "hold it until somebody has looked",
	fraud.Block:   "block it",
}

// sentence is a result in one line: "SUSPECTED (score 70) · telecommunication · 1 reporter since 3 min ago · …".
func (a *app) sentence(r client.Result, now time.Time) string {
	head := headline[r.Verdict]
	parts := []string{a.paint(head.sgr, head.words)}
	listed := r.Reporters > 0
	if listed {
		parts[0] += fmt.Sprintf(" (score %d)", r.Score)
		if len(r.Categories) > 0 {
			parts = append(parts, strings.Join(r.Categories, ", "))
		}
		parts = append(parts, counted(r.Reporters, "reporter")+" since "+ago(now.Sub(r.FirstReported)))
		if r.LastReported.Sub(r.FirstReported) >= time.Minute {
			parts = append(parts, "last seen "+ago(now.Sub(r.LastReported)))
		}
	}
	switch r.Verdict {
	case fraud.NotListed:
		parts = append(parts, "no partner lists it")
	case fraud.ClearedUp:
		parts = append(parts, "its holder or an authority says that it is legitimate, or it is protected")
	case fraud.Unsure:
		parts = append(parts, "the hub cannot know at present; ask again soon, and don't take this for a no")
	}
	switch {
	case r.Matched == indicator.Weak && listed:
		parts = append(parts, "matched by its weaker form: it may be somebody else's")
	case r.Matched == indicator.Prefix && listed:
		parts = append(parts, "matched by a broader form, such as its site or domain")
	}
	if words := adviceWords[r.Advice]; words != "" && r.Verdict != fraud.NotListed && r.Verdict != fraud.ClearedUp {
		parts = append(parts, "advice: "+words)
	}
	if age := now.Sub(r.AsOf); !r.AsOf.IsZero() && age > staleAfter {
		parts = append(parts, a.paint(cyan, "the hub's knowledge is from "+ago(age)))
	}
	return strings.Join(parts, " · ")
}

// staleAfter is the age of the hub's knowledge from which people are told of it. A healthy hub knows every change
// within a second; the rest is for clocks that differ.
const staleAfter = 10 * time.Second

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ago rounds a duration to what people say.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
