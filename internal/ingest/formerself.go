package ingest

import (
	"context"
	"errors"
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
	return in.leaveFor(ctx, client, former...)
}

func (in *Ingest) leaveFor(ctx context.Context, client *kafka.Client, members ...kafka.LeaveGroupRequestMember) error {
	answer, err := client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{GroupID: in.cfg.Group, Members: members})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return fmt.Errorf("leave the consumer group for a former self: %w", err)
	}
	return nil
}

// bury takes a member out of the group whose generation ended while Kafka could not be reached, as soon as it can be.
// kafka-go then forgets that it was this member and joins as a new one; the group would wait for the old one until its
// session times out, and no partition be read for so long: 17 s instead of 2 s after a restart of the only broker.
func (in *Ingest) bury(ctx context.Context, member string) {
	ctx, cancel := context.WithTimeout(ctx, in.cfg.SessionTimeout)
	defer cancel()
	client, done := in.cfg.Cluster.Client()
	defer done()
	for {
		err := in.leaveFor(ctx, client, kafka.LeaveGroupRequestMember{ID: member})
		if err == nil || errors.Is(err, kafka.UnknownMemberId) {
			return
		}
		rest(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return
		}
	}
}
