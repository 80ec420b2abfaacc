// Package client asks the hub "is this known fraud?" and tells it what a partner knows, over HTTP. Platforms, banks
// and telcos embed it.
//
//	values ──indicator.Parse──▶ expressions ──key ring──▶ digests ──POST /v1/lookup──▶ Results, in order
//	events ──the same────────▶ event_id, issued_at, Idempotency-Key ──POST /v1/events──▶ Receipt
//
// Two calls are all that most callers need: [Client.LookupOne] and [Client.Report].
//
//	hub, err := client.New("https://hub.example.my", apiKey, client.WithKeyRing(ring))
//	answer, err := hub.LookupOne(ctx, client.Item{Type: indicator.Phone, Value: "012-345 6789"})
//	if answer.KnownFraud { … }
//
// With a key ring ([WithKeyRing]) values are parsed and digested here and only digests leave the process. Without one
// the values themselves are sent, for the hub to digest and forget. Either way no error of this package holds a value.
//
// Instead of an API key, or beside it, the caller's client certificate ([WithTLS], [LoadTLS]) proves who it is.
//
// What fails for a moment (no connection, 429, 502, 503, 504) is tried again with growing pauses, or after the time
// that the hub asks for, with exactly the same bytes: an event counts once, however often it is sent. What the hub
// refuses for good is a [*Problem].
//
// A [Client] is safe for concurrent use.
package client
