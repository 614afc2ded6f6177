"""What kafka-python sees of a Kafka broker. Driven by the tests of this folder's parent.

kafka_python.py script ADDRESS PREFIX
kafka_python.py member ADDRESS GROUP TOPIC range
"""

import json
import signal
import sys
import threading
import time

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.structs import OffsetAndMetadata

FIRST_TIME = 1_700_000_000_000
# The records are years old, and brokers differ in how large a record they take.
CONFIG = {"retention.ms": "-1", "max.message.bytes": "1000000"}
# Its newest set of requests; what it would find out by asking is the same.
BASE = {"api_version": (2, 5, 0), "client_id": "kafka-python"}


def commit_of(offset, metadata):
    """This class has had more fields in newer releases."""
    return OffsetAndMetadata(*[offset, metadata, -1][: len(OffsetAndMetadata._fields)])


class Script:
    def __init__(self, address, prefix):
        self.base = {"bootstrap_servers": address, **BASE}
        self.prefix = prefix
        self.topic = prefix + "t"
        self.group = prefix + "g"
        self.admin = KafkaAdminClient(**self.base)

    def step(self, name, work):
        try:
            result = work()
        except Exception as error:
            result = type(error).__name__
        print(json.dumps([name, "ok" if result is None else result], default=str).replace(self.prefix, ""), flush=True)

    def run(self):
        self.step("cluster", lambda: len(self.admin.describe_cluster()["brokers"]))
        create = lambda name, partitions, replicas: lambda: self.created(NewTopic(name, partitions, replicas, topic_configs=CONFIG))
        self.step("create topic", create(self.topic, 3, 1))
        self.step("create it again", create(self.topic, 3, 1))
        self.step("create too many replicas", create(self.prefix + "r", 1, 3))
        self.step("list", lambda: [name for name in self.admin.list_topics() if name.startswith(self.prefix)])
        for codec in (None, "gzip"):
            self.step(f"produce {codec}", lambda: self.produce(codec))
        self.step("produce too large", self.too_large)
        self.step("consume from the start", lambda: self.read(12))
        self.step("group that was left", self.describe)
        self.step("committed", self.committed)
        self.step("list groups", lambda: [list(one) for one in self.admin.list_consumer_groups() if one[0] == self.group])
        self.step("offsets", self.offsets)
        for after in (0, 3, 4, 6):
            self.step(f"offsets after {after}", lambda: self.offsets_after(after))
        self.step("delete group", lambda: [error.__name__ for _, error in self.admin.delete_consumer_groups([self.group])])
        self.step("delete it again", lambda: [error.__name__ for _, error in self.admin.delete_consumer_groups([self.group])])
        self.step("configs", self.configs)
        self.step("config set", lambda: self.alter("retention.ms", "3600000"))
        self.step("config wrong value", lambda: self.alter("retention.ms", "soon"))
        self.step("configs", self.configs)
        self.step("partitions", lambda: self.partitions(5))
        self.step("fewer partitions", lambda: self.partitions(2))
        self.step("delete topic", lambda: self.deleted(self.topic))
        self.step("delete no topic", lambda: self.deleted(self.prefix + "unknown"))

    def created(self, topic):
        answer = self.admin.create_topics([topic])
        return [one[1] for one in answer.topic_errors]

    def deleted(self, topic):
        return [one[1] for one in self.admin.delete_topics([topic]).topic_error_codes]

    def partitions(self, count):
        return [one[1] for one in self.admin.create_partitions({self.topic: NewPartitions(count)}).topic_errors]

    def produce(self, codec):
        producer = KafkaProducer(**self.base, acks="all", retries=5, compression_type=codec, linger_ms=20)
        sent = [
            producer.send(
                self.topic,
                partition=i % 3,
                key=None if i == 0 else f"k{i}".encode(),
                value=None if i == 1 else b"0123456789" * 20_000 if i == 4 else f"{codec}{i}".encode(),
                headers=[("unit", b"Cel"), ("raw", bytes([255, 0]))] if i == 2 else [],
                timestamp_ms=FIRST_TIME + i,
            )
            for i in range(6)
        ]
        producer.flush(20)
        places = [one.get(20) for one in sent]
        producer.close()
        return sorted([one.partition, one.offset] for one in places)

    def too_large(self):
        producer = KafkaProducer(**self.base, max_request_size=4 << 20)
        try:
            return producer.send(self.topic, b"x" * (2 << 20), partition=0).get(20).offset
        finally:
            producer.close()

    def consumer(self, **more):
        return KafkaConsumer(**self.base, enable_auto_commit=False, auto_offset_reset="earliest", **more)

    def read(self, count):
        consumer = self.consumer(group_id=self.group, fetch_max_wait_ms=100, partition_assignment_strategy=[RangePartitionAssignor])
        consumer.subscribe([self.topic])
        rows = []
        until = time.monotonic() + 30
        while len(rows) < count and time.monotonic() < until:
            for records in consumer.poll(500).values():
                rows.extend(row(record) for record in records)
        self.step("group", self.describe)
        consumer.commit({TopicPartition(self.topic, partition): commit_of(3, "m") for partition in range(3)})
        consumer.close()
        return sorted(rows, key=lambda one: one[:2])

    def describe(self):
        groups = self.admin.describe_consumer_groups([self.group])
        return [[one.state, one.protocol_type, one.protocol, len(one.members)] for one in groups]

    def committed(self):
        offsets = self.admin.list_consumer_group_offsets(self.group)
        return sorted([place.partition, one.offset, one.metadata] for place, one in offsets.items())

    def places(self):
        return [TopicPartition(self.topic, partition) for partition in range(3)]

    def offsets(self):
        consumer = self.consumer()
        first, last = consumer.beginning_offsets(self.places()), consumer.end_offsets(self.places())
        consumer.close()
        return [[first[place], last[place]] for place in self.places()]

    def offsets_after(self, after):
        consumer = self.consumer()
        found = consumer.offsets_for_times({place: FIRST_TIME + after for place in self.places()})
        consumer.close()
        return [found[place] and [found[place].offset, found[place].timestamp - FIRST_TIME] for place in self.places()]

    def configs(self):
        names = {"cleanup.policy": None, "retention.ms": None, "max.message.bytes": None}
        answers = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, self.topic, names)])
        return sorted([entry[0], entry[1]] for answer in answers for resource in answer.resources for entry in resource[4])

    def alter(self, name, value):
        answer = self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.topic, {**CONFIG, name: value})])
        return [resource[0] for resource in answer.resources]


def row(record):
    text = lambda data: None if data is None else f"{len(data)} bytes" if len(data) > 100 else data.decode()
    headers = [[name, value.hex()] for name, value in record.headers]
    return [record.partition, record.offset, text(record.key), text(record.value), headers, record.timestamp - FIRST_TIME]


def member(address, group, topic, _assignor):
    """Reads as one of a group until SIGTERM; a line of JSON for each thing that happens."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def say(**line):
        print(json.dumps(line), flush=True)

    consumer = KafkaConsumer(
        bootstrap_servers=address,
        **BASE,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=[RangePartitionAssignor],
        session_timeout_ms=6_000,
        heartbeat_interval_ms=500,
        max_poll_interval_ms=10_000,
        fetch_max_wait_ms=200,
        max_poll_records=200,
        reconnect_backoff_max_ms=500,
    )
    class Listener(ConsumerRebalanceListener):
        def on_partitions_assigned(self, assigned):
            say(assigned=[one.partition for one in assigned])

        def on_partitions_revoked(self, revoked):
            pass

    consumer.subscribe([topic], listener=Listener())
    while not stop.is_set():
        batches = consumer.poll(200)
        for place, records in batches.items():
            say(partition=place.partition, read=[[one.offset, one.value.decode()] for one in records])
        if batches:
            next_of = {place: records[-1].offset + 1 for place, records in batches.items()}
            try:
                consumer.commit({place: commit_of(offset, "") for place, offset in next_of.items()})
                say(committed={place.partition: offset for place, offset in next_of.items()})
            except Exception as error:
                say(failed=type(error).__name__)
    consumer.close(autocommit=False)


if __name__ == "__main__":
    if sys.argv[1] == "script":
        Script(*sys.argv[2:]).run()
    else:
        member(*sys.argv[2:])
