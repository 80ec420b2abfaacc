package quota

import "github.com/waspada-hub/waspada/pkg/fraud"

// defaults are the quotas of partners that have none of their own, by kind. Rates are those of a large institution at
// its busiest. Distinct stays below a million for every kind: a partner that screens larger books declares its volume.
// An authority asks little and may list and take back what whole investigations turn up.
var defaults = map[fraud.PartnerKind]fraud.Quotas{
	//                 a second: Requests  Indicators   a day: Distinct    Listings    Retractions
	fraud.Bank:      {Requests: 500, Indicators: 10_000, Distinct: 500_000, Listings: 20_000, Retractions: 5_000},
	fraud.EWallet:   {Requests: 500, Indicators: 10_000, Distinct: 500_000, Listings: 10_000, Retractions: 2_500},
	fraud.Platform:  {Requests: 1_000, Indicators: 20_000, Distinct: 500_000, Listings: 20_000, Retractions: 5_000},
	fraud.Telco:     {Requests: 1_000, Indicators: 20_000, Distinct: 900_000, Listings: 20_000, Retractions: 5_000},
	fraud.Police:    {Requests: 200, Indicators: 5_000, Distinct: 100_000, Listings: 50_000, Retractions: 50_000},
	fraud.Regulator: {Requests: 200, Indicators: 5_000, Distinct: 100_000, Listings: 50_000, Retractions: 50_000},
}

// Effective fills a partner's quotas in with the defaults of its kind.
func Effective(p *fraud.Partner) fraud.Quotas {
	q, of := p.Quotas, defaults[p.Kind]
	for _, one := range []struct {
		to   *int
		from int
	}{
		{&q.Requests, of.Requests}, {&q.Indicators, of.Indicators}, {&q.Distinct, of.Distinct},
		{&q.Listings, of.Listings}, {&q.Retractions, of.Retractions},
	} {
		if *one.to <= 0 {
			*one.to = max(1, one.from)
		}
	}
	return q
}

// share is a node's part of the quotas: a whole one at least.
func share(q fraud.Quotas, nodes int) fraud.Quotas {
	for _, n := range []*int{&q.Requests, &q.Indicators, &q.Distinct, &q.Listings, &q.Retractions} {
		*n = (*n + nodes - 1) / nodes
	}
	return q
}
