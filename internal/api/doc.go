// Package api is HTTP in and HTTP out, and the only place that knows Gin.
//
//	connections ▶ request ▶ waiting ▶ who asks × scope ▶ quotas ▶ gate ▶ size ▶ strict decode ▶ stage ▶ answer
//	                 │         │          │                │       │      │          │            │
//	                 └─────────┴──────────┴────────────────┴───────┴──────┴──────────┴────────────┴──▶ problemFor ▶ problem (RFC 9457)
//
//	POST /v1/lookup   value ──Parse, KeyRing──▶ probes ──Lookuper──▶ verdict
//	                  digest ──Lift───────────▶
//	POST /v1/events   event ──fill, admit──▶ Publisher (Kafka, acks=all) ──▶ 202
//	/v1/indicators      digests, or a value ──charge──▶ Lookuper (now), Historian (ClickHouse: then, and what was said) ──▶ page
//	GET /v1/changes     cursor ──open──▶ Feed ──changeFor: what the asker may see──▶ page or stream ──seal──▶ cursor
//
// The contract is schemas/openapi/hub.v1.yaml: tests hold every route, request and answer to it. What a route needs is
// in one table (routes.go), and what is not in the table is refused. A raw value is hashed in memory and forgotten: it
// reaches no log, label, error or answer, and a problem document points at a field and never quotes it.
package api
