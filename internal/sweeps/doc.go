// Package sweeps notices who goes through numbers instead of asking about what he meets. Quotas bound such a sweep
// (internal/quota); this tells people of it.
//
//	a look-up's digests ──Asked──▶ a canary? ──▶ the partner's first of the day? ──┐
//	                                  └──▶ counted                                 ├──▶ alarm ──▶ log, at once
//	what partners asked today ──every 5 s──▶ much asked, little known? ────────────┘       └──▶ audit, retried
//
// A canary is an indicator that nobody has a reason to ask about: a number that is nobody's and stands in no directory,
// or one that is planted where only thieves look. Nobody lists it, so it is answered like everything that is not
// listed, and as fast: the alarm is raised beside the answer.
//
// A look-up waits for nothing of this: not for the log, and not for ClickHouse.
package sweeps
