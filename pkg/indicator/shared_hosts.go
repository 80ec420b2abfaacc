package indicator

import (
	_ "embed"
	"encoding/csv"
	"strconv"
	"strings"
)

// sharedHostsCSV lists hosts where everybody can have a page: shorteners, links in a biography, site builders,
// forms, social networks. A line is a host, or a host and path, and the number of path segments that it takes there
// to name one person's page. A path that ends with a question mark names a page by its query alone. Names with
// "www." or "m." in front are meant too. Services that give everybody a subdomain are on the public suffix list,
// mostly, and need no line.
//
//go:embed shared_hosts.csv
var sharedHostsCSV string

// sharedPlace tells how deep a page lies in one part of a shared host.
type sharedPlace struct {
	path    string // "/" or "/groups" or "/watch"
	byQuery bool
	depth   int
}

var sharedHosts = loadSharedHosts(sharedHostsCSV)

// loadSharedHosts panics on a faulty table: it is part of the program.
func loadSharedHosts(table string) map[string][]sharedPlace {
	reader := csv.NewReader(strings.NewReader(table))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	if err != nil {
		panic("indicator: shared_hosts.csv: " + err.Error())
	}
	byHost := make(map[string][]sharedPlace)
	for _, row := range rows[1:] {
		depth, err := strconv.Atoi(row[1])
		if err != nil {
			panic("indicator: shared_hosts.csv: depth of " + row[0])
		}
		host, path, _ := strings.Cut(row[0], "/")
		path, byQuery := strings.CutSuffix(path, "?")
		byHost[host] = append(byHost[host], sharedPlace{"/" + path, byQuery, depth})
	}
	return byHost
}

// sharedAt gives the places of a shared host, nil for a host of one owner.
func sharedAt(host string) []sharedPlace {
	if places := sharedHosts[host]; places != nil {
		return places
	}
	for _, prefix := range []string{"www.", "m."} {
		if rest, ok := strings.CutPrefix(host, prefix); ok {
			return sharedHosts[rest]
		}
	}
	return nil
}

// tooBroad reports whether path, on a shared host, stands for more than one person's page.
func tooBroad(places []sharedPlace, path string) bool {
	if len(places) == 0 {
		return false
	}
	path, query, _ := strings.Cut(path, "?")
	need := 1
	longest := -1
	for _, place := range places {
		if place.byQuery && path == place.path {
			return query == ""
		}
		inside := place.path == "/" || path == place.path || strings.HasPrefix(path, place.path+"/")
		if inside && len(place.path) > longest {
			longest, need = len(place.path), place.depth
		}
	}
	return segmentsOf(path) < need
}

// segmentsOf counts the segments of a canonical path.
func segmentsOf(path string) int {
	trimmed := strings.Trim(path, "/")
	if trimmed == "" {
		return 0
	}
	return strings.Count(trimmed, "/") + 1
}
