package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// The exit codes of check --exit-code, and the order in which one verdict outranks another.
var gravity = []struct {
	status fraud.Status
	exit   int
}{
	{fraud.NotListed, 0}, {fraud.ClearedUp, 0}, {fraud.InDispute, 12}, {fraud.Unsure, 13},
	{fraud.Suspected, 11}, {fraud.Confirmed, 10},
}

func gravityOf(s fraud.Status) int {
	for i, g := range gravity {
		if g.status == s {
			return i
		}
	}
	return 0
}

// question is one value with every type that it may be of.
type question struct {
	value
	types []indicator.Type
}

// answered is the answer to a question: the gravest over its types.
type answered struct {
	Input int            `json:"input"`
	Type  indicator.Type `json:"type"`
	client.Result
}

// checkBatch is how many values are read before they are asked about: with two likely types each, one request.
const checkBatch = client.MaxLookup / 2

func newCheck(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [--type TYPE] VALUE…",
		Short: "Ask the hub: is this known fraud?",
		Long: text(`
check asks the hub about values and tells what is known: the verdict, its score, how many
organisations reported it and since when, and what to do. Who reported is never told.

  not listed       no partner's standing word lists it
  cleared          its holder or an authority says that it is legitimate
  DISPUTED         listed, but in doubt: observe only
  SUSPECTED        listed, but not by enough to be sure
  CONFIRMED FRAUD  listed by an authority, or by two independent partners with evidence
  UNSURE           the hub cannot know at present: not a no

Without --type the value is asked about as every type that it may be of, and the gravest answer is
shown.

With -o json each value gives one line: {"input","type","verdict","known_fraud","score",…}, where
input is its place.

Exit codes: 0 every value was answered; 1 the hub could not be asked; 2 a value breaks a rule of its
type (the others are answered). With --exit-code the gravest verdict decides instead of 0:
  10 confirmed   11 suspected   12 disputed   13 unsure   0 not listed or cleared`),
		Example: `  waspada check "012-345 6789"
  waspada check --type bank_account "cimb:7012345678" --exit-code || hold-payment
  waspada check -o json - < values.txt`,
		Args: atLeastOne,
	}
	t := addType(cmd)
	exitCode := cmd.Flags().Bool("exit-code", false, "exit with 10 to 13 for what is listed, see above")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hub, err := a.hub()
		if err != nil {
			return err
		}
		c := checker{app: a, hub: hub, several: len(args) > 1 || args[0] == "-"}
		err = a.each(args, func(v value) error { return c.add(cmd.Context(), v, *t) })
		if err == nil {
			err = c.flush(cmd.Context())
		}
		switch {
		case err != nil:
			return err
		case c.faulty:
			return exitStatus(exitUsage)
		case *exitCode && gravity[c.gravest].exit > 0:
			return exitStatus(gravity[c.gravest].exit)
		}
		return nil
	}
	return cmd
}

// checker asks about values in batches.
type checker struct {
	*app
	hub     *client.Client
	several bool
	waiting []question
	gravest int
	faulty  bool
}

// refuse tells of a value that cannot be asked about.
func (c *checker) refuse(v value, err error) {
	c.faulty = true
	f := v.fault(err)
	if !c.several {
		f.Input = 0
	}
	c.complain(f)
}

func (c *checker) add(ctx context.Context, v value, t indicator.Type) error {
	types := []indicator.Type{t}
	if t == 0 {
		if types = indicator.Recognise(v.raw); len(types) == 0 {
			c.refuse(v, usage("the value is of no type that can be guessed; give --type"))
			return nil
		}
	} else if _, err := indicator.Parse(t, v.raw); err != nil {
		c.refuse(v, err)
		return nil
	}
	c.waiting = append(c.waiting, question{v, types})
	if len(c.waiting) < checkBatch {
		return nil
	}
	return c.flush(ctx)
}

func (c *checker) flush(ctx context.Context) error {
	var items []client.Item
	for _, q := range c.waiting {
		for _, t := range q.types {
			items = append(items, client.Item{Type: t, Value: q.raw})
		}
	}
	if len(items) == 0 {
		return nil
	}
	c.warnRaw()
	results, err := c.hub.Lookup(ctx, items)
	if err != nil {
		return err
	}
	for _, q := range c.waiting {
		if err := c.show(q, results[:len(q.types)]); err != nil {
			return err
		}
		results = results[len(q.types):]
	}
	c.waiting = c.waiting[:0]
	return nil
}

func (c *checker) show(q question, results []client.Result) error {
	best, found := gravestOf(results)
	if !found {
		c.refuse(q.value, results[0].Fault)
		return nil
	}
	answer := answered{q.place, q.types[best], results[best]}
	c.gravest = max(c.gravest, gravityOf(answer.Verdict))
	if c.json() {
		return c.tell(answer)
	}
	prefix := ""
	if c.several {
		prefix = fmt.Sprintf("%6d  ", q.place)
	}
	if len(q.types) > 1 || c.several {
		prefix += c.paint(dim, answer.Type.String()) + "  "
	}
	c.say("%s%s", prefix, c.sentence(answer.Result, time.Now()))
	return nil
}

// gravestOf picks the gravest answer, the likeliest type where several are as grave; found is false if each is a fault.
func gravestOf(results []client.Result) (best int, found bool) {
	best = -1
	for i, r := range results {
		if r.Fault == nil && (best < 0 || gravityOf(r.Verdict) > gravityOf(results[best].Verdict)) {
			best = i
		}
	}
	return max(best, 0), best >= 0
}
