package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// importOptions are the flags of import.
type importOptions struct {
	template statement
	faults   string
	dryRun   string
	issuedAt time.Time
}

func newImport(a *app) *cobra.Command {
	o := importOptions{template: statement{event: fraud.Event{Kind: fraud.Report}}}
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Report the rows of a CSV file",
		Long: text(`
import reports every row of a CSV file (UTF-8; commas, semicolons or tabs; the first line names the
columns).

  value        the value (required), or a column named after a type, such as phone, account_number or url
  type         type of the value; --type for all rows; guessed where that is safe
  bank         bank of a bank account, where the value is the number alone
  category     term of the category taxonomy; --category for all rows
  role         mule, caller, lure, collector, impersonated
  confidence   1 to 100
  evidence     police_report, confirmed_loss, … ; several separated by ";" or "|"
  observed_at, expires_at   2026-11-21T15:04:05+08:00, or 2026-11-21 15:04 in Malaysian time
  tlp, advice, platform, institution, region, loss_band, case, kind   as in the flags of report
Usual synonyms are understood (jenis, kategori, no_akaun, tarikh, …); columns of other names are
ignored.

Rows are sent as they are read, 500 at a time. A bad row is refused alone, with its line, column and
the rule that it broke, and never with its value.

Running the same file again counts every row once, so an import that was cut off is resumed by
running it again: the ids of its events follow from the file's bytes, your API key and the flags.
Every row is taken to have been said when the file was last changed (at the start of this day, where
that is more than six days ago), so a withdrawal that came later stands. --issued-at says otherwise,
and makes events of their own.

--dry-run checks all rows here and sends nothing; --dry-run=hub has the hub check them too.

Exit codes: 0 every row was accepted; 1 rows were refused, or the hub could not be reached; 2 the
file or the flags cannot be used, and nothing was sent.`),
		Example: `  waspada import --dry-run mules.csv
  waspada import mules.csv --faults refused.csv
  waspada import --type phone --category telecommunication --evidence police_report callers.csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("give one CSV file; see waspada import --help")
			}
			return nil
		},
	}
	s := &o.template
	s.t = addType(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&s.event.Category, "category", "c", "", "category of rows that name none")
	flags.Uint8Var(&s.event.Confidence, "confidence", 70, "confidence of rows that name none, 1 to 100")
	flags.StringSliceVar(&s.evidence, "evidence", nil, "evidence of rows that name none, separated by commas")
	addWord(cmd, &s.event.Role, "role", "", "role of rows that name none")
	addWord(cmd, &s.event.Advice, "advice", "", "advice of rows that name none")
	addWord(cmd, &s.event.TLP, "tlp", "", "label of rows that name none")
	flags.StringVar(&s.event.Case, "case", "", "case of rows that name none")
	flags.StringVar(&o.faults, "faults", "", "write refused rows to this CSV file: line,column,rule,detail")
	flags.Var(&moment{&o.issuedAt, -1}, "issued-at", "when it was said: a time, or how long ago (0s is now)")
	flags.StringVar(&o.dryRun, "dry-run", "", "check only: here, or =hub there too")
	flags.Lookup("dry-run").NoOptDefVal = "here"
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions([]string{"here", "hub"}, noFiles))
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if s.event.Evidence, err = fraud.ParseEvidence(s.evidence...); err != nil {
			return usage("--evidence: %v", err)
		}
		if o.dryRun != "" && o.dryRun != "here" && o.dryRun != "hub" {
			return usage("--dry-run: it is here or hub")
		}
		if s.event.Confidence < 1 || s.event.Confidence > 100 {
			return usage("--confidence: it is 1 to 100")
		}
		if !cmd.Flags().Changed("timeout") {
			a.patience = time.Minute // a long import should outlive a restart of the hub
		}
		return a.importFile(cmd.Context(), args[0], &o)
	}
	return cmd
}

// tally is the summary of an import.
type tally struct {
	Rows     int `json:"rows"`
	Accepted int `json:"accepted"`
	// RefusedHere broke a rule on this machine, RefusedByHub were sent.
	RefusedHere  int     `json:"refused_here"`
	RefusedByHub int     `json:"refused_by_hub"`
	DryRun       string  `json:"dry_run,omitempty"`
	Complete     bool    `json:"complete"`
	Seconds      float64 `json:"seconds"`
}

func (t *tally) refused() int { return t.RefusedHere + t.RefusedByHub }

func (a *app) importFile(ctx context.Context, path string, o *importOptions) error {
	file, err := os.Open(path)
	if err != nil {
		return usage("%v", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return usage("%s is no regular file; an import needs one, to be resumed", path)
	}
	key, err := a.apiKey()
	if err != nil {
		return err
	}
	ids, err := newRowIDs(file, key, o)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	im := importer{app: a, ids: ids, begun: time.Now(), tally: tally{DryRun: o.dryRun}}
	template := client.Event{Event: o.template.event}
	template.Indicator.Type = *o.template.t
	template.IssuedAt = issuedAt(o.issuedAt, info.ModTime(), im.begun)
	if o.dryRun != "here" {
		hub, err := a.hub()
		if err != nil {
			return err
		}
		a.warnRaw()
		im.send = hub.Report
		if o.dryRun == "hub" {
			im.send = hub.DryRun
		}
	}
	if err := im.openFaults(o.faults); err != nil {
		return err
	}
	im.startBar(info.Size())
	err = im.run(ctx, io.TeeReader(file, im.bar), template)
	if err := im.close(); err != nil {
		return err
	}
	if err != nil {
		if f := new(fault); errors.As(err, &f) && f.exit == exitUsage {
			return err // the file was not begun
		}
		a.complain(faultOf(err))
		if im.send != nil {
			a.note("not all rows were sent; run the same command again to go on: what was accepted counts once")
		}
	}
	im.Complete = err == nil
	if shown := im.show(); shown != nil {
		return shown
	}
	if err != nil || im.refused() > 0 {
		return exitStatus(exitFailed)
	}
	return nil
}

// issuedAt is when the rows were said. It has to be the same when the file is imported again, since the same event has
// one time, and a second import must not undo a withdrawal that came between; and young enough for the hub to take.
func issuedAt(given, changed, now time.Time) time.Time {
	switch {
	case !given.IsZero():
		return given
	case changed.After(now):
		return now
	case changed.Before(now.Add(-fraud.MaxAge + 24*time.Hour)):
		return now.UTC().Truncate(24 * time.Hour)
	}
	return changed
}

// importer sends rows in batches.
type importer struct {
	*app
	tally
	// send is nil where all is checked here.
	send  func(context.Context, ...client.Event) (*client.Receipt, error)
	ids   *rowIDs
	begun time.Time
	bar   *progressbar.ProgressBar

	batch []row
	told  int // faults that were written to the terminal

	faultFile *os.File
	faults    *csv.Writer
}

func (im *importer) run(ctx context.Context, from io.Reader, template client.Event) error {
	t, err := newTable(from, template)
	if err != nil {
		return err
	}
	if len(t.unknown) > 0 {
		im.aside(func() { im.note("columns not known and ignored: %v", t.unknown) })
	}
	for ctx.Err() == nil {
		r, err := t.next()
		if err == io.EOF {
			return im.flush(ctx)
		}
		if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		im.Rows++
		if len(r.faults) > 0 {
			im.RefusedHere++
			im.refuse(r.faults...)
			continue
		}
		r.event.ID = im.ids.of(r.line)
		if im.batch = append(im.batch, r); len(im.batch) == client.MaxReport {
			if err := im.flush(ctx); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (im *importer) flush(ctx context.Context) error {
	batch := im.batch
	im.batch = im.batch[:0]
	if len(batch) == 0 {
		return nil
	}
	if im.send == nil {
		im.Accepted += len(batch)
		return nil
	}
	events := make([]client.Event, len(batch))
	for i, r := range batch {
		events[i] = r.event
	}
	receipt, err := im.send(ctx, events...)
	if receipt == nil {
		return err
	}
	for i, result := range receipt.Results {
		if result.Status != client.Refused {
			im.Accepted++
			continue
		}
		im.RefusedByHub++
		im.refuse(rowFault{batch[i].line, columnOf(result.Pointer), result.Reason, result.Detail})
	}
	return nil
}

// columnOf is the column that a JSON Pointer into an event speaks of.
func columnOf(pointer string) string {
	for at := len(pointer) - 1; at >= 0; at-- {
		if pointer[at] == '/' {
			pointer = pointer[at+1:]
			break
		}
	}
	if columns[pointer] != nil || pointer == "type" || pointer == "value" {
		return pointer
	}
	return ""
}

// maxTold is how many faults are written to the terminal: the rest is for --faults.
const maxTold = 20

func (im *importer) refuse(faults ...rowFault) {
	for _, f := range faults {
		if im.faults != nil {
			_ = im.faults.Write([]string{strconv.Itoa(f.Line), f.Column, f.Rule, f.Detail}) // its error is that of Flush
		}
		im.told++
		im.aside(func() {
			switch {
			case im.json():
				_ = writeJSON(im.err, f)
			case im.told <= maxTold:
				im.note("%v", f)
			case im.told == maxTold+1:
				im.note("more rows are refused; --faults FILE writes them all")
			}
		})
	}
}

// openFaults begins the file of refused rows.
func (im *importer) openFaults(path string) (err error) {
	if path == "" {
		return nil
	}
	if im.faultFile, err = os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644); err != nil {
		return usage("--faults: %v", err)
	}
	im.faults = csv.NewWriter(im.faultFile)
	return im.faults.Write([]string{"line", "column", "rule", "detail"})
}

func (im *importer) close() error {
	if im.live {
		_ = im.bar.Clear()
	}
	if im.faults == nil {
		return nil
	}
	im.faults.Flush()
	if err := errors.Join(im.faults.Error(), im.faultFile.Close()); err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	return nil
}

func (im *importer) startBar(size int64) {
	im.bar = progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(im.err), progressbar.OptionSetVisibility(im.live),
		progressbar.OptionSetDescription("importing"), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
}

// aside writes beside the progress bar.
func (im *importer) aside(write func()) {
	if im.live {
		_ = im.bar.Clear()
	}
	write()
}

func (im *importer) show() error {
	took := time.Since(im.begun)
	im.Seconds = took.Round(time.Millisecond).Seconds()
	if im.json() {
		return im.tell(im.tally)
	}
	accepted := "accepted"
	if im.DryRun != "" {
		accepted = "good"
	}
	im.say("%s: %d %s, %d refused (%d here, %d by the hub), in %.1f s", counted(im.Rows, "row"),
		im.Accepted, accepted, im.refused(), im.RefusedHere, im.RefusedByHub, took.Seconds())
	if im.DryRun != "" {
		im.say("Checked only: nothing was reported.")
	}
	return nil
}

// rowIDs derives the ids of events: UUIDs of version 8 (RFC 9562), the same whenever the same file is imported with
// the same key and flags. The API key keys them, since an id travels and is kept: from a plain hash of a file with one
// phone number, that number could be found by trying them all.
type rowIDs struct {
	key  []byte
	file []byte
}

func newRowIDs(file io.ReadSeeker, key string, o *importOptions) (*rowIDs, error) {
	mac := hmac.New(sha256.New, []byte(key))
	e := &o.template.event
	fmt.Fprintf(mac, "waspada/import/1\x00%d %q %d %d %d %d %d %q %d\x00", *o.template.t, e.Category, e.Role,
		e.Confidence, uint8(e.Evidence), e.Advice, e.TLP, e.Case, o.issuedAt.UnixMilli())
	if _, err := io.Copy(mac, file); err != nil {
		return nil, err
	}
	_, err := file.Seek(0, io.SeekStart)
	return &rowIDs{key: []byte(key), file: mac.Sum(nil)}, err
}

func (ids *rowIDs) of(line int) uuid.UUID {
	mac := hmac.New(sha256.New, ids.key)
	mac.Write(ids.file)
	_ = binary.Write(mac, binary.BigEndian, uint64(line))
	id := uuid.UUID(mac.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
