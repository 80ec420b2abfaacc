package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// retireFormerSelf takes out of the group the members that joined under this node's client id: what a process left there
// that died without leaving. Otherwise their partitions stand still until their session times out, and on a broker that
// forgets to time out a member which died while it waited to join, for ever. It is done once, before joining: two
// nodes of one name would else put each other out in turn.
//
// It stands in for static membership (KIP-345), which kafka-go does not have. Failing is harmless.
func (in *Ingest) retireFormerSelf(ctx context.Context) error {
	if in.cfg.Cluster.ClientID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, done := in.cfg.Cluster.Client()
	defer done()
	groups, err := client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{in.cfg.Group}})
	if err != nil {
		return fmt.Errorf("describe the consumer group: %w", err)
	}
	var former []kafka.LeaveGroupRequestMember
	for _, g := range groups.Groups {
		for _, m := range g.Members {
			if m.ClientID == in.cfg.Cluster.ClientID {
				former = append(former, kafka.LeaveGroupRequestMember{ID: m.MemberID})
			}
		}
	}
	if len(former) == 0 {
		return nil
	}
	in.log.Info("retiring members that this node left in the group when it died", "members", len(former))
	answer, err := client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{GroupID: in.cfg.Group, Members: former})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return fmt.Errorf("leave the consumer group for a former self: %w", err)
	}
	return nil
}
