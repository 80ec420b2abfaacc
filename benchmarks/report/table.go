package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// The marks in README.md; what stands between them is made from the results, and everything else by hand.
const (
	beginMark = "<!-- results: made by `make bench-table` -->"
	endMark   = "<!-- end of results -->"
)

var errNoMarks = errors.New("it lacks the marks " + beginMark + " and " + endMark)

// WriteTables makes the tables of a page anew from the results of a folder.
func WriteTables(page, dir string) error {
	families, err := All(dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	before, rest, found := bytes.Cut(text, []byte(beginMark))
	_, after, ended := bytes.Cut(rest, []byte(endMark))
	if !found || !ended {
		return fmt.Errorf("write tables: %s: %w", page, errNoMarks)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(beginMark + "\n\n" + goals(families))
	for _, f := range families {
		b.WriteString("\n" + Table(f))
	}
	b.WriteString("\n" + endMark)
	b.Write(after)
	if err := os.WriteFile(page, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return nil
}

// goals are the rows of all families that have one, as Markdown, each with what was seen and why it does not hold.
func goals(families []Family) string {
	var b strings.Builder
	b.WriteString("### The goals\n\n| of | what | goal | seen | spread | holds | why not |\n|---|---|---|---|---|---|---|\n")
	for _, f := range families {
		for _, r := range f.Rows {
			if r.Goal == (Goal{}) {
				continue
			}
			goal := r.Goal.Sense + " " + figure(r.Goal.Than, r.Unit)
			if r.NotTested != "" {
				b.WriteString(cells(f.Title, r.Row, goal, "not tested: "+r.NotTested, "", "", ""))
				continue
			}
			why := ""
			if r.Holds == "no" {
				why = r.Why
			}
			b.WriteString(cells(f.Title, r.Row, goal, figure(r.Median, r.Unit), number(r.Min)+" to "+number(r.Max), verdict[r.Holds], why))
		}
	}
	return b.String()
}

var verdict = map[string]string{"yes": "yes", "no": "**no**"}

// Table is a family as Markdown: those rows with a goal first.
func Table(f Family) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", f.Title)
	if f.About != "" {
		fmt.Fprintf(&b, "%s\n\n", f.About)
	}
	b.WriteString("| what | goal | seen | spread | holds | CPU each: ours, theirs | what it means |\n|---|---|---|---|---|---|---|\n")
	var asides []string
	for _, withGoal := range []bool{true, false} {
		for _, r := range f.Rows {
			if (r.Goal != Goal{}) == withGoal {
				b.WriteString(line(&r, &asides))
			}
		}
	}
	for i, aside := range asides {
		fmt.Fprintf(&b, "\n%d. %s", i+1, aside)
		if i == len(asides)-1 {
			b.WriteString("\n")
		}
	}
	b.WriteString("\n" + seenOn(f) + "\n")
	return b.String()
}

// line is one row; what it needs to say beside goes to the list below the table.
func line(r *Row, asides *[]string) string {
	what := r.Row
	if r.Note != "" {
		*asides = append(*asides, r.Note)
		what += fmt.Sprintf(" (%d)", len(*asides))
	}
	goal := ""
	if r.Goal != (Goal{}) {
		goal = r.Goal.Sense + " " + figure(r.Goal.Than, r.Unit)
	}
	if r.NotTested != "" {
		return cells(what, goal, "not tested: "+r.NotTested, "", "", "", r.Means)
	}
	cpu := ""
	if r.SubjectCPU > 0 {
		cpu = duration(r.SubjectCPU)
	}
	if r.BaselineCPU > 0 {
		cpu += ", " + duration(r.BaselineCPU)
	}
	spread := number(r.Min) + " to " + number(r.Max)
	return cells(what, goal, figure(r.Median, r.Unit), spread, verdict[r.Holds], cpu, r.Means)
}

func cells(of ...string) string {
	for i := range of {
		of[i] = strings.ReplaceAll(of[i], "|", `\|`)
	}
	return "| " + strings.Join(of, " | ") + " |\n"
}

func figure(x float64, unit string) string {
	if unit == "" {
		return number(x)
	}
	if n := number(x); strings.HasPrefix(unit, "/") {
		return n + unit
	} else {
		return n + " " + unit
	}
}

// seenOn says where, when and how often the rows were seen.
func seenOn(f Family) string {
	least, most := 0, 0
	low, high := 0.0, 0.0
	days := ""
	for _, r := range f.Rows {
		if r.NotTested != "" {
			continue
		}
		if most == 0 {
			least, low = r.Rounds, r.Load
		}
		least, most = min(least, r.Rounds), max(most, r.Rounds)
		low, high = min(low, r.Load), max(high, r.Load)
		if day := r.When.Format("2006-01-02"); !strings.Contains(days, day) {
			days = strings.TrimPrefix(days+", "+day, ", ")
		}
	}
	rounds := fmt.Sprint(least)
	if most > least {
		rounds = fmt.Sprintf("%d to %d", least, most)
	}
	return fmt.Sprintf("Medians of %s interleaved rounds, seen on %s on %d CPUs (%s, %s), %s, %s; load average %.1f to %.1f.",
		rounds, days, f.Machine.CPUs, f.Machine.CPU, f.Machine.Memory, f.Machine.System, f.Machine.Go, low, high)
}
