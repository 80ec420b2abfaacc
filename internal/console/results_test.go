package console

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/waspada-hub/waspada/internal/hubtest"
	"github.com/waspada-hub/waspada/internal/nation"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// signals are four weeks in the ledger, made of a formula, as season is: banks and a wallet report pages on eight
// platforms; some are reported again by another, some are taken back; and three partners act on what they were told, each
// at its own pace, and not always.
const signals = `
	INSERT INTO events (kafka_partition, kafka_offset, appended, partner, event_id, kind, issued_at, type, epoch, digest,
		category, confidence, evidence, tlp, platform, action)
	WITH cityHash64('signal', number) AS h,
		[101, 101, 102, 301, 302, 202, 104, 451][1 + h % 8] AS place,
		transform(place, [101, 102, 301, 302, 202, 104], [6, 6, 8, 8, 7, 7], 0) AS runner,
		transform(runner, [6, 8, 7], [2, 11, 60], 0) * -log((1 + cityHash64('pace', number) % 999) / 1000) AS hours,
		h % 29 = 0 AS wrong,
		cityHash64('will', number) % 100 < transform(runner, [6, 8, 7], [94, 80, 45], 0) AS acts
	SELECT 900, number * 4 + step, now64(3) - toIntervalSecond(7200 + number * 5900)
			+ toIntervalSecond(toUInt32([0, 5400, hours * 3600, 20000][1 + step])) AS at,
		[[2, 3, 5][1 + h % 3], [3, 4, 2][1 + h % 3], runner, [2, 3, 5][1 + h % 3]][1 + step], generateUUIDv4(),
		['report', 'report', 'action', 'withdraw'][1 + step], at, 'url', 1, SHA256(concat('signal ', toString(number))),
		step < 2 ? [508, 501, 302, 204][1 + h % 4] : 0, step < 2 ? 50 + h % 50 : 0, step < 2 ? [1, 2, 16][1 + h % 3] : 0,
		'GREEN', step < 2 ? place : 0, step = 2 ? ['removed', 'removed', 'blocked', 'no_action', 'disagreed'][1 + h % 5] : ''
	FROM numbers(380) ARRAY JOIN [0, 1, 2, 3] AS step
	WHERE at < now64(3) AND (step = 0 OR step = 1 AND NOT wrong AND h % 3 != 2 OR step = 2 AND acts AND NOT wrong AND runner != 0
		OR step = 3 AND wrong)`

// unrolled says that the boards' roll-up knows nothing of the signals since they began, as it would of a partition whose
// first message came then. Otherwise what is older than a day is taken for what it knows.
const unrolled = `
	INSERT INTO board_progress (kafka_partition, next, appended)
	SELECT arrayJoin([900, 901]), 0, now64(3) - toIntervalDay(60)`

// payment is a phone number that two banks listed before somebody paid, ten days ago, and both took back since.
const payment = `
	INSERT INTO events (kafka_partition, kafka_offset, appended, partner, event_id, kind, issued_at, type, epoch, digest,
		category, confidence, evidence, tlp)
	SELECT 901, number, now64(3) - toIntervalDay([20, 15, 6, 5][1 + number]) AS at, [2, 3, 2, 3][1 + number], generateUUIDv4(),
		if(number < 2, 'report', 'withdraw'), at, 'phone', 1, unhex('%s'), if(number < 2, 201, 0), if(number < 2, 80, 0),
		number < 2, 'GREEN'
	FROM numbers(4)`

// results adds both to the ledger.
func results(t *testing.T, hub *hubtest.Hub) (paid nation.Case) {
	t.Helper()
	paid = nation.Case{Type: indicator.Phone, Raw: "016-700 1234"}
	ref, err := paid.Ref(hub.Ring)
	if err != nil {
		t.Fatal(err)
	}
	hub.Query(t, signals)
	hub.Query(t, unrolled)
	hub.Query(t, fmt.Sprintf(payment, ref.Digest))
	return paid
}

// resultsOf are direct counts over the ledger, which the pages must show.
func resultsOf(t *testing.T, hub *hubtest.Hub, paid nation.Case) map[string]any {
	t.Helper()
	count := func(sql string) int {
		n, err := strconv.Atoi(hub.Query(t, sql))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return map[string]any{
		"phone":    string(paid.Raw),
		"signals":  count("SELECT uniqExact(digest, platform) FROM events WHERE kind = 'report' AND platform != 0"),
		"acted":    count("SELECT uniqExact(digest) FROM events WHERE kind = 'action'"),
		"reports":  count("SELECT uniqExact(event_id) FROM events WHERE kind = 'report' AND partner = 2"),
		"events":   count("SELECT uniqExact(event_id) FROM events WHERE partner = 2"),
		"refusals": count("SELECT count() FROM dead_letters FINAL"),
		"sayings":  count("SELECT count() FROM events WHERE kafka_partition = 901"),
	}
}
