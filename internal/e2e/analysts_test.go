package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/devstack"
	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/schemas"
)

// analysts is a hub whose trends are asked as the user of deploy/clickhouse/analyst.sql, with what makes counting hard
// in its ledger: events that came twice, late, at another offset again, and that were withdrawn, half of them rolled up.
type analysts struct {
	*hubtest.Hub
	engine *devstack.Engine
	user   devstack.User
	// hasty has the same rights and, for the test, a limit that every question meets.
	hasty devstack.User
	words *fraud.Taxonomy
	sent  int // events, however often each
	// bank asks as a bank's analyst, who is not told everything.
	bank, regulator analyst
}

// analyst is who asks, and what it may see as a condition on the ledger.
type analyst struct {
	*client.Client
	key, sees string
	all       bool
}

const (
	tradeOfOne = "incident-of-one-bank"
	risesIn    = "love_parcel"
)

// newAnalysts starts the hub and fills its ledger.
func newAnalysts(t *testing.T) *analysts {
	t.Helper()
	a := &analysts{user: testkit.Analyst(t)}
	a.hasty = a.user
	a.hasty.Name, a.hasty.Limits = "hasty", append(slices.Clone(a.user.Limits),
		devstack.Limit{Setting: "max_rows_to_group_by", Value: "100"},
		devstack.Limit{Setting: "group_by_overflow_mode", Value: "throw"})
	a.engine = testkit.OwnClickHouse(t, devstack.EngineOptions{Users: []devstack.User{a.user, a.hasty}})
	a.Hub = hubtest.Start(t, hubtest.Options{Engine: a.engine, Database: testkit.AnalystDatabase,
		NodeOptions: hubtest.NodeOptions{Settings: a.settings(t, a.user)}})
	var err error
	if a.words, err = fraud.LoadTaxonomy(schemas.Taxonomy()); err != nil {
		t.Fatal(err)
	}
	a.askers(t)
	r := testkit.Seed(t)
	first := a.say(t, r, nil, 400)
	a.stored(t)
	a.Kill(t)
	a.Restart(t) // what was stored and not committed comes again
	testkit.Eventually(t, time.Minute, func() error {
		for _, table := range []string{"trend_cells", "trend_days", "trend_sums"} {
			if a.Query(t, "SELECT count() FROM "+table) == "0" {
				return errors.New("nothing is rolled up yet in " + table)
			}
		}
		return nil
	})
	a.say(t, r, first, 300)
	a.stored(t)
	// And so does any row whose insert was repeated.
	a.Query(t, "INSERT INTO events SELECT * FROM events WHERE kafka_offset % 3 = 0 "+
		"SETTINGS distributed_foreground_insert = 1")
	return a
}

// settings are those of a node that asks for trends as a user.
func (a *analysts) settings(t *testing.T, user devstack.User) map[string]any {
	t.Helper()
	password := filepath.Join(t.TempDir(), user.Name+".password")
	if err := os.WriteFile(password, []byte(user.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"registry": "clickhouse", "campaigns.every": "500ms", "boards.every": "1s", "audit.usage_every": "1s",
		"clickhouse.analyst_user": user.Name, "clickhouse.analyst_password_file": password,
	}
}

func (a *analysts) askers(t *testing.T) {
	t.Helper()
	a.regulator = analyst{a.Client(t, "regulator"), a.Keys.API["regulator"], "1", true}
	admin := a.Client(t, "admin")
	bank, err := admin.Partner(t.Context(), "bank-kenari")
	if err != nil {
		t.Fatal(err)
	}
	issued, err := admin.IssueKey(t.Context(), bank.ID, bank.Revision, client.NewAPIKey{
		Scopes: []string{"lookup", "analyse"}, Reason: "its analysts"})
	if err != nil {
		t.Fatal(err)
	}
	asks, err := client.New(a.API, issued.APIKey)
	if err != nil {
		t.Fatal(err)
	}
	a.bank = analyst{asks, issued.APIKey, "(tlp IN ('CLEAR', 'GREEN') OR tlp IN ('', 'AMBER') AND sharing_group = 0 OR " +
		"partner = 2)", false}
	testkit.Eventually(t, 20*time.Second, func() error { _, err := asks.Me(t.Context()); return err })
}

// said is an event and who says it.
type said struct {
	partner fraud.Partner
	event   fraud.Event
}

// say publishes n events, some of them those of before again or taken back.
func (a *analysts) say(t *testing.T, r *rand.Rand, before []said, n int) (all []said) {
	t.Helper()
	country, partners := nation.New(r.Uint64(), n), nation.Partners()
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for i := range n {
		p, c := partners[r.IntN(len(partners))], country.Case(r.IntN(country.Len()))
		ref, err := c.Ref(a.Ring)
		if err != nil {
			t.Fatal(err)
		}
		e := fraud.Event{
			ID: uuid.Must(uuid.NewV7()), Kind: fraud.Report, Indicator: ref, TLP: fraud.TLP(r.IntN(6)),
			IssuedAt: time.Now().Add(-time.Duration(r.Int64N(int64(6 * 24 * time.Hour)))).UTC().Truncate(time.Millisecond),
			Category: pick("telecommunication", "e_commerce", "investment", "loan", "fake_shop"),
			Platform: pick("", "facebook", "instagram", "telegram", "shopee"), Institution: pick("", "MBBEMYKL", "CIBBMYKL"),
			Region: pick("", "MY-01", "MY-10", "MY-14"), LossBand: fraud.LossBand(r.IntN(7)),
			Confidence: 80, Advice: fraud.Block,
		}
		switch kind := fraud.Kind(1 + r.IntN(12)); {
		case kind > fraud.ActionTaken || kind == fraud.Report || !p.MaySay(kind, ref.Type):
		case kind == fraud.ActionTaken:
			e.Kind, e.Confidence, e.Action = kind, 0, fraud.Action(1+r.IntN(6))
		default:
			e.Kind, e.Confidence = kind, 0
		}
		if len(before) > 0 {
			earlier := before[r.IntN(len(before))]
			switch i % 6 {
			case 0: // sent again, in another message
				p, e = earlier.partner, earlier.event
			case 1:
				p, e.Kind, e.Confidence, e.Action = earlier.partner, fraud.Withdraw, 0, 0
				e.Indicator, e.IssuedAt = earlier.event.Indicator, time.Now().UTC().Truncate(time.Millisecond)
			case 3: // a platform acts
				if earlier.event.Platform == "facebook" || earlier.event.Platform == "instagram" {
					p, e.Kind, e.Confidence, e.Action = partners[5], fraud.ActionTaken, 0, fraud.Removed
					e.Indicator, e.Platform = earlier.event.Indicator, earlier.event.Platform
				}
			case 2: // what rises
				p, e.Kind, e.Action, e.Category, e.Region, e.Confidence = partners[i%4], fraud.Report, 0, risesIn, "MY-14", 70
				e.IssuedAt = time.Now().Truncate(time.Hour).Add(-time.Duration(r.IntN(180)) * time.Minute).UTC()
			}
		}
		all = append(all, said{p, e})
	}
	byPartner := map[string][]fraud.Event{}
	for _, s := range all {
		byPartner[s.partner.ID] = append(byPartner[s.partner.ID], s.event)
	}
	for partner, events := range byPartner {
		a.Publish(t, partner, events...)
	}
	a.sent += n
	return all
}

// stored waits until everything on the reports topic is in the ledger.
func (a *analysts) stored(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, time.Minute, func() error {
		if refused := a.Query(t, "SELECT reason, pointer, count() FROM dead_letters GROUP BY ALL"); refused != "" {
			t.Fatalf("the test's events are refused: %s", refused)
		}
		n := a.Query(t, "SELECT uniqExact(kafka_partition, kafka_offset, bundle_index) FROM events")
		if n != strconv.Itoa(a.sent) {
			return fmt.Errorf("%s of %d events are stored", n, a.sent)
		}
		return nil
	})
}

// keyOf is a dimension of the ledger, each by SQL of its own.
var keyOf = map[string]string{
	"type": "toString(type)", "kind": "toString(kind)", "loss_band": "toString(loss_band)", "partner_kind": "who.of_kind",
	"category": "toString(category)", "platform": "toString(platform)", "institution": "toString(institution)",
	"region": "toString(region)",
}

// bucketOf is when the bucket begins that an event belongs to.
var bucketOf = map[string]string{
	"hour": "toStartOfHour(issued_at)",
	"day":  "toStartOfDay(issued_at, 'Asia/Kuala_Lumpur')",
	"week": "toDateTime(toMonday(issued_at, 'Asia/Kuala_Lumpur'), 'Asia/Kuala_Lumpur')",
	"all":  "toDateTime(0)",
}

// lostOf is what a band means at least, in ringgit.
const lostOf = "transform(toString(loss_band), ['1k_10k', '10k_100k', '100k_1m', 'over_1m'], " +
	"[1000, 10000, 100000, 1000000], 0)"

// place is where a number stands.
type place struct {
	key string
	at  int64
}

// number is what is told of a value.
type number struct {
	value      uint64
	suppressed bool
}

// direct counts over the ledger with a query that knows nothing of the hub's code.
func (a *analysts) direct(t *testing.T, who analyst, metric, by, bucket string, from, to time.Time) map[place]number {
	t.Helper()
	value, behind, reports := "uniqExact(event_id)", "uniqExact(event_id)", ""
	switch metric {
	case "reports":
		reports = " AND kind = 'report'"
	case "indicators":
		value, behind = "uniqExact(digest)", "uniqExact(digest)"
	case "reporters":
		value, behind = "uniqExact(who.of_organisation)", "uniqExact(who.of_organisation)"
	case "losses":
		value, behind = "arraySum(x -> x.2, arrayDistinct(groupArray((event_id, "+lostOf+"))))",
			"uniqExactIf(event_id, loss_band NOT IN ('', 'none'))"
		reports = " AND kind = 'report'"
	}
	text := a.Query(t, fmt.Sprintf(`SELECT concat('=', %s) AS k, toUnixTimestamp(%s) AS b, %s, %s FROM events
		GLOBAL LEFT JOIN (SELECT number, toString(any(kind)) AS of_kind, any(organisation) AS of_organisation FROM partners
			GROUP BY number) AS who ON who.number = events.partner
		WHERE events.issued_at >= fromUnixTimestamp64Milli(%d) AND events.issued_at < fromUnixTimestamp64Milli(%d)%s AND %s
		GROUP BY k, b FORMAT TSV`, keyOf[by], bucketOf[bucket], value, behind, from.UnixMilli(), to.UnixMilli(), reports,
		who.sees))
	all := map[place]number{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		p := place{key: a.name(t, by, strings.TrimPrefix(cells[0], "="))}
		p.at, _ = strconv.ParseInt(cells[1], 10, 64)
		n, err1 := strconv.ParseUint(cells[2], 10, 64)
		of, err2 := strconv.ParseUint(cells[3], 10, 64)
		if err := cmp.Or(err1, err2); err != nil {
			t.Fatal(err)
		}
		if told := who.told(metric, n, of); told != (number{}) {
			all[p] = told
		}
	}
	return all
}

// told is what an analyst is told of a number that so many things are behind.
func (w analyst) told(metric string, n, behind uint64) number {
	switch {
	case w.all:
		return number{value: n}
	case behind == 0:
		return number{}
	case behind < 5:
		return number{suppressed: true}
	case metric != "losses":
		return number{value: n / 5 * 5}
	}
	digits := strconv.FormatUint(n, 10)
	for i := 2; i < len(digits); i++ {
		digits = digits[:i] + "0" + digits[i+1:]
	}
	n, _ = strconv.ParseUint(digits, 10, 64)
	return number{value: n}
}

// name is the word of a value.
func (a *analysts) name(t *testing.T, by, value string) string {
	vocabulary := map[string]*fraud.Vocabulary{"category": a.words.Category, "platform": a.words.Platform,
		"institution": a.words.Institution, "region": a.words.Region}[by]
	if vocabulary == nil {
		return value
	}
	code, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return vocabulary.Name(fraud.Code(code))
}

// dimensions and metrics are those of the API.
var (
	dimensions = []string{"type", "category", "partner_kind", "kind", "platform", "institution", "region", "loss_band"}
	metrics    = []string{"events", "reports", "indicators", "reporters", "losses"}
)
