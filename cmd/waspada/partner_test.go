package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/waspada-hub/waspada/pkg/client"
)

// registry is the partner of a hub, "bank-kancil", once it was added.
type registry struct {
	mu      sync.Mutex
	partner *client.Partner
}

// handle serves what `waspada partner` asks for.
func (g *registry) handle(mux *http.ServeMux, h *hub) {
	change := func(status int, change func(w http.ResponseWriter, r *http.Request, p *client.Partner) any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			defer g.mu.Unlock()
			switch p := g.partner; {
			case p == nil || r.PathValue("id") != p.ID:
				refuse(w, 404, "partner_not_found", "no partner of this hub has this id")
			case r.Method != http.MethodGet && r.Header.Get("If-Match") != fmt.Sprintf(`"%d"`, p.Revision):
				refuse(w, 412, "revision_passed", "another change came first")
			default:
				if value := change(w, r, p); value != nil {
					answer(w, status, value)
				}
			}
		}
	}
	mux.HandleFunc("GET /v1/admin/partners", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"partners": []*client.Partner{g.partner}})
	})
	mux.HandleFunc("GET /v1/admin/holds", func(w http.ResponseWriter, _ *http.Request) {
		since := time.Date(2026, 11, 22, 6, 5, 0, 0, time.UTC)
		answer(w, 200, map[string]any{"holds": []client.Hold{{Partner: "bank-kancil", Day: "2026-11-22", Events: 1200,
			Types: map[string]int{"phone": 1000, "bank_account": 200}, Since: since, Until: since.Add(15 * time.Minute),
			State: "held"}}})
	})
	mux.HandleFunc("POST /v1/admin/partners", func(w http.ResponseWriter, r *http.Request) {
		var in client.NewPartner
		if h.read(w, r, &in) {
			g.partner = &client.Partner{ID: in.ID, Number: 13, Revision: 1, Name: in.Name, Kind: in.Kind, Organisation: in.ID,
				Weight: *in.Weight, State: in.State, Subject: in.Subject, SubjectScopes: in.SubjectScopes}
			answer(w, 201, g.partner)
		}
	})
	mux.HandleFunc("GET /v1/admin/partners/{id}", change(200,
		func(_ http.ResponseWriter, _ *http.Request, p *client.Partner) any { return p }))
	mux.HandleFunc("POST /v1/admin/partners/{id}/keys", change(201,
		func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			var in struct {
				Scopes   []string `json:"scopes"`
				Replaces string   `json:"replaces"`
				Overlap  int      `json:"overlap_seconds"`
				Reason   string   `json:"reason"`
			}
			if !h.read(w, r, &in) {
				return nil
			}
			p.Revision++
			if in.Replaces != "" {
				if in.Replaces != p.APIKeys[0].ID || in.Overlap != 7*24*3600 {
					refuse(w, 404, "key_not_found", "the partner has no such key")
					return nil
				}
				in.Scopes = p.APIKeys[0].Scopes
			}
			key := client.APIKey{ID: fmt.Sprintf("%s.k%d", p.ID, len(p.APIKeys)+1), Scopes: in.Scopes}
			p.APIKeys = append(p.APIKeys, key)
			return client.IssuedKey{APIKey: "wsp_live_" + key.ID + "_secret", ID: key.ID, Partner: *p}
		}))
	mux.HandleFunc("PATCH /v1/admin/partners/{id}", change(200,
		func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			// What is named takes the place of what was there; the names are the same in both.
			if !h.read(w, r, p) {
				return nil
			}
			p.Revision++
			return p
		}))
	mux.HandleFunc("DELETE /v1/admin/partners/{id}/keys/{key}", change(200,
		func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			before := len(p.APIKeys)
			p.APIKeys = slices.DeleteFunc(p.APIKeys, func(k client.APIKey) bool { return k.ID == r.PathValue("key") })
			if len(p.APIKeys) == before || r.URL.Query().Get("reason") == "" {
				refuse(w, 404, "key_not_found", "the partner has no such key")
				return nil
			}
			p.Revision++
			return p
		}))
	mux.HandleFunc("POST /v1/admin/partners/{id}/signing-keys", change(201,
		func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			var in client.SigningKey
			if !h.read(w, r, &in) {
				return nil
			}
			p.SigningKeys = append(p.SigningKeys, client.SigningKey{ID: in.ID, Public: in.Public, NotBefore: in.NotBefore})
			p.Revision++
			return p
		}))
	mux.HandleFunc("POST /v1/admin/partners/{id}/signing-keys/{key}/revoke", change(200,
		func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			var in struct {
				Since  time.Time `json:"since"`
				Reason string    `json:"reason"`
			}
			if !h.read(w, r, &in) {
				return nil
			}
			k := &p.SigningKeys[0]
			if k.ID != r.PathValue("key") {
				refuse(w, 404, "key_not_found", "the partner has no such key")
				return nil
			}
			k.NotAfter, k.Reason = in.Since, in.Reason
			p.Revision++
			return p
		}))
	mux.HandleFunc("POST /v1/admin/partners/{id}/state", change(200,
		func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			var in struct {
				State  string `json:"state"`
				Reason string `json:"reason"`
			}
			if !h.read(w, r, &in) {
				return nil
			}
			p.State = in.State
			p.Revision++
			return p
		}))
	void := func(do func(p *client.Partner, in map[string]string, id string)) http.HandlerFunc {
		return change(200, func(w http.ResponseWriter, r *http.Request, p *client.Partner) any {
			in := map[string]string{"reason": r.URL.Query().Get("reason")}
			if r.Method == http.MethodPost && !h.read(w, r, &in) {
				return nil
			}
			p.Revision++
			do(p, in, r.PathValue("void"))
			return p
		})
	}
	at := func(text string) time.Time { t, _ := time.Parse(time.RFC3339, text); return t }
	mux.HandleFunc("POST /v1/admin/partners/{id}/voids", void(func(p *client.Partner, in map[string]string, _ string) {
		p.Voids = []client.Void{{ID: "v4", Since: at(in["since"]), Until: at(in["until"]), Key: in["key"],
			Reason: in["reason"]}}
	}))
	mux.HandleFunc("POST /v1/admin/partners/{id}/voids/{void}/end",
		void(func(p *client.Partner, in map[string]string, _ string) { p.Voids[0].Until = at(in["until"]) }))
	mux.HandleFunc("DELETE /v1/admin/partners/{id}/voids/{void}",
		void(func(p *client.Partner, _ map[string]string, _ string) { p.Voids = nil }))
	mux.HandleFunc("POST /v1/admin/partners/{id}/releases", void(func(p *client.Partner, in map[string]string, _ string) {
		p.Releases = []client.Release{{ID: "r7", Since: at(in["since"]), Until: at(in["until"]), Reason: in["reason"],
			ProposedBy: "ops.1"}}
	}))
	mux.HandleFunc("POST /v1/admin/partners/{id}/releases/{void}/confirm",
		void(func(p *client.Partner, _ map[string]string, _ string) {
			p.Releases[0].ConfirmedBy, p.Releases[0].InForce = "ops.2", true
		}))
	mux.HandleFunc("DELETE /v1/admin/partners/{id}/releases/{void}",
		void(func(p *client.Partner, _ map[string]string, _ string) { p.Releases = nil }))
}
