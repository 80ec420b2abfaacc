package deadletters

import "github.com/waspada-hub/waspada/pkg/fraud"

// Result is what became of the wish to send a message again: a stable word.
type Result string

// The results.
const (
	Sent      Result = "sent"
	WouldSend Result = "would_send" // of a dry run

	NoLetter     Result = "no_dead_letter"      // nothing is known to have been refused there
	SentBefore   Result = "sent_before"         // and Again was not said
	Gone         Result = "gone"                // Kafka has deleted it
	Another      Result = "another_message"     // the topic was made anew
	Unreadable   Result = "unreadable"          // it has no bytes that could be sent
	KeyNotGood   Result = "key_not_good_then"   // nor would an operator's wish make it so
	RefusedAgain Result = "would_be_refused"    // and Anyway was not said
	TooLarge     Result = "larger_than_allowed" // by the topic
	NotKnown     Result = "not_acknowledged"    // Kafka may have it, or not
)

// Outcome is what became of one message.
type Outcome struct {
	From   fraud.Place
	Result Result
	// Why is for people, where the message was not sent or not all of it would be accepted.
	Why string
	// Reason is that of the fault, where a fault stands in the way.
	Reason fraud.Reason
	// Letters is how many of its dead letters were chosen, and Healed how many of these would be accepted.
	Letters, Healed int
	// Accepted and Refused are how many events of the message would be accepted and refused.
	Accepted, Refused int
	// To is where the copy stands.
	To fraud.Place
	// Unrecorded is true when the store did not take the note that it was sent. Its dead letters are still outstanding.
	Unrecorded bool
}

// Done reports whether everything that was chosen was, or would be, sent and is no longer refused.
func (o *Outcome) Done() bool {
	return (o.Result == Sent || o.Result == WouldSend) && o.Healed == o.Letters && !o.Unrecorded
}
