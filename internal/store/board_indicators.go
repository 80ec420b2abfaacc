package store

import (
	"fmt"
	"math"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// wordVersion is the order of what a partner says about a digest: [fraud.MakeVersion].
const wordVersion = `bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(issued_at)), 22), bitOr(
	bitShiftLeft(toUInt64(multiIf(kind IN ('withdraw', 'clear'), 2, kind = 'dispute', 1, 0)), 20),
	toUInt64(bitAnd(reinterpretAsUInt32(reverse(substring(UUIDStringToNum(toString(event_id)), 13, 4))), 1048575))))`

// The columns of board_words, and what they are in the ledger.
const (
	wordColumns = "digest, partner, kafka_partition, kafka_offset, bundle_index, appended, kind, version, platform, audience, " +
		"evidence, action, observed_at, signed_by, held"
	wordsOfLedger = "SELECT digest, partner, kafka_partition, kafka_offset, bundle_index, appended, kind, " + wordVersion +
		" AS version, platform, audience, evidence, action, observed_at, signed_by, held FROM events WHERE " + aboutIndicators
	wordsByDigest = "SELECT " + wordColumns + " FROM board_words WHERE 1"
	// aboutIndicators is the condition for events of which the boards ask what indicators have come to.
	aboutIndicators = "kind != 'sighting' AND digest != " + erasedDigest
)

// standings sum up what each partner said of each digest, of the words of a SELECT. Times are in milliseconds, 0 for never,
// and of the first copy that counts, so that neither copies nor the order of arrival matter. Of a digest none of whose
// words count everything is zero.
//
//	first, named   when it first reported it, and with which platforms
//	listed         the version of its last listing, and the evidence of that
//	back           when it took that back
//	cleared        when it cleared it, where that is its last word, and the version of that
//	upheld         the version of its last word, where it is to uphold
//	acted          its first action, what it was, and when it says that it happened
func standings(r *rules, words string) string {
	return fmt.Sprintf(`
		SELECT digest, partner, %[2]s AS authority,
			arrayElement(%[3]s, indexOf(%[4]s, toUInt32(partner))) AS organisation,
			minIf(at, said = 'report') AS first,
			minMapIf([platform], [at], said = 'report' AND platform != 0 AND %[5]s) AS named,
			maxIf(version, said IN ('report', 'uphold')) AS listed,
			argMaxIf(evidence, version, said IN ('report', 'uphold')) AS grounds,
			arrayFilter(w -> w.1 > listed, groupArrayIf((version, at), said IN ('withdraw', 'clear'))) AS backs,
			if(empty(backs), 0, arrayMin(w -> w.2, backs)) AS back,
			maxIf(version, said IN ('report', 'withdraw', 'dispute', 'uphold')) AS other,
			arrayFilter(w -> w.1 > other, groupArrayIf((version, at), said = 'clear')) AS clears,
			if(empty(clears), (toUInt64(0), toInt64(0)), (arrayMax(w -> w.1, clears), arrayMin(w -> w.2, clears))) AS cleared,
			maxIf(version, said = 'uphold') AS upholds,
			if(upholds != 0 AND upholds = greatest(other, maxIf(version, said = 'clear')), upholds, 0) AS upheld,
			minIf((at, kafka_partition, kafka_offset, bundle_index, CAST(action, 'Int8'),
				toInt64(toUnixTimestamp64Milli(observed_at))), said = 'action') AS acted
		FROM (
			SELECT *, if(%[6]s, toString(kind), '') AS said, toInt64(toUnixTimestamp64Milli(appended)) AS at FROM (%[1]s))
		GROUP BY digest, partner`, words, r.authority, r.organisations, r.numbers, r.visible, r.counts)
}

// indicatorColumns are what a digest has come to: see board_indicators.
const indicatorColumns = "digest, signals, reporters, cleared, confirmed"

// The states of a signal.
const (
	signalOpen      = 0
	signalActed     = 1
	signalWithdrawn = 2
)

// indicators work out what digests have come to, from the words of a SELECT; see [fraud.PlatformScore] and
// [fraud.PartnerScore] for what it means.
//
// A digest is cleared by a clear that stands and that no authority has answered since. A signal ends when its last reporter
// takes its word back, or when the digest is cleared; what came first, that or an action, is its state.
func indicators(r *rules, words string) string {
	// Each step is a SELECT of its own: ClickHouse works out an alias anew wherever its name stands.
	return fmt.Sprintf(`
		SELECT digest, arrayZip(platforms, begun, acted, acts.5, acts.6, arrayMap((ended, acted) ->
				multiIf(ended != 0 AND (acted = 0 OR ended < acted), %[4]d, acted != 0, %[5]d, %[6]d), ends, acted)) AS signals,
			reporters, toBool(cleared_at != 0) AS cleared, toBool(cleared_at = 0 AND (by_authority OR evident > 1)) AS confirmed
		FROM (
			SELECT digest, platforms, begun, acts, reporters, cleared_at, by_authority, evident,
				arrayMap((began, act) -> if(act.1 = 0, 0, greatest(act.1, began)), begun, acts) AS acted,
				arrayMap(back -> multiIf(back = %[7]d, cleared_at, cleared_at = 0, back, least(back, cleared_at)), backs) AS ends
			FROM (
				SELECT digest, begins.1 AS platforms, begins.2 AS begun, reporters, cleared_at, by_authority, evident,
					arrayMap(p -> arraySort(arrayMap(w -> w.2, arrayFilter(w -> has(%[2]s, toUInt32(w.1) * 65536 + p), actors)))[1],
						begins.1) AS acts,
					arrayMap(p -> arrayMax(w -> if(w.2 = 0, %[7]d, w.2), arrayFilter(w -> has(w.1, p), telling)), begins.1) AS backs
				FROM (
					SELECT digest, minMap(named) AS begins, groupArrayIf((named.1, back), notEmpty(named.1)) AS telling,
						groupArrayIf((partner, acted), acted.1 != 0) AS actors,
						arrayFilter(c -> c.1 > arrayMax(groupArray(upheld)), groupArray(cleared)) AS standing_clears,
						if(empty(standing_clears), 0, arrayMin(c -> c.2, standing_clears)) AS cleared_at,
						arraySort(w -> (w.2, w.1), groupArrayIf((partner, first, toBool(back != 0)), first != 0)) AS reporters,
						countIf(authority AND listed != 0 AND back = 0) > 0 AS by_authority,
						uniqExactIf(organisation, listed != 0 AND back = 0 AND bitAnd(grounds, %[3]d) != 0) AS evident
					FROM (%[1]s)
					GROUP BY digest)))`, standings(r, words), r.runs, fraud.Corroborating, signalWithdrawn, signalActed, signalOpen,
		int64(math.MaxInt64))
}

// saidIn counts the different events of each hour of issue and partner which a condition on the ledger chooses, by kind and
// by the hour in which the first copy that counts was accepted. Copies of an event have one time of issue, so an hour holds
// all of them.
func saidIn(r *rules, chosen string) string {
	return fmt.Sprintf(`
		SELECT hour, partner, arraySort(groupArrayIf((said, at, n), at != 0)) AS said FROM (
			SELECT hour, partner, said, at, count() AS n FROM (
				SELECT hour, partner, CAST(kind, 'Int8') AS said, event_id,
					minIf(toUInt32(toUnixTimestamp(toStartOfHour(appended))), %s) AS at
				FROM events WHERE kind != 'sighting' AND (%s)
				GROUP BY hour, partner, said, event_id)
			GROUP BY hour, partner, said, at)
		GROUP BY hour, partner`, r.counts, chosen)
}
