package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/internal/quota"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// enter lets a request of a known caller in, or refuses it before its body is read. net/http then drops a body of up to
// 256 KiB unseen, which keeps the connection, and closes on a larger one.
func (s *Server) enter(r *request, rt route) error {
	if err := s.admitted(r, rt); err != nil || rt.method == http.MethodPost || rt.method == http.MethodPatch {
		return err // a body is to come, and work begins when it is there
	}
	return r.pass.work()
}

// admitted asks 1 the partner's quotas, 2 the gate.
func (s *Server) admitted(r *request, rt route) error {
	r.pass = pass{gate: &s.gate, class: classOf(rt)}
	if s.quotas != nil {
		r.account, r.use = s.quotas.Of(r.who.Partner), useOf(rt.scope)
		if refused := r.account.Enter(r.arrived, r.use); refused != nil {
			return refused
		}
	}
	return r.pass.enter()
}

func useOf(scope fraud.Scope) quota.Use {
	switch scope {
	case fraud.MayLookup:
		return quota.Asks
	case fraud.MayReport, judge:
		return quota.Reports
	}
	return quota.Other
}

// charge counts what a look-up asks about, and shows it to who watches for canaries; with an error nothing may be
// answered.
func (r *request) charge(n int, digests []indicator.Digest) error {
	if r.server.canaries != nil {
		r.server.canaries.Asked(&r.who, digests)
	}
	if r.account == nil {
		return nil
	}
	if refused := r.account.Ask(r.arrived, n, digests); refused != nil {
		return refused
	}
	return nil
}

// found counts digests that were just charged as known, or, taking as long, counts nothing.
func (r *request) found(digests []indicator.Digest, known bool) {
	if r.account != nil && len(digests) > 0 {
		r.account.Found(r.arrived, digests, known)
	}
}

// chargeEvents counts new listings and retractions; giveBack is for when they are not sent after all.
func (r *request) chargeEvents(events []fraud.Event) (giveBack func(), err error) {
	if r.account == nil {
		return func() {}, nil
	}
	listings, retractions := 0, 0
	for i := range events {
		switch events[i].Kind {
		case fraud.Report:
			listings++
		case fraud.Withdraw:
			retractions++
		}
	}
	if refused := r.account.Report(r.server.now(), listings, retractions); refused != nil {
		return nil, refused
	}
	return func() { r.account.Return(listings, retractions) }, nil
}

// tellQuotas says in an answer's head what the partner may, and what of it is left.
func (r *request) tellQuotas(h http.Header) {
	if r.account == nil {
		return
	}
	policy, state := r.account.Headers(r.server.now(), r.use)
	h["Ratelimit-Policy"] = policy // as net/http writes it; names of headers have no case
	h["Ratelimit"] = r.header(quotaLine, state)
}

// quotaHint says what is used up and what to do.
func quotaHint(r *quota.Refusal) string {
	limit := strconv.Itoa(r.Limit)
	if r.Window == time.Second {
		return "this partner may send " + limit + " " + r.Quota + " a second to this node: repeat when Retry-After " +
			"says, and more slowly"
	}
	what := map[string]string{quota.Distinct: "ask about %d different indicators", quota.Listings: "list %d indicators",
		quota.Retractions: "take back %d reports"}[r.Quota]
	return "this partner may " + strings.Replace(what, "%d", limit, 1) + " a day at this node, from midnight to " +
		"midnight in Malaysia: if the work needs more, ask the hub's operator for it"
}
