package api

// me answers GET /v1/me: who the hub takes the caller for.
func (s *Server) me(r *request) error {
	return r.json(struct {
		Partner string   `json:"partner"`
		Kind    string   `json:"kind"`
		Scopes  []string `json:"scopes"`
		Epoch   uint16   `json:"epoch"`
		Node    string   `json:"node"`
	}{r.who.Partner.ID, r.who.Partner.Kind.String(), r.who.Scopes.Names(), s.keys.Epoch(), s.cfg.Node})
}
