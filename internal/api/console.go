package api

import "net/http"

// front answers GET /: people who type the hub's address get to the console.
func (s *Server) front(r *request) error {
	if s.web == nil {
		return refuse("no_such_route", "this node serves no console; the routes are described at /docs and in /openapi.yaml")
	}
	r.Writer.Header().Set("Location", "/console")
	r.Writer.WriteHeader(http.StatusFound)
	r.Writer.WriteHeaderNow()
	return nil
}

// console answers GET /console and the files that its page loads.
func (s *Server) console(r *request) error {
	if s.web == nil || !s.web.Serve(r.Writer, r.Request, r.Param("file")) {
		return refuse("no_such_route", "there is no such file here; the page is at /console")
	}
	return nil
}
