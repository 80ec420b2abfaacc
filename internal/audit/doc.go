// Package audit holds what the ledger says against what Kafka says.
package audit
