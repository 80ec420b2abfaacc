// Package partners knows who takes part: partners, the keys that prove them, and what each key may do.
//
//	partners.yaml ──Load, Reload──▶ snapshot (immutable, behind one atomic pointer)
//	                                   │
//	  Authorization header ──Authenticate──▶ Identity      who asks over HTTP
//	  and, or, certificate ─────┘
//	  key id of a bundle ────SigningKey────▶ public key    who speaks on Kafka
//	  number, id ────────────Partner…──────▶ Partner       how much its word weighs
//
// Where the hub's registry is in ClickHouse, [Shared] makes the same snapshots of it; the file is then imported once.
//
// The file is strict: an unknown key, an ambiguous id or an expiry that does not parse is refused, since reading it
// otherwise would let somebody in. A file that is refused leaves the snapshot before it in force. Secrets are not in
// the file, only their SHA-256: 256 random bits need no slow hash.
package partners
