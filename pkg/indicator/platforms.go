package indicator

import (
	_ "embed"
	"encoding/csv"
	"slices"
	"strings"
)

// platformsCSV lists the platforms whose accounts can be reported: their names, whether they know people by
// telephone number, and how the addresses of profiles look there. In a profile, {} stands for the account and *
// for a segment that does not matter.
//
//go:embed platforms.csv
var platformsCSV string

type platform struct {
	name     string
	byPhone  bool
	profiles []string
}

var platformsByName, platformsByHost = loadPlatforms(platformsCSV)

// loadPlatforms panics on a faulty table: it is part of the program.
func loadPlatforms(table string) (byName, byHost map[string]platform) {
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		panic("indicator: platforms.csv: " + err.Error())
	}
	byName, byHost = make(map[string]platform), make(map[string]platform)
	for _, row := range rows[1:] {
		p := platform{name: row[0], byPhone: row[1] == "phone", profiles: strings.Split(row[4], ";")}
		for _, name := range append(strings.Split(row[2], ";"), p.name) {
			if name != "" {
				byName[name] = p
			}
		}
		for host := range strings.SplitSeq(row[3], ";") {
			if host != "" {
				byHost[host] = p
			}
		}
	}
	return byName, byHost
}

func platformAt(host string) (platform, bool) {
	for _, prefix := range []string{"", "www.", "m."} {
		if rest, ok := strings.CutPrefix(host, prefix); ok {
			if p, ok := platformsByHost[rest]; ok {
				return p, true
			}
		}
	}
	return platform{}, false
}

// notProfiles are first segments of addresses that look like an account's and are not.
var notProfiles = []string{"about", "accounts", "c", "events", "explore", "feed", "gaming", "groups", "hashtag",
	"help", "home", "i", "intent", "joinchat", "login", "marketplace", "messages", "notifications", "p", "pages",
	"people", "pin", "profile.php", "reel", "reels", "search", "settings", "share", "shop", "sharer", "stories",
	"story.php", "t", "tr", "tv", "watch", "send", "addstickers", "proxy", "user", "permalink.php", "photo"}

// account finds the account in the address of a profile, as the platform spells it.
func (p platform) account(path string) (string, bool) {
	path, query, _ := strings.Cut(path, "?")
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for _, profile := range p.profiles {
		form, parameter, byQuery := strings.Cut(profile, "?")
		wanted := strings.Split(strings.Trim(form, "/"), "/")
		if len(wanted) != len(segments) {
			continue
		}
		found, matches := "", true
		for i, want := range wanted {
			before, _, isAccount := strings.Cut(want, "{}")
			switch {
			case isAccount && strings.HasPrefix(segments[i], before):
				found = segments[i]
			case want != "*" && want != segments[i]:
				matches = false
			}
		}
		if byQuery {
			found = parameterOf(query, strings.TrimSuffix(parameter, "={}"))
		}
		if matches && found != "" && !(len(wanted) == 1 && slices.Contains(notProfiles, found)) {
			return unescape(strings.TrimPrefix(found, "~")), true
		}
	}
	return "", false
}

// parameterOf finds a parameter of a query.
func parameterOf(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, ok := strings.Cut(pair, "="); ok && key == name {
			return value
		}
	}
	return ""
}
