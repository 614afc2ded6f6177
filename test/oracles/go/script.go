package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const firstTime = 1_700_000_000_000

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

// A script's tools: its clients, and the names that it uses.
type run struct {
	ctx     context.Context
	address string
	prefix  string
	topic   string
	group   string
	admin   *kadm.Client
}

func script(ctx context.Context, address, prefix string) {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Second)
	defer cancel()
	client := connect(address)
	defer client.Close()
	r := &run{ctx, address, prefix, prefix + "t", prefix + "g", kadm.NewClient(client)}
	r.cluster()
	r.create()
	r.produce()
	r.refusals()
	r.consume()
	r.offsets()
	r.leaderEpochs()
	r.groups()
	r.configs()
	r.deleteRecords()
	r.partitions()
	r.remove()
}

func connect(address string, options ...kgo.Opt) *kgo.Client {
	all := append([]kgo.Opt{
		kgo.SeedBrokers(address),
		kgo.ClientID("franz"),
		kgo.RetryTimeout(20 * time.Second),
		kgo.UnknownTopicRetries(0),
	}, options...)
	client, err := kgo.NewClient(all...)
	if err != nil {
		panic(err)
	}
	return client
}

// A line: what was done, and what came of it.
func (r *run) say(step string, result any) {
	bytes, err := json.Marshal([]any{step, result})
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, strings.ReplaceAll(string(bytes), r.prefix, ""))
}

// The name that Kafka gives an error, or "ok".
func name(err error) string {
	var known *kerr.Error
	var shards *kadm.ShardErrors
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &known):
		return known.Message
	case errors.As(err, &shards) && len(shards.Errs) > 0:
		return name(shards.Errs[0].Err)
	default:
		return err.Error()
	}
}

func (r *run) cluster() {
	meta, err := r.admin.BrokerMetadata(r.ctx)
	controller := false
	for _, broker := range meta.Brokers {
		controller = controller || broker.NodeID == meta.Controller
	}
	r.say("cluster", []any{name(err), len(meta.Brokers), controller, meta.Cluster != ""})
}

func (r *run) create() {
	one := func(step string, partitions int32, replicas int16, configs map[string]*string, topic string) {
		created, err := r.admin.CreateTopic(r.ctx, partitions, replicas, configs, topic)
		r.say("create "+step, []any{name(err), created.NumPartitions, created.ReplicationFactor})
	}
	one("topic", 3, 1, map[string]*string{
		"retention.ms": kadm.StringPtr("-1"), "max.message.bytes": kadm.StringPtr("1000000")}, r.topic)
	one("it again", 3, 1, nil, r.topic)
	one("bad name", 1, 1, nil, r.prefix+"a/b")
	one("no name", 1, 1, nil, "")
	one("long name", 1, 1, nil, strings.Repeat("x", 250))
	one("no partitions", 0, 1, nil, r.prefix+"none")
	one("too many replicas", 1, 3, nil, r.prefix+"replicas")
	one("unknown config", 1, 1, map[string]*string{"no.such": kadm.StringPtr("1")}, r.prefix+"config")
	one("wrong config", 1, 1, map[string]*string{"retention.ms": kadm.StringPtr("soon")}, r.prefix+"config")
	checked, err := r.admin.ValidateCreateTopics(r.ctx, 2, 1, nil, r.prefix+"only-checked")
	r.say("check only", []any{name(err), name(checked[r.prefix+"only-checked"].Err)})
	topics, err := r.admin.ListTopics(r.ctx, r.topic, r.prefix+"only-checked")
	r.say("list", []any{name(err), len(topics[r.topic].Partitions), name(topics[r.prefix+"only-checked"].Err)})
}

// Six records: without key, without value, with headers, with strange headers, large, plain.
func records(topic, codec string, from int64) []*kgo.Record {
	out := make([]*kgo.Record, 6)
	for i := range out {
		out[i] = &kgo.Record{
			Topic:     topic,
			Partition: int32(i % 3),
			Key:       []byte(fmt.Sprintf("k%d", i)),
			Value:     []byte(codec + fmt.Sprint(i)),
			Timestamp: time.UnixMilli(from + int64(i)),
		}
	}
	out[0].Key = nil
	out[1].Value = nil
	out[2].Headers = []kgo.RecordHeader{{Key: "unit", Value: []byte("Cel")}, {Key: "raw", Value: []byte{255, 0}}}
	out[3].Headers = []kgo.RecordHeader{{Key: "same", Value: []byte{}}, {Key: "same", Value: nil}}
	out[4].Value = []byte(strings.Repeat("0123456789", 20_000))
	return out
}

func (r *run) produce() {
	for i, codec := range codecs {
		client := connect(r.address, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec.codec))
		results := client.ProduceSync(r.ctx, records(r.topic, codec.name, firstTime+int64(i)*1000)...)
		places := [][]int64{}
		for _, one := range results {
			places = append(places, []int64{int64(one.Record.Partition), one.Record.Offset})
		}
		sort.Slice(places, func(a, b int) bool {
			return places[a][0] < places[b][0] || places[a][0] == places[b][0] && places[a][1] < places[b][1]
		})
		r.say("produce "+codec.name, []any{name(results.FirstErr()), places})
		client.Close()
	}
}

func (r *run) refusals() {
	// What the client would not send, it must be told to.
	client := connect(r.address, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(4<<20),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	large := &kgo.Record{Topic: r.topic, Partition: 0, Value: make([]byte, 2<<20)}
	r.say("produce too large", name(client.ProduceSync(r.ctx, large).FirstErr()))
	unknown := &kgo.Record{Topic: r.prefix + "unknown", Value: []byte("x")}
	r.say("produce to no topic", name(client.ProduceSync(r.ctx, unknown).FirstErr()))
	bad := &kgo.Record{Topic: r.prefix + "a/b", Value: []byte("x")}
	r.say("produce to bad name", name(client.ProduceSync(r.ctx, bad).FirstErr()))
}

type row struct {
	partition int32
	offset    int64
	line      []any
}

// Reads by a group until it has `count` records, commits the first `commit` of each partition, and leaves.
func (r *run) read(step string, count int, commit int64) {
	client := connect(r.address, kgo.ConsumerGroup(r.group), kgo.ConsumeTopics(r.topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.Balancers(kgo.RangeBalancer()))
	defer client.Close()
	rows := []row{}
	for len(rows) < count && r.ctx.Err() == nil {
		fetches := client.PollFetches(r.ctx)
		for _, one := range fetches.Errors() {
			r.say(step, name(one.Err))
		}
		fetches.EachRecord(func(record *kgo.Record) { rows = append(rows, row{record.Partition, record.Offset, line(record)}) })
	}
	r.describe(step + ": group")
	sort.Slice(rows, func(a, b int) bool {
		return rows[a].partition < rows[b].partition ||
			rows[a].partition == rows[b].partition && rows[a].offset < rows[b].offset
	})
	for _, one := range rows {
		r.say(step, one.line)
	}
	if commit > 0 {
		offsets := map[string]map[int32]kgo.EpochOffset{r.topic: {}}
		for partition := range int32(3) {
			offsets[r.topic][partition] = kgo.EpochOffset{Epoch: -1, Offset: commit}
		}
		var failed error
		client.CommitOffsetsSync(r.ctx, offsets, func(_ *kgo.Client, _ *commitRequest, answer *commitResponse, err error) {
			failed = err
			if answer == nil {
				return
			}
			for _, topic := range answer.Topics {
				for _, partition := range topic.Partitions {
					failed = errors.Join(failed, kerr.ErrorForCode(partition.ErrorCode))
				}
			}
		})
		r.say(step+": commit", name(failed))
	}
	client.LeaveGroup()
}

func line(record *kgo.Record) []any {
	headers := [][]any{}
	for _, header := range record.Headers {
		headers = append(headers, []any{header.Key, bytesOf(header.Value, hex.EncodeToString)})
	}
	text := func(bytes []byte) string {
		if len(bytes) > 100 {
			return fmt.Sprintf("%d bytes", len(bytes))
		}
		return string(bytes)
	}
	return []any{record.Partition, record.Offset, bytesOf(record.Key, text), bytesOf(record.Value, text), headers,
		record.Timestamp.UnixMilli() - firstTime, record.Attrs.TimestampType(), record.Attrs.CompressionType()}
}

func bytesOf(bytes []byte, text func([]byte) string) any {
	if bytes == nil {
		return nil
	}
	return text(bytes)
}

func (r *run) consume() {
	r.read("consume from the start", 30, 7)
	r.describe("left group")
	r.committed("committed")
	r.read("resume", 9, 10)
	r.committed("committed at the end")
}

func (r *run) describe(step string) {
	groups, err := r.admin.DescribeGroups(r.ctx, r.group)
	group := groups[r.group]
	assigned := []any{}
	for _, member := range group.Members {
		if consumer, ok := member.Assigned.AsConsumer(); ok {
			for _, topic := range consumer.Topics {
				assigned = append(assigned, []any{topic.Topic, topic.Partitions, member.ClientID, member.InstanceID != nil})
			}
		}
	}
	r.say(step, []any{name(err), name(group.Err), group.State, group.ProtocolType, group.Protocol, assigned})
}

func (r *run) committed(step string) {
	offsets, err := r.admin.FetchOffsets(r.ctx, r.group)
	out := [][]int64{}
	for _, partitions := range offsets {
		for partition, one := range partitions {
			out = append(out, []int64{int64(partition), one.At})
		}
	}
	sort.Slice(out, func(a, b int) bool { return out[a][0] < out[b][0] })
	r.say(step, []any{name(err), out})
}

func (r *run) offsets() {
	one := func(step string, listed kadm.ListedOffsets, err error) {
		out := []any{}
		for partition := range int32(3) {
			offset, _ := listed.Lookup(r.topic, partition)
			time := offset.Timestamp
			if time > 0 {
				time -= firstTime
			}
			out = append(out, []any{offset.Offset, time, name(offset.Err)})
		}
		r.say("offsets "+step, []any{name(err), out})
	}
	start, err := r.admin.ListStartOffsets(r.ctx, r.topic)
	one("start", start, err)
	end, err := r.admin.ListEndOffsets(r.ctx, r.topic)
	one("end", end, err)
	for _, after := range []int64{-1000, 0, 1, 4, 5, 6, 1002, 2004, 4005, 4006, 9999} {
		found, err := r.admin.ListOffsetsAfterMilli(r.ctx, firstTime+after, r.topic)
		one(fmt.Sprintf("after %d", after), found, err)
	}
	largest, err := r.admin.ListMaxTimestampOffsets(r.ctx, r.topic)
	one("of the largest time", largest, err)
}

func (r *run) leaderEpochs() {
	for _, epoch := range []int32{0, 1} {
		request := kadm.OffsetForLeaderEpochRequest{}
		request.Add(r.topic, 0, epoch)
		request.Add(r.topic, 9, epoch)
		request.Add(r.prefix+"unknown", 0, epoch)
		found, err := r.admin.OffsetForLeaderEpoch(r.ctx, request)
		out := []any{name(err)}
		for _, place := range []struct {
			topic     string
			partition int32
		}{{r.topic, 0}, {r.topic, 9}, {r.prefix + "unknown", 0}} {
			one := found[place.topic][place.partition]
			out = append(out, []any{one.LeaderEpoch, one.EndOffset, name(one.Err)})
		}
		r.say(fmt.Sprintf("end of leader epoch %d", epoch), out)
	}
}

func (r *run) groups() {
	listed, err := r.admin.ListGroups(r.ctx)
	group := listed[r.group]
	r.say("list groups", []any{name(err), group.State, group.ProtocolType})
	inState, err := r.admin.ListGroups(r.ctx, "Stable")
	_, stable := inState[r.group]
	r.say("list stable groups", []any{name(err), stable})
	offsets := kadm.Offsets{}
	offsets.AddOffset(r.topic, 1, 3, -1)
	changed, err := r.admin.CommitOffsets(r.ctx, r.group, offsets)
	r.say("set offset", []any{name(err), name(changed.Error())})
	r.committed("committed after setting")
	nowhere := kadm.Offsets{}
	nowhere.AddOffset(r.prefix+"unknown", 0, 3, -1)
	changed, err = r.admin.CommitOffsets(r.ctx, r.group, nowhere)
	r.say("set offset of no topic", []any{name(err), name(changed.Error())})
	removed, err := r.admin.DeleteOffsets(r.ctx, r.group, kadm.TopicsSet{r.topic: {2: {}}})
	r.say("delete offset", []any{name(err), name(removed[r.topic][2])})
	r.committed("committed after deleting")
	unknown, err := r.admin.DescribeGroups(r.ctx, r.prefix+"nobody")
	one := unknown[r.prefix+"nobody"]
	r.say("describe no group", []any{name(err), name(one.Err), one.State})
	_, err = r.admin.DeleteGroup(r.ctx, r.prefix+"nobody")
	r.say("delete no group", name(err))
	_, err = r.admin.DeleteGroup(r.ctx, r.group)
	r.say("delete group", name(err))
	r.describe("deleted group")
	r.committed("committed of deleted group")
}

func (r *run) configs() {
	r.config("configs")
	set := func(step string, op kadm.IncrementalOp, key, value string) {
		config := kadm.AlterConfig{Op: op, Name: key}
		if op != kadm.DeleteConfig {
			config.Value = &value
		}
		answers, err := r.admin.AlterTopicConfigs(r.ctx, []kadm.AlterConfig{config}, r.topic)
		of := "no answer"
		for _, answer := range answers {
			of = name(answer.Err)
		}
		r.say("config "+step, []any{name(err), of})
	}
	set("set", kadm.SetConfig, "max.message.bytes", "2000")
	set("wrong value", kadm.SetConfig, "retention.ms", "soon")
	set("unknown name", kadm.SetConfig, "no.such", "1")
	set("append", kadm.AppendConfig, "cleanup.policy", "compact")
	r.config("configs after setting")
	client := connect(r.address, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	large := &kgo.Record{Topic: r.topic, Partition: 0, Value: make([]byte, 3000), Key: []byte("k")}
	r.say("produce larger than the topic takes", name(client.ProduceSync(r.ctx, large).FirstErr()))
	keyless := &kgo.Record{Topic: r.topic, Partition: 0, Value: []byte("x")}
	r.say("produce without key to a compacted topic", name(client.ProduceSync(r.ctx, keyless).FirstErr()))
	set("remove", kadm.DeleteConfig, "max.message.bytes", "")
	set("subtract", kadm.SubtractConfig, "cleanup.policy", "compact")
	r.config("configs after removing")
	unknown, err := r.admin.DescribeTopicConfigs(r.ctx, r.prefix+"unknown")
	one, _ := unknown.On(r.prefix+"unknown", nil)
	r.say("configs of no topic", []any{name(err), name(one.Err)})
	checked, err := r.admin.ValidateAlterTopicConfigs(r.ctx, []kadm.AlterConfig{{Name: "retention.ms", Value: kadm.StringPtr("5")}}, r.topic)
	r.say("config check only", []any{name(err), name(checked[0].Err)})
	r.config("configs after checking")
}

func (r *run) config(step string) {
	found, err := r.admin.DescribeTopicConfigs(r.ctx, r.topic)
	configs, _ := found.On(r.topic, nil)
	out := map[string]any{}
	for _, config := range configs.Configs {
		switch config.Key {
		case "retention.ms", "retention.bytes", "cleanup.policy", "max.message.bytes", "message.timestamp.type":
			// Brokers differ in their defaults.
			value := config.MaybeValue()
			if config.Source == kmsg.ConfigSourceDefaultConfig {
				value = ""
			}
			out[config.Key] = []any{value, config.Source.String()}
		}
	}
	r.say(step, []any{name(err), name(configs.Err), out})
}

func (r *run) deleteRecords() {
	one := func(step string, partition int32, before int64) {
		offsets := kadm.Offsets{}
		offsets.AddOffset(r.topic, partition, before, -1)
		deleted, err := r.admin.DeleteRecords(r.ctx, offsets)
		answer := deleted[r.topic][partition]
		r.say("delete records "+step, []any{name(err), name(answer.Err), answer.LowWatermark})
	}
	one("before 4", 0, 4)
	one("before 2, which are gone", 0, 2)
	one("beyond the end", 1, 999)
	one("all", 2, -1)
	one("of no partition", 9, 1)
	start, err := r.admin.ListStartOffsets(r.ctx, r.topic)
	out := []int64{}
	for partition := range int32(3) {
		offset, _ := start.Lookup(r.topic, partition)
		out = append(out, offset.Offset)
	}
	r.say("offsets after deleting", []any{name(err), out})
	client := connect(r.address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: {0: kgo.NewOffset().At(0)}}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	fetches := client.PollFetches(r.ctx)
	first := int64(-1)
	fetches.EachRecord(func(record *kgo.Record) {
		if first < 0 {
			first = record.Offset
		}
	})
	r.say("consume what was deleted", first)
}

func (r *run) partitions() {
	one := func(step string, count int, topic string) {
		answers, err := r.admin.UpdatePartitions(r.ctx, count, topic)
		r.say("partitions "+step, []any{name(err), name(answers[topic].Err)})
	}
	one("more", 5, r.topic)
	one("fewer", 2, r.topic)
	one("as many", 5, r.topic)
	one("of no topic", 5, r.prefix+"unknown")
	topics, err := r.admin.ListTopics(r.ctx, r.topic)
	r.say("list", []any{name(err), len(topics[r.topic].Partitions)})
}

func (r *run) remove() {
	one := func(step, topic string) {
		answers, err := r.admin.DeleteTopics(r.ctx, topic)
		r.say("delete "+step, []any{name(err), name(answers[topic].Err)})
	}
	one("topic", r.topic)
	one("it again", r.topic)
	// A broker hears of it a little later than the controller.
	gone := func() bool {
		topics, err := r.admin.ListTopics(r.ctx, r.topic)
		return err == nil && (!topics.Has(r.topic) || topics[r.topic].Err != nil)
	}
	for !gone() && r.ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	_, err := r.admin.CreateTopic(r.ctx, 1, 1, nil, r.topic)
	r.say("create the deleted topic", name(err))
	for gone() && r.ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	end, err := r.admin.ListEndOffsets(r.ctx, r.topic)
	offset, _ := end.Lookup(r.topic, 0)
	r.say("its end", []any{name(err), offset.Offset})
	one("it", r.topic)
}
