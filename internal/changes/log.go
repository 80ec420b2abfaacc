// Package changes is the change log: every validated opinion, in the topic that all api nodes read.
//
//	ingest ──Log.Append──▶ Kafka: changes ──Tail.Run──▶ index.Apply
//	         acks=all       keyed by digest  every partition, from given offsets, for ever
//	                              └──────────Feed.Run──▶ the newest, in memory ──Feed.Read──▶ whoever follows over HTTP
//
// A message is one opinion in its binary form ([fraud.Opinion.AppendBinary]), keyed by its digest, so that all words
// on a digest stand in one partition in one order. The order does not matter to the result, nor do repeats: opinions
// merge.
package changes

import (
	"context"
	"log/slog"

	"github.com/waspada-hub/waspada/internal/topic"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// DefaultTopic is the topic's usual name.
const DefaultTopic = "waspada.changes.v1"

// Log appends to the change log. It is safe for concurrent use.
type Log struct{ bulk *topic.Bulk }

// NewLog makes a Log. It connects when it first appends.
func NewLog(cluster topic.Cluster, name string, log *slog.Logger) *Log {
	return &Log{cluster.Open(name).NewBulk(log)}
}

// Append returns when all replicas in sync hold every opinion. It tries until the context ends; its error then wraps
// [fraud.ErrUnavailable], and the same opinions may be appended again.
func (l *Log) Append(ctx context.Context, opinions []fraud.Opinion) error {
	if len(opinions) == 0 {
		return nil
	}
	// Made anew in each call: after an error Kafka's client may still hold on to the bytes.
	bytes := make([]byte, 0, len(opinions)*fraud.OpinionSize)
	messages := make([]topic.Outgoing, len(opinions))
	for i := range opinions {
		at := len(bytes)
		var err error
		if bytes, err = opinions[i].AppendBinary(bytes); err != nil {
			return err
		}
		messages[i] = topic.Outgoing{Key: opinions[i].Digest[:], Value: bytes[at:]}
	}
	return l.bulk.Write(ctx, messages...)
}

// Close lets go of the connections.
func (l *Log) Close() error { return l.bulk.Close() }
