// Package report keeps what benchmarks saw, in one form for all of them, and makes the tables of benchmarks/README.md.
//
//	a benchmark ──Row──▶ Put ──▶ results/<family>.json ──▶ Table ──▶ README.md, between its marks
//
// A row is a claim: one figure of a subject, nearly always as a ratio to a baseline that ran in the same rounds, with
// its spread and, if there is one, its goal. Benchmarks of Go's own kind fill a row like this:
//
//	row := report.Row{Row: "miss", Subject: "our filter", Baseline: "bloom.Test", Unit: report.Times, Goal: report.AtMost(0.40),
//		Means: "most look-ups end here", SubjectCPU: report.Median(ours), BaselineCPU: report.Median(theirs)}
//	row.See(report.Ratios(ours, theirs))
//	err := report.Put(report.Dir(), report.Family{Name: "filter", Title: "The filter"}, row)
//
// Without a folder Put does nothing, so that `go test -bench` alone writes nothing; `make bench` names it.
package report
