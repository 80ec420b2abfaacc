package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// exportable is an answer as a table.
type exportable interface {
	csv() [][]string
	parquet(to *bytes.Buffer) error
}

// export is a form in which an answer is taken away.
type export struct {
	name  string
	media []string
	write func(exportable) ([]byte, error)
}

// exports are the media types in which answers are taken away.
var exports = map[string]*export{
	"text/csv": {"csv", csvMedia, func(rows exportable) ([]byte, error) {
		var out bytes.Buffer
		err := csv.NewWriter(&out).WriteAll(rows.csv())
		return out.Bytes(), err
	}},
	"application/vnd.apache.parquet": {"parquet", []string{"application/vnd.apache.parquet"},
		func(rows exportable) ([]byte, error) {
			var out bytes.Buffer
			err := rows.parquet(&out)
			return out.Bytes(), err
		}},
}

// exportOf is the form of the first media type in Accept that is known; nil is JSON.
func exportOf(r *request) *export {
	for media := range strings.SplitSeq(r.Request.Header.Get("Accept"), ",") {
		media, _, _ = strings.Cut(strings.TrimSpace(media), ";")
		if media == "application/json" || media == "*/*" {
			return nil
		}
		if f := exports[media]; f != nil {
			return f
		}
	}
	return nil
}

// export answers with a table. Who takes a copy away leaves an act in the audit, before anything is told and after the
// question was answered: every word of it is then known to be one of ours.
func (s *Server) export(ctx context.Context, r *request, f *export, rows exportable) error {
	act := fraud.Act{What: fraud.TrendsExported, Object: f.name, At: s.now().UTC(), By: r.who.Partner.ID, Key: r.who.KeyID,
		Reason: strings.TrimPrefix(r.Request.URL.Path, "/v1/trends/") + "?" + r.Request.URL.RawQuery}
	act.Reason = act.Reason[:min(len(act.Reason), maxReason)]
	var err error
	if act.ID, err = uuid.NewV7(); err != nil {
		return err
	}
	if err := s.trail.RecordActs(ctx, act); err != nil {
		return err
	}
	body, err := f.write(rows)
	if err != nil {
		return err
	}
	r.answer(http.StatusOK, f.media, body)
	return nil
}

// table is rows of one kind, each a struct whose fields are the columns of Parquet.
type table[R any] struct {
	head []string
	rows []R
	text func(R) []string
}

func (t table[R]) csv() [][]string {
	lines := [][]string{t.head}
	for _, row := range t.rows {
		lines = append(lines, t.text(row))
	}
	return lines
}

func (t table[R]) parquet(to *bytes.Buffer) error {
	w := parquet.NewGenericWriter[R](to, parquet.Compression(&parquet.Snappy))
	if _, err := w.Write(t.rows); err != nil {
		return err
	}
	return w.Close()
}

type seriesRow struct {
	At         time.Time `parquet:"at,timestamp(millisecond)"`
	Key        string    `parquet:"key,dict"`
	Value      *int64    `parquet:"value,optional"`
	Suppressed bool      `parquet:"suppressed"`
}

func seriesRows(lines []fraud.Series) exportable {
	t := table[seriesRow]{head: []string{"at", "key", "value", "suppressed"}, text: func(r seriesRow) []string {
		value := ""
		if r.Value != nil {
			value = strconv.FormatInt(*r.Value, 10)
		}
		return []string{local(r.At), r.Key, value, strconv.FormatBool(r.Suppressed)}
	}}
	for _, line := range lines {
		for _, p := range line.Points {
			row := seriesRow{At: p.At, Key: line.Key, Suppressed: p.Suppressed}
			if !p.Suppressed {
				value := int64(p.Value)
				row.Value = &value
			}
			t.rows = append(t.rows, row)
		}
	}
	return t
}

type topRow struct {
	Key        string   `parquet:"key"`
	Value      *int64   `parquet:"value,optional"`
	Baseline   *int64   `parquet:"baseline,optional"`
	Expected   *float64 `parquet:"expected,optional"`
	Change     *float64 `parquet:"change,optional"`
	Ratio      *float64 `parquet:"ratio,optional"`
	Suppressed bool     `parquet:"suppressed"`
}

func topRows(movers []mover) exportable {
	whole := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	broken := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	t := table[topRow]{head: []string{"key", "value", "baseline", "expected", "change", "ratio", "suppressed"},
		text: func(r topRow) []string {
			return []string{r.Key, whole(r.Value), whole(r.Baseline), broken(r.Expected), broken(r.Change), broken(r.Ratio),
				strconv.FormatBool(r.Suppressed)}
		}}
	signed := func(n *uint64) *int64 {
		if n == nil {
			return nil
		}
		whole := int64(*n)
		return &whole
	}
	for _, m := range movers {
		t.rows = append(t.rows, topRow{m.Key, signed(m.Value), signed(m.Baseline), m.Expected, m.Change, m.Ratio,
			m.Suppressed})
	}
	return t
}
