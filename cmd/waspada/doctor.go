package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// finding is one line of doctor.
type finding struct {
	Check string `json:"check"`
	// Status is ok, warn or fail.
	Status string `json:"status"`
	Detail string `json:"detail"`
	// Advice is the likely cause and what to do.
	Advice string `json:"advice,omitempty"`
}

const notTheHub = "something other than the hub seems to answer: see the address and its path"

// The time differences from which doctor speaks up. The hub refuses events that are more than fraud.MaxSkew ahead.
const (
	skewWarn    = 5 * time.Second
	doctorLimit = 5 * time.Second // of each check
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find out why something does not work",
		Long: text(`
doctor checks, from here to the hub, everything that the other commands need: the settings, name and
connection, the hub's own readiness, the clocks, the API key and what it may do, and that the key
ring is of the hub's epoch. Each line is ok, warn or fail, with the likely cause and what to do.

It sends no value. Exit codes: 0 nothing failed; 1 something did.`),
		Example: `  waspada doctor
  waspada doctor -o json | jq 'select(.status != "ok")'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("doctor takes no arguments")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := doctor{app: a}
			d.run(cmd.Context())
			if d.failed {
				return exitStatus(exitFailed)
			}
			return nil
		},
	}
}

type doctor struct {
	*app
	failed bool
}

func (d *doctor) ok(check, detail string)           { d.found(finding{check, "ok", detail, ""}) }
func (d *doctor) warn(check, detail, advice string) { d.found(finding{check, "warn", detail, advice}) }
func (d *doctor) fail(check, detail, advice string) { d.found(finding{check, "fail", detail, advice}) }

func (d *doctor) found(f finding) {
	d.failed = d.failed || f.Status == "fail"
	if d.json() {
		_ = d.tell(f)
		return
	}
	sgr := map[string]string{"ok": green, "warn": yellow, "fail": red}[f.Status]
	d.say("%s  %-10s  %s", d.paint(sgr, fmt.Sprintf("%-4s", f.Status)), f.Check, f.Detail)
	if f.Advice != "" {
		d.say("                  → %s", f.Advice)
	}
}

// run goes from here outwards, and stops where nothing beyond can be checked.
func (d *doctor) run(ctx context.Context) {
	ring := d.checkRing()
	key := d.checkKeyForm()
	secured, err := d.tls.options()
	if err != nil {
		d.fail("certificate", faultOf(err).Detail, "see that --cert, --cert-key and --ca are the paths of the files")
		return
	}
	hub, err := client.New(d.server, key, append(secured,
		client.WithKeyRing(ring), client.WithPatience(0), client.WithUserAgent("waspada-cli"))...)
	if err != nil {
		d.fail("server", err.Error(), "set WASPADA_SERVER or --server to the address that the hub's operators gave you")
		return
	}
	d.checkServer(hub.Server())
	if !d.checkReach(ctx, hub.Server()) || !d.checkHTTP(ctx, hub.Server()) {
		return
	}
	d.checkReady(ctx, hub)
	if key != "" || d.tls.cert != "" {
		d.checkIdentity(ctx, hub, ring)
	}
}

func (d *doctor) checkRing() *indicator.KeyRing {
	if d.keyring == "" {
		d.warn("key ring", "none is set: values are sent to the hub, which digests and forgets them",
			"set WASPADA_KEYRING to the key ring's file, and no value leaves this machine")
		return nil
	}
	ring, err := d.keyRing()
	if err != nil {
		advice := "ask the hub's operators for the file anew"
		if errors.Is(err, fs.ErrNotExist) {
			advice = "see that WASPADA_KEYRING or --keyring is the path of the file"
		}
		d.fail("key ring", faultOf(err).Detail, advice)
		return nil
	}
	if info, err := os.Stat(d.keyring); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.warn("key ring", fmt.Sprintf("epoch %d, but other users of this machine can read the file", ring.Epoch()),
			"chmod 600 "+d.keyring)
		return ring
	}
	d.ok("key ring", fmt.Sprintf("epoch %d", ring.Epoch()))
	return ring
}

func (d *doctor) checkKeyForm() string {
	key, err := d.apiKey()
	switch {
	case err != nil:
		d.fail("API key", faultOf(err).Detail, "see that the file after @ can be read")
		return ""
	case key == "" && d.tls.cert != "":
		d.ok("API key", "none is set: the client certificate says who you are")
	case key == "":
		d.fail("API key", "none is set", "set WASPADA_API_KEY to the key that the hub's operators gave you, or to @FILE")
		return ""
	case !strings.HasPrefix(key, "wsp_") || strings.Count(key, "_") != 4:
		d.warn("API key", "it does not look like wsp_live_<id>_<secret>_<checksum>", "see that it was copied whole")
	}
	return key
}

func (d *doctor) checkServer(server *url.URL) {
	ip := net.ParseIP(server.Hostname())
	here := server.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if server.Scheme == "http" && !here {
		d.warn("server", server.Redacted()+" is not encrypted: others on the way can read the API key", "use https")
		return
	}
	detail := server.Redacted()
	if d.server == defaultServer && os.Getenv("WASPADA_SERVER") == "" {
		detail += " (the default; WASPADA_SERVER is not set)"
	}
	d.ok("server", detail)
}

// checkReach resolves the name and connects, unless a proxy does that for us.
func (d *doctor) checkReach(ctx context.Context, server *url.URL) bool {
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: server}); err == nil && proxy != nil {
		d.ok("connect", "through the proxy "+proxy.Host)
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	host := server.Hostname()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		d.fail("name", "the name of the hub cannot be resolved",
			"see that the address is spelt right, and that DNS works here: nslookup "+host)
		return false
	}
	if net.ParseIP(host) == nil {
		d.ok("name", host+" is "+strings.Join(addresses, ", "))
	}
	port := cmp.Or(server.Port(), map[string]string{"https": "443", "http": "80"}[server.Scheme])
	begun := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		advice := "a firewall or proxy on the way may drop it: ask your network team to open port " + port
		if strings.Contains(err.Error(), "refused") {
			advice = "nothing listens there: see that the hub runs (here: make demo) and that the port is right"
		}
		d.fail("connect", err.Error(), advice)
		return false
	}
	conn.Close()
	d.ok("connect", fmt.Sprintf("port %s in %.1f ms", port, milliseconds(time.Since(begun))))
	return true
}

// checkHTTP asks whether the process lives, and compares the clocks by the Date of the answer.
func (d *doctor) checkHTTP(ctx context.Context, server *url.URL) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath("/livez").String(), nil)
	if err != nil {
		d.fail("API", err.Error(), "")
		return false
	}
	begun := time.Now()
	answer, err := d.tls.transport().RoundTrip(req)
	if err != nil {
		advice := "what listens there may be no HTTP server, or want https where http is given"
		if errors.As(err, new(*tls.CertificateVerificationError)) {
			advice = "the certificate is not trusted here: a proxy may open connections, or an authority is missing"
		}
		d.fail("API", err.Error(), advice)
		return false
	}
	answer.Body.Close()
	took := time.Since(begun)
	if answer.StatusCode != http.StatusOK {
		d.fail("API", fmt.Sprintf("/livez answers %d", answer.StatusCode), notTheHub)
		return false
	}
	d.ok("API", fmt.Sprintf("version 1, answers in %.1f ms", milliseconds(took)))
	d.checkClock(answer.Header.Get("Date"), begun.Add(took/2))
	return true
}

// checkClock allows for the Date header's precision of a second.
func (d *doctor) checkClock(date string, here time.Time) {
	there, err := http.ParseTime(date)
	if err != nil {
		d.warn("clock", "the hub's answer has no date to compare with", "")
		return
	}
	ahead := here.Sub(there.Add(time.Second / 2)).Round(time.Second)
	words := fmt.Sprintf("this machine is %s ahead of the hub", ahead)
	if ahead < 0 {
		words = fmt.Sprintf("this machine is %s behind the hub", -ahead)
	}
	const advice = "set this machine's clock (NTP): of two statements the later one wins, by the sender's clock"
	switch size := max(ahead, -ahead); {
	case ahead > fraud.MaxSkew:
		d.fail("clock", words+": the hub refuses what you report", advice)
	case size > skewWarn:
		d.warn("clock", words, advice)
	default:
		d.ok("clock", "agrees with the hub's")
	}
}

// without is what partners feel while the hub cannot reach a part of its own.
var without = map[string]string{
	"kafka": "reports are answered 503, and are to be sent again; look-ups are answered from what the hub knows, and say " +
		"how old that is",
	"clickhouse": "analyses and the fate of reports wait; look-ups and reports do not",
}

func (d *doctor) checkReady(ctx context.Context, hub *client.Client) {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	ready, err := hub.Ready(ctx)
	if err != nil {
		d.fail("readiness", faultOf(err).Detail, notTheHub)
		return
	}
	var bad, means []string
	for _, c := range ready.Checks {
		if c.Status != "ok" {
			bad = append(bad, c.Name+" "+c.Status)
			if m := without[c.Name]; m != "" {
				means = append(means, m+". ")
			}
		}
	}
	switch ready.Status {
	case "ready":
		d.ok("readiness", counted(len(ready.Checks), "check")+" of the hub's own, all well")
	case "degraded":
		d.warn("readiness", "degraded: "+strings.Join(bad, ", "),
			strings.Join(means, "")+"The hub's log tells its operators the likely cause")
	default:
		d.fail("readiness", ready.Status+": "+strings.Join(bad, ", "),
			"it may be starting: ask again in a minute. The hub's log tells its operators the likely cause")
	}
}

func (d *doctor) checkIdentity(ctx context.Context, hub *client.Client, ring *indicator.KeyRing) {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	me, err := hub.Me(ctx)
	if err != nil {
		d.fail("API key", faultOf(err).Detail,
			"see that the key is this hub's, and ask the hub's operators whether it is in force")
		return
	}
	detail := fmt.Sprintf("you are %s (%s) and may %s; answered by %s",
		me.Partner, me.Kind, strings.Join(me.Scopes, ", "), me.Node)
	switch {
	case !slices.Contains(me.Scopes, "lookup") && !slices.Contains(me.Scopes, "report"):
		d.warn("API key", detail,
			"check, watch, report and import need the scopes lookup and report: ask the hub's operators")
	default:
		d.ok("API key", detail)
	}
	if ring == nil {
		return
	}
	epochs := fmt.Sprintf("the key ring is at epoch %d, the hub at %d", ring.Epoch(), me.Epoch)
	switch {
	case ring.Epoch() == me.Epoch:
		d.ok("epoch", fmt.Sprintf("the key ring and the hub are at epoch %d", me.Epoch))
	case ring.Epoch() < me.Epoch:
		d.warn("epoch", epochs+": it lifts your digests for now", "ask the hub's operators for the new key ring")
	default:
		d.fail("epoch", epochs+": it knows none of your digests",
			"the key ring may be another hub's: see WASPADA_KEYRING and WASPADA_SERVER")
	}
}
