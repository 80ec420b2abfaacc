package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

func newAudit(a *app) *cobra.Command {
	var q client.AuditQuery
	cmd := &cobra.Command{
		Use:   "audit [--kind KIND,…] [--what WORD,…] [--partner ID] [--last TIME] [VALUE]",
		Short: "See who did what: listings, refusals, operators, how much was asked",
		Long: text(`
audit tells who did what on the hub, the newest first. It needs a key with the scope admin, or the
scope analyse of a regulator or the police. It never tells a value or a digest.

  event     who listed, withdrew, cleared, disputed; --what report,withdraw,clear,dispute,…
  refusal   what was refused for good, by its reason; --what bad_signature,unknown_key,…
  repeat    events that were taken already and came again; they count no further time
  act       what operators did, and who took copies of the audit
  usage     how much each partner asked in each hour; --what lookup_one,lookup_many,lookup_batch,…

With a VALUE, or --digest and --type, it tells what was said of that one indicator: for a regulator or
the police. That question is audited itself, and so is every export: -o json (a record on each line)
and -o csv write all that was chosen. Without, the newest --limit records are shown.`),
		Example: `  waspada audit --kind refusal --last 7d
  waspada audit --partner bank-harimau --kind event,act --from 2026-11-01 --to 2026-11-08 -o csv > audit.csv
  waspada audit --type phone "012-345 6789" --last 90d`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("audit takes one value at most; see waspada audit --help")
			}
			return nil
		},
	}
	last := span(24 * time.Hour)
	t := addType(cmd)
	var digest string
	flags := cmd.Flags()
	flags.StringSliceVar(&q.Kinds, "kind", nil, "event, refusal, repeat, act or usage (default all but repeat)")
	flags.StringSliceVar(&q.What, "what", nil, "kinds of event, reasons, deeds or classes of request")
	flags.StringVar(&q.Partner, "partner", "", "who did it, or to whom it was done")
	flags.Var(&last, "last", "how far back: 24h, 30d")
	flags.Var(&moment{&q.From, -1}, "from", "from this time instead")
	flags.Var(&moment{&q.To, -1}, "to", "up to this time (default now)")
	flags.IntVar(&q.Limit, "limit", 100, "how many records to show, 1 to 1000")
	flags.StringVar(&digest, "digest", "", "one indicator by its digest, at --epoch")
	flags.Uint16Var(&q.Epoch, "epoch", 1, "the key epoch of --digest")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if q.To.IsZero() {
			q.To = time.Now()
		}
		if q.From.IsZero() {
			q.From = q.To.Add(-time.Duration(last))
		}
		if !q.From.Before(q.To) {
			return usage("--from: it is before --to")
		}
		if err := a.auditIndicator(&q, *t, digest, args); err != nil {
			return err
		}
		hub, err := a.hub()
		if err != nil {
			return err
		}
		if a.output != "human" {
			format := map[string]string{"json": "ndjson", "csv": "csv"}[a.output]
			n, err := hub.ExportAudit(cmd.Context(), q, format, a.out)
			if err != nil {
				return err
			}
			a.note("%d records; the audit tells of this export", n)
			return nil
		}
		records, next, err := hub.Audit(cmd.Context(), q)
		if err != nil {
			return err
		}
		for i := range records {
			a.say("%s", auditLine(&records[i]))
		}
		if next != "" {
			a.note("there are more: a shorter time, a larger --limit, or -o csv")
		}
		return nil
	}
	return cmd
}

// auditIndicator chooses one indicator, by its digest or by a value that is digested here.
func (a *app) auditIndicator(q *client.AuditQuery, t indicator.Type, digest string, args []string) (err error) {
	switch {
	case digest != "" && len(args) > 0:
		return usage("give a value or --digest, not both")
	case digest != "":
		if t == 0 {
			return usage("--digest needs --type")
		}
		q.Type = t
		if q.Digest, err = indicator.ParseDigest(digest); err != nil {
			return usage("--digest: %v", err)
		}
	case len(args) > 0:
		ring, err := a.keyRing()
		if err != nil {
			return err
		}
		if ring == nil {
			return usage("a value needs the key ring (--keyring): it is digested here and never sent")
		}
		in, err := value{1, indicator.Raw(args[0])}.parse(t)
		if err != nil {
			return err
		}
		q.Type, q.Digest, q.Epoch = in.Type, ring.Digest(in.Type, in.Canonical), ring.Epoch()
	}
	return nil
}

// auditLine is a record for people.
func auditLine(r *client.AuditRecord) string {
	by := r.By
	if by == "" {
		by = "-"
	}
	line := fmt.Sprintf("%s  %-7s  %-18s  %-18s", r.At.In(malaysia).Format("2006-01-02 15:04:05"), r.Kind, r.What, by)
	var rest []string
	say := func(format string, args ...any) { rest = append(rest, fmt.Sprintf(format, args...)) }
	switch r.Kind {
	case "act":
		for _, word := range []string{r.Whom, r.Object, r.Reason} {
			if word != "" {
				rest = append(rest, word)
			}
		}
		if r.Key != "" {
			say("(key %s)", r.Key)
		}
		if !r.Done {
			say("came to nothing")
		}
	case "usage":
		say("%d calls, %d indicators: %d not listed, %d cleared, %d disputed, %d suspected, %d confirmed", r.Calls, r.Indicators,
			r.NotListed, r.Cleared, r.Disputed, r.Suspected, r.Confirmed)
		if r.Unsure > 0 {
			say("(%d unsure)", r.Unsure)
		}
		if r.Refused > 0 {
			say("(%d calls refused)", r.Refused)
		}
		say("on %s", r.Node)
	default:
		if r.Type != "" {
			rest = append(rest, r.Type)
		}
		say("at %s", r.Place)
		if r.First != "" {
			say("again, first at %s", r.First)
		}
	}
	return line + "  " + strings.Join(rest, " ")
}
