package main

import (
	"net/http"
	"strings"
)

// someSummary is a campaign of three: the count of its partners may not be told.
var someSummary = map[string]any{
	"id": "0123456789abcdef", "members": 3, "types": []string{"bank_account", "phone"}, "categories": []string{"investment"},
	"reports": 4, "losses": map[string]int{}, "first_reported": "2026-11-01T00:00:00.000Z",
	"last_reported": "2026-11-02T00:00:00.000Z", "left_out": 0,
}

func campaignList(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("type") == "email" {
		answer(w, 200, map[string]any{"campaigns": []any{}})
		return
	}
	answer(w, 200, map[string]any{"campaigns": []any{someSummary}, "next": "abc"})
}

// campaignShown answers in two pages, of which one edge comes with both.
func campaignShown(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.PathValue("id") == "ffffffffffffffff":
		answer(w, 200, map[string]any{"id": r.PathValue("id"), "state": "ended", "into": "0123456789abcdef"})
		return
	case r.PathValue("id") != "0123456789abcdef":
		refuse(w, 404, "campaign_not_found", "there never was a campaign of this id")
		return
	}
	node := func(place int, kind, digit, verdict string) map[string]any {
		return map[string]any{"place": place, "type": kind, "digest": strings.Repeat(digit, 64), "verdict": verdict, "score": 70,
			"first_reported": "2026-11-01T00:00:00.000Z", "last_reported": "2026-11-02T00:00:00.000Z"}
	}
	page := map[string]any{"id": "0123456789abcdef", "state": "active", "campaign": someSummary, "epoch": 2}
	across := map[string]any{"kind": "host", "nodes": []int{1, 2}, "partners": 5}
	if r.URL.Query().Get("cursor") == "" {
		page["nodes"] = []any{node(0, "phone", "a", "suspected"), node(1, "phone", "b", "confirmed")}
		page["edges"] = []any{map[string]any{"kind": "case", "nodes": []int{0, 1}}, across}
		page["next"] = "more"
	} else {
		page["nodes"] = []any{node(2, "bank_account", "c", "not_listed")}
		page["edges"] = []any{across}
	}
	answer(w, 200, page)
}
