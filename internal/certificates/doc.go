// Package certificates keeps what a server proves itself with, and whose clients it believes, as files that may change
// while it runs.
//
//	cert_file, key_file ──Load, Follow──▶ state (immutable, behind one atomic pointer)
//	client_ca_file ────────┘                │
//	   handshake ─────────────TLS───────────┼──▶ the server's certificate, and the authorities that clients may choose from
//	   certificate of a request ──Certify───┘──▶ who it says it is, or a denial
//
// A client's certificate is asked for and may be missing. The handshake proves that the client has its key, and lets it
// pass otherwise: Certify verifies it for each request. So one that was good when the connection was made ends with its
// last day, or with its authority's, and a bad one is answered in HTTP, with one code for all that may be wrong with it,
// instead of an alert that differs by the fault and that most clients show as a broken connection.
//
// Lists of revoked certificates are not read: a certificate ends when its subject is taken from its partner.
package certificates
