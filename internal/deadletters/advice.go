package deadletters

import "github.com/waspada-hub/waspada/pkg/fraud"

// Advice is what a reason means and what to do about it, for people.
type Advice struct {
	Means string
	Do    string
	// Replay is when sending the message again can help; "" for never.
	Replay string
}

// AdviceOn says what to do about a reason.
func AdviceOn(reason fraud.Reason) Advice {
	if a, ok := advice[reason]; ok {
		return a
	}
	return Advice{Means: "A reason that this version does not know.", Do: "Ask with the version that ingest runs."}
}

const (
	partnerSendsAnew = "The partner mends what it sends and sends the events again, with the same ids."
	hubIsUpgraded    = "when the hub has been changed so that it takes this"
)

var advice = map[fraud.Reason]Advice{
	fraud.ReasonTooLarge: {
		Means: "The bundle has more than 1 MiB or more than 500 events.",
		Do:    "The partner cuts it into smaller bundles, with the same event ids.",
	},
	fraud.ReasonHeaders: {
		Means: "A CloudEvents or signature header is missing, stands twice or is not well-formed.",
		Do:    partnerSendsAnew,
	},
	fraud.ReasonUnknownKey: {
		Means: "It is signed with a key whose id the partner file does not have.",
		Do: "Ask the partner, in another way than by this message, whether the key is theirs. If so, add its public half " +
			"to the partner file.",
		Replay: "when the partner file has the key",
	},
	fraud.ReasonKeyNotValid: {
		Means: "The message came before its key's not_before or after its not_after, or its partner was suspended.",
		Do: "If the dates in the partner file are wrong, correct them. A key that has rightly ended stays ended: the " +
			"partner sends the events again under its present key, with the same ids.",
		Replay: "when the key is valid both at the time when the message first came and now, and the partner is active",
	},
	fraud.ReasonSource: {
		Means:  "The key is known and does not speak for the partner that ce_source names.",
		Do:     "Ask whose key it is. If the partner file has it under the wrong partner, correct that.",
		Replay: "when the partner file has the key under this partner",
	},
	fraud.ReasonSignature: {
		Means: "The key is known, and the signature does not fit the bytes: they were changed after signing, or signed " +
			"for another hub, or the partner file has another public half under this id.",
		Do:     "Compare the public halves with the partner. If they are the same, the partner looks at how it signs.",
		Replay: "when the partner file had the wrong public half and has the right one now",
	},
	fraud.ReasonMalformed: {
		Means: "The value is not one well-formed JSON value in UTF-8 without duplicate keys, or its batch cannot be " +
			"unpacked.",
		Do: partnerSendsAnew,
	},
	fraud.ReasonSchema: {
		Means:  "A field is unknown, missing or wrong by schemas/bundle.v1.json. It may hold what must not be sent: a value.",
		Do:     partnerSendsAnew,
		Replay: hubIsUpgraded,
	},
	fraud.ReasonNotKeyed: {
		Means: "The digest is a plain hash. Plain hashes of numbers can be tried out, so the hub takes none.",
		Do:    "The partner digests with the hub's key ring and sends the events again.",
	},
	fraud.ReasonEpoch: {
		Means:  "The digest is of a key epoch that the hub does not have yet.",
		Do:     "Give the hub the key ring of that epoch, and start it again.",
		Replay: "when the hub has the epoch",
	},
	fraud.ReasonFuture: {
		Means:  "It was issued more than 5 minutes after it came: the partner's clock was ahead.",
		Do:     "The partner sets its clock.",
		Replay: "when the time at which it says that it was issued has come",
	},
	fraud.ReasonTooOld: {
		Means: "It was issued more than 7 days before it came.",
		Do:    "If it still holds, the partner issues it anew. Time only makes it older.",
	},
	fraud.ReasonUnknownTerm: {
		Means:  "The category, platform, institution or region is not in the hub's taxonomy.",
		Do:     "The partner takes a term of the taxonomy, or the hub gets a version that has this one.",
		Replay: "when the hub's taxonomy has the term",
	},
	fraud.ReasonProtected: {
		Means:  "It lists what nobody may list: an emergency number, a hotline, a bank's own site.",
		Do:     "Tell the partner. If the list of the protected is wrong, correct it and start the hub again.",
		Replay: "when the indicator is no longer protected",
	},
	fraud.ReasonNotEntitled: {
		Means:  "This partner may not say this: a clear or a dispute takes the holder's kind of partner, or an authority.",
		Do:     "If the partner file has the partner under the wrong kind, correct that.",
		Replay: "when the partner is of the right kind",
	},
	fraud.ReasonRefusedByLog: {
		Means: "ClickHouse refused this very row. No valid event should be: it is a defect of the hub. What it had " +
			"announced was taken back.",
		Do: "Report it with its position and hint. Do not change the table by hand. A replay stores the event but lists " +
			"nobody: afterwards its partner says it anew.",
		Replay: hubIsUpgraded,
	},
}
