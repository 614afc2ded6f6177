package main

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type commitRequest = kmsg.OffsetCommitRequest
type commitResponse = kmsg.OffsetCommitResponse

// Reads as one of a group and says everything that happens: what it was given, what it read, what it has committed.
func member(ctx context.Context, address, group, topic, assignor string) {
	var mutex sync.Mutex
	say := func(line map[string]any) {
		mutex.Lock()
		defer mutex.Unlock()
		bytes, _ := json.Marshal(line)
		os.Stdout.Write(append(bytes, '\n'))
	}
	partitions := func(kind string) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, which map[string][]int32) {
			say(map[string]any{kind: which[topic]})
		}
	}
	balancer := kgo.RangeBalancer()
	if assignor == "cooperative" {
		balancer = kgo.CooperativeStickyBalancer()
	}
	client := connect(address, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.Balancers(balancer), kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(200*time.Millisecond),
		kgo.BlockRebalanceOnPoll(), kgo.RetryTimeout(60*time.Second), kgo.RequireStableFetchOffsets(),
		kgo.OnPartitionsAssigned(partitions("assigned")), kgo.OnPartitionsRevoked(partitions("revoked")),
		kgo.OnPartitionsLost(partitions("lost")))
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 200)
		fetches.EachPartition(func(one kgo.FetchTopicPartition) {
			if len(one.Records) == 0 {
				return
			}
			read := make([][]any, 0, len(one.Records))
			for _, record := range one.Records {
				read = append(read, []any{record.Offset, string(record.Value)})
			}
			say(map[string]any{"partition": one.Partition, "read": read})
		})
		if fetches.NumRecords() > 0 {
			err := client.CommitUncommittedOffsets(ctx)
			if err != nil {
				say(map[string]any{"failed": err.Error()})
			} else {
				committed := map[int32]int64{}
				for partition, offset := range client.CommittedOffsets()[topic] {
					committed[partition] = offset.Offset
				}
				say(map[string]any{"committed": committed})
			}
		}
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
}
