package main

import (
	"bufio"
	"bytes"
	"encoding"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// rowFault is why a row is refused. It never holds what stood there.
type rowFault struct {
	Line   int    `json:"line"`
	Column string `json:"column,omitempty"`
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
}

func (f rowFault) String() string {
	if f.Column == "" {
		return fmt.Sprintf("line %d: %s (%s)", f.Line, f.Detail, f.Rule)
	}
	return fmt.Sprintf("line %d, %s: %s (%s)", f.Line, f.Column, f.Detail, f.Rule)
}

// row is one line of a table: an event, or the faults for which it is refused.
type row struct {
	line   int
	event  client.Event
	faults []rowFault
}

// cell sets one field of an event from one cell that is not empty.
type cell func(e *client.Event, text string) error

// columns are the columns that a table may have, beside type, value and bank.
var columns = map[string]cell{
	"category":    func(e *client.Event, s string) error { e.Category = s; return nil },
	"platform":    func(e *client.Event, s string) error { e.Platform = s; return nil },
	"institution": func(e *client.Event, s string) error { e.Institution = s; return nil },
	"region":      func(e *client.Event, s string) error { e.Region = s; return nil },
	"case":        func(e *client.Event, s string) error { e.Case = s; return nil },
	"kind":        func(e *client.Event, s string) error { return setWord(&e.Kind, s) },
	"role":        func(e *client.Event, s string) error { return setWord(&e.Role, s) },
	"advice":      func(e *client.Event, s string) error { return setWord(&e.Advice, s) },
	"loss_band":   func(e *client.Event, s string) error { return setWord(&e.LossBand, s) },
	"tlp": func(e *client.Event, s string) error {
		return setWord(&e.TLP, strings.TrimPrefix(strings.ToUpper(s), "TLP:"))
	},
	"confidence": func(e *client.Event, s string) error {
		n, err := strconv.ParseUint(strings.TrimSuffix(s, "%"), 10, 8)
		if err != nil || n < 1 || n > 100 {
			return errors.New("a confidence is a whole number from 1 to 100")
		}
		e.Confidence = uint8(n)
		return nil
	},
	"evidence": func(e *client.Event, s string) (err error) {
		e.Evidence, err = fraud.ParseEvidence(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
			return strings.ContainsRune(";,| ", r)
		})...)
		return err
	},
	"observed_at": func(e *client.Event, s string) error { return setTime(&e.ObservedAt, s) },
	"expires_at":  func(e *client.Event, s string) error { return setTime(&e.ExpiresAt, s) },
}

func setWord(to encoding.TextUnmarshaler, s string) error { return to.UnmarshalText([]byte(s)) }

func setTime(to *time.Time, s string) error {
	at, ok := parseTime(s)
	if !ok {
		return errors.New("a time is written 2026-11-21T15:04:05+08:00, or 2026-11-21 15:04 in Malaysian time")
	}
	*to = at
	return nil
}

// synonyms are other headers that partners' tables have, folded by headerKey.
var synonyms = map[string]string{
	"indicator_type": "type", "jenis": "type",
	"indicator": "value", "indicator_value": "value", "nilai": "value",
	"bank_name": "bank", "nama_bank": "bank",
	"scam_type": "category", "fraud_type": "category", "kategori": "category", "jenis_scam": "category",
	"peranan": "role", "score": "confidence", "keyakinan": "confidence", "bukti": "evidence",
	"observed": "observed_at", "date": "observed_at", "timestamp": "observed_at", "reported_at": "observed_at",
	"tarikh": "observed_at", "expires": "expires_at", "expiry": "expires_at", "valid_until": "expires_at",
	"tlp_label": "tlp", "recommended_action": "advice", "loss": "loss_band", "case_id": "case", "case_ref": "case",
	"reference": "case", "rujukan": "case", "state": "region", "negeri": "region", "event": "kind",
}

// valueColumns are headers that say what their values are.
var valueColumns = map[string]indicator.Type{
	"bank_account": indicator.BankAccount, "account": indicator.BankAccount, "account_no": indicator.BankAccount,
	"account_number": indicator.BankAccount, "no_akaun": indicator.BankAccount, "nombor_akaun": indicator.BankAccount,
	"phone": indicator.Phone, "phone_no": indicator.Phone, "phone_number": indicator.Phone, "mobile": indicator.Phone,
	"msisdn": indicator.Phone, "no_telefon": indicator.Phone, "telefon": indicator.Phone,
	"url": indicator.URL, "link": indicator.URL, "pautan": indicator.URL,
	"domain": indicator.Domain, "email": indicator.Email, "e_mail": indicator.Email, "emel": indicator.Email,
	"payment_id": indicator.PaymentID, "social_account": indicator.SocialAccount,
	"crypto_address": indicator.CryptoAddress, "wallet_address": indicator.CryptoAddress,
}

// table reads rows from CSV.
type table struct {
	csv      *csv.Reader
	template client.Event // what every row says unless its cells say otherwise
	fields   []string     // the name of each column, "" for what is not known
	unknown  []int        // columns that are ignored, from 1
}

// newTable reads the header. Separators are commas, semicolons or tabs, whichever the header has most of.
func newTable(r io.Reader, template client.Event) (*table, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	start, _ := buffered.Peek(4096)
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) {
		return nil, usage("the file is in UTF-16; save it as CSV in UTF-8")
	}
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3)
		start = start[3:]
	}
	t := &table{csv: csv.NewReader(buffered), template: template}
	t.csv.Comma = separatorOf(start)
	t.csv.FieldsPerRecord = -1 // told by column and not by the reader
	t.csv.TrimLeadingSpace = true
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if err == io.EOF {
		return nil, usage("the file is empty; its first line names the columns: type,value,category,…")
	}
	if err != nil {
		return nil, usage("the first line is no CSV: %s", csvRule(err))
	}
	if err := t.name(header); err != nil {
		return nil, err
	}
	return t, nil
}

func separatorOf(start []byte) rune {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	best, most := ',', 0
	for _, s := range ",;\t" {
		if n := bytes.Count(line, []byte(string(s))); n > most {
			best, most = s, n
		}
	}
	return best
}

// headerKey folds a header: "Account No." is account_no.
func headerKey(header string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(header), func(r rune) bool {
		return strings.ContainsRune(" _-./()", r)
	}), "_")
}

// name tells the columns apart. Its errors don't repeat the header: a file without one begins with values.
func (t *table) name(header []string) error {
	values := 0
	for i, h := range header {
		name := headerKey(h)
		if other, ok := synonyms[name]; ok {
			name = other
		}
		if implied, ok := valueColumns[name]; ok {
			if t.template.Indicator.Type == 0 {
				t.template.Indicator.Type = implied
			}
			name = "value"
		}
		switch {
		case name == "value":
			values++
		case name != "type" && name != "bank" && columns[name] == nil:
			t.unknown = append(t.unknown, i+1)
			name = ""
		}
		if name != "" && slices.Contains(t.fields, name) {
			return usage("two columns of the header mean %s; remove one", name)
		}
		t.fields = append(t.fields, name)
	}
	if values == 0 {
		return usage("the first line names no column with the values; it looks like type,value,category")
	}
	return nil
}

// next reads one row; io.EOF ends them.
func (t *table) next() (row, error) {
	record, err := t.csv.Read()
	if broken := new(csv.ParseError); errors.As(err, &broken) {
		return row{line: broken.StartLine, faults: []rowFault{{broken.StartLine, "", "csv/quotes", csvRule(err)}}}, nil
	}
	if err != nil {
		return row{}, err
	}
	line, _ := t.csv.FieldPos(0)
	r := row{line: line, event: t.template}
	refuse := func(column, rule, detail string) { r.faults = append(r.faults, rowFault{line, column, rule, detail}) }
	if len(record) > len(t.fields) {
		refuse("", "csv/too_many_cells",
			"the row has more cells than the header; put quotes around cells with a separator")
		return r, nil
	}
	var value, bank string
	for i, text := range record {
		switch text = strings.TrimSpace(text); t.fields[i] {
		case "":
		case "value":
			value = text
		case "bank":
			bank = text
		case "type":
			if text == "" {
				continue
			}
			if err := r.event.Indicator.Type.UnmarshalText([]byte(headerKey(text))); err != nil {
				refuse("type", "type/unknown", err.Error())
			}
		default:
			if text == "" {
				continue
			}
			if err := columns[t.fields[i]](&r.event, text); err != nil {
				refuse(t.fields[i], t.fields[i]+"/invalid", err.Error())
			}
		}
	}
	if r.event.Kind != fraud.Report {
		r.event.Confidence, r.event.Category = 0, "" // the table's own defaults are for reports
	} else if r.event.Category == "" {
		refuse("category", "category/missing", "a report needs a category, in its row or by --category")
	}
	r.event.Value = indicator.Raw(value)
	if err := r.settle(bank); err != nil {
		f := faultOf(err)
		refuse("value", f.Code, f.Detail)
	}
	return r, nil
}

// settle checks the value under the rules of its type.
func (r *row) settle(bank string) error {
	t := r.event.Indicator.Type
	if t == 0 && len(r.faults) > 0 {
		return nil // the type's own fault has been told
	}
	if bank != "" && t == indicator.BankAccount {
		r.event.Value = indicator.Raw(bank + ":" + string(r.event.Value))
	}
	in, err := value{raw: r.event.Value}.parse(t)
	if err != nil {
		return err
	}
	r.event.Indicator.Type = in.Type
	if r.event.Kind == fraud.Report {
		return in.Reportable()
	}
	return nil
}

// csvRule words a fault of the form without quoting the line.
func csvRule(err error) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return `a quote (") stands inside a cell that does not begin with one`
	case errors.Is(err, csv.ErrQuote):
		return `a quoted cell has no end, or something follows its closing quote`
	}
	return "the line cannot be read"
}
