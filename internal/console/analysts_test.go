package console

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/internal/testkit"
	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// reporters are the partners that say what the analysts' pages show.
var reporters = []string{"bank-harimau", "bank-kenari", "bank-penyu", "wallet-cincin", "telco-rebana", "platform-wau"}

// aWeek publishes the reports of a week: some of everything each day, and in the last one many of a kind in one state.
func aWeek(t *testing.T, hub *hubtest.Hub) (events int) {
	t.Helper()
	pick := func(i int, from ...string) string { return from[i%len(from)] }
	by := map[string][]fraud.Event{}
	say := func(i int, ago time.Duration, category, region, platform string) {
		e := said(t, hub, fraud.Report, nation.Case{
			Type: indicator.Phone, Raw: indicator.Raw(fmt.Sprintf("012-%03d %04d", 300+i/5000, 1000+i)),
		}, ago)
		e.Category, e.Region, e.Platform = category, region, platform
		e.Institution = pick(i/3, "MBBEMYKL", "CIBBMYKL", "RHBBMYKL", "tng", "")
		e.LossBand = fraud.LossBand(i % 7)
		partner := pick(i, reporters...)
		by[partner] = append(by[partner], e)
		events++
	}
	for i := range 260 {
		region := fmt.Sprintf("MY-%02d", 1+i*i%16)
		category := pick(i, "macau_scam", "job_scam", "loan_app", "phishing", "parcel")
		platform := pick(i/2, "facebook", "whatsapp", "telegram", "shopee", "")
		say(i, time.Duration(1+i*31%150)*time.Hour, category, region, platform)
	}
	for i := range 70 {
		say(1000+i, time.Hour+time.Duration(i*16)*time.Minute, "crypto_investment", "MY-10", "telegram")
	}
	for partner, events := range by {
		hub.Publish(t, partner, events...)
	}
	return events
}

// frauds publishes what belongs together: in one campaign by a case, a small message and a host, and in another more
// than a graph bears. It tells how many indicators each has, the large one first.
func frauds(t *testing.T, hub *hubtest.Hub) (members []int, events int) {
	t.Helper()
	say := func(partner, incident string, cases ...nation.Case) {
		told := make([]fraud.Event, len(cases))
		for i, c := range cases {
			told[i] = said(t, hub, fraud.Report, c, time.Duration(10+i)*time.Minute)
			told[i].ID, told[i].Case, told[i].Category = uuid.Must(uuid.NewV7()), incident, "crypto_investment"
			told[i].LossBand, told[i].Evidence = fraud.LossBand(i%7), fraud.ConfirmedLoss
		}
		hub.Publish(t, partner, told...)
		events += len(told)
	}
	series := func(kind indicator.Type, raw string, from, to int) (all []nation.Case) {
		for i := from; i < to; i++ {
			all = append(all, nation.Case{Type: kind, Raw: indicator.Raw(fmt.Sprintf(raw, i))})
		}
		return all
	}
	pages := series(indicator.URL, "https://invest-promo.example/claim?id=%d", 0, 5)
	for i := range pages {
		pages[i].Host = "https://invest-promo.example/"
	}
	site := nation.Case{Type: indicator.Domain, Raw: "invest-promo.example"}
	accounts := series(indicator.BankAccount, "maybank:5140 2222 %04d", 0, 9)
	phones := series(indicator.Phone, "013-555 %04d", 2000, 2014)
	others := []nation.Case{
		{Type: indicator.Email, Raw: "desk@invest-promo.example"},
		{Type: indicator.CryptoAddress, Raw: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
		{Type: indicator.SocialAccount, Raw: "telegram:investpromo_my"},
		{Type: indicator.PaymentID, Raw: "tng:0135552000"},
	}
	for _, page := range append(pages, site) { // each by itself: only their host joins them
		say("platform-wau", "", page)
	}
	say("bank-harimau", "case-7", slices.Concat(pages[:1], accounts, phones[:4])...)
	say("bank-kenari", "case-9", slices.Concat(accounts[2:3], phones[4:])...)
	say("wallet-cincin", "", slices.Concat(accounts[4:5], others)...)
	say("police-ccid", "", accounts[0])
	members = []int{0, len(pages) + 1 + len(accounts) + len(phones) + len(others)}

	const cases, each = 8, 45 // the last of each is the first of the next
	for i := range cases {
		ring := series(indicator.Phone, "016-444 %04d", 2000+i*each, 2001+(i+1)*each)
		say("telco-rebana", fmt.Sprintf("ring-%d", i), ring...)
	}
	members[0] = cases*each + 1
	return members, events
}

func TestTheAnalystsPagesInARealBrowser(t *testing.T) {
	t.Parallel()
	hub := hubtest.Start(t, hubtest.Options{NodeOptions: hubtest.NodeOptions{
		Settings: map[string]any{"campaigns.every": "500ms", "registry": "clickhouse"},
	}})
	hub.Query(t, season)
	hub.Query(t, days)
	hub.Query(t, sums)
	told := aWeek(t, hub)
	members, more := frauds(t, hub)
	told += more

	type campaign struct {
		ID      string `json:"id"`
		Members int    `json:"members"`
	}
	var campaigns []campaign
	testkit.Eventually(t, time.Minute, func() error {
		if stored := hub.Query(t, "SELECT uniqExact(event_id) FROM events"); stored != fmt.Sprint(told) {
			return fmt.Errorf("%s events of %d are stored", stored, told)
		}
		found, err := hub.Client(t, "analyst").Campaigns(t.Context(), client.CampaignQuery{BySize: true})
		if err != nil {
			return err
		}
		campaigns = nil
		for i, c := range found.Campaigns {
			if i >= len(members) || c.Members != members[i] {
				return fmt.Errorf("a campaign has %d members; %v are wanted", c.Members, members)
			}
			campaigns = append(campaigns, campaign{c.ID, c.Members})
		}
		if len(campaigns) != len(members) {
			return fmt.Errorf("%d campaigns of %d", len(campaigns), len(members))
		}
		return nil
	})

	// An analyst who is no authority; the hub's own roles are.
	operator := hub.Client(t, "admin")
	kenari, err := operator.Partner(t.Context(), "bank-kenari")
	if err != nil {
		t.Fatal(err)
	}
	issued, err := operator.IssueKey(t.Context(), "bank-kenari", kenari.Revision, client.NewAPIKey{
		Scopes: []string{"lookup", "analyse"}, Reason: "to look at trends",
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"analyst": hub.Keys.API["analyst"], "bank-analyst": issued.APIKey}

	ledger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, hub.Query(t, string(query)))
	}))
	defer ledger.Close()
	visit(t, "analysts.mjs", map[string]any{
		"chromium": chromium(t), "hub": hub.API, "keys": keys, "ledger": ledger.URL, "campaigns": campaigns,
	})
}
