"""What librdkafka (confluent-kafka 2.x) sees of a Kafka broker. Driven by the tests of this folder's parent.

confluent.py script ADDRESS PREFIX
confluent.py member ADDRESS GROUP TOPIC range|cooperative
confluent.py producer ADDRESS TOPIC PARTITIONS RATE
"""

import json
import signal
import sys
import threading
import time

from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    Consumer,
    KafkaError,
    KafkaException,
    OFFSET_BEGINNING,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

FIRST_TIME = 1_700_000_000_000
# The records are years old, and brokers differ in how large a record they take.
CONFIG = {"retention.ms": "-1", "max.message.bytes": "1000000"}
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def name_of(error):
    """The name that librdkafka gives an error: that of Kafka."""
    if isinstance(error, KafkaException):
        error = error.args[0]
    return error.name() if isinstance(error, KafkaError) else type(error).__name__ + ": " + str(error)


def outcome(future):
    """The answer to one request of the admin client: ["ok", what] or [error]."""
    try:
        return ["ok", future.result(20)]
    except Exception as error:
        return [name_of(error)]


def done(future):
    return outcome(future)[0]


class Script:
    def __init__(self, address, prefix):
        self.address = address
        self.prefix = prefix
        self.topic = prefix + "t"
        self.group = prefix + "g"
        self.admin = AdminClient({"bootstrap.servers": address})

    def say(self, step, *result):
        print(json.dumps([step, *result], ensure_ascii=False).replace(self.prefix, ""), flush=True)

    def run(self):
        self.cluster()
        self.create()
        for index, codec in enumerate(CODECS):
            for idempotent in (False, True):
                self.produce(codec, idempotent, FIRST_TIME + index * 1000)
        self.refusals()
        self.read("consume from the start", 60, 15)
        self.committed("committed")
        self.read("resume", 15, 20)
        self.committed("committed at the end")
        self.offsets()
        self.groups()
        self.configs()
        self.delete_records()
        self.partitions()
        self.remove()

    def cluster(self):
        found = outcome(self.admin.describe_cluster())
        self.say("cluster", found[0], len(found[1].nodes), found[1].controller.id in [node.id for node in found[1].nodes])

    def create(self):
        def one(step, name, **how):
            created = self.admin.create_topics([NewTopic(name, **how)])
            self.say("create " + step, done(created[name]))

        one("topic", self.topic, num_partitions=3, replication_factor=1, config=CONFIG)
        one("it again", self.topic, num_partitions=3, replication_factor=1)
        one("bad name", self.prefix + "a/b", num_partitions=1, replication_factor=1)
        one("too many replicas", self.prefix + "r", num_partitions=1, replication_factor=3)
        one("by assignment", self.prefix + "a", num_partitions=2, replica_assignment=[[self.node()], [self.node()]])
        one("wrong assignment", self.prefix + "b", num_partitions=1, replica_assignment=[[99]])
        one("unknown config", self.prefix + "c", num_partitions=1, replication_factor=1, config={"no.such": "1"})
        described = self.admin.describe_topics(TopicCollection([self.topic, self.prefix + "unknown"]))
        self.say("describe no topic", done(described[self.prefix + "unknown"]))
        topic = described[self.topic].result(20)
        nodes = [[one.id, len(one.replicas), len(one.isr)] for one in topic.partitions]
        self.say("describe", topic.name, topic.is_internal, nodes)

    def node(self):
        return outcome(self.admin.describe_cluster())[1].nodes[0].id

    def produce(self, codec, idempotent, first):
        places = []
        failures = []

        def delivered(error, message):
            if error:
                failures.append(error.name())
            else:
                places.append([message.partition(), message.offset()])

        producer = Producer(
            {"bootstrap.servers": self.address, "compression.type": codec, "enable.idempotence": idempotent, "linger.ms": 50}
        )
        for i in range(6):
            producer.produce(
                self.topic,
                partition=i % 3,
                key=None if i == 0 else f"k{i}",
                value=None if i == 1 else "0123456789" * 20_000 if i == 4 else f"{codec}{i}",
                headers=[("unit", b"Cel"), ("raw", bytes([255, 0]))] if i == 2 else [("same", b""), ("same", None)] if i == 3 else None,
                timestamp=first + i,
                on_delivery=delivered,
            )
        left = producer.flush(20)
        self.say(f"produce {codec}{' idempotent' if idempotent else ''}", left, failures, sorted(places))

    def refusals(self):
        def one(step, config, topic, value, **how):
            failures = []
            producer = Producer({"bootstrap.servers": self.address, "message.timeout.ms": 15_000, **config})
            try:
                producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error and error.name()), **how)
            except KafkaException as error:
                failures.append(name_of(error))
            producer.flush(20)
            self.say("produce " + step, failures)

        one("too large", {"message.max.bytes": 4 << 20}, self.topic, b"x" * (2 << 20), partition=0)
        one("to a topic that it makes", {}, self.prefix + "made", b"x")
        one("to no partition", {}, self.topic, b"x", partition=7)
        one("with acks 1", {"acks": 1}, self.prefix + "a", b"x", partition=0)
        one("with acks 0", {"acks": 0}, self.prefix + "a", b"x", partition=0)

    def consumer(self, **more):
        return Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": self.group,
                "client.id": "confluent",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "range",
                "session.timeout.ms": 10_000,
                "fetch.wait.max.ms": 100,
                **more,
            }
        )

    def read(self, step, count, commit):
        consumer = self.consumer()
        consumer.subscribe([self.topic])
        rows = []
        until = time.monotonic() + 30
        while len(rows) < count and time.monotonic() < until:
            for message in consumer.consume(500, 0.2):
                if message.error():
                    self.say(step, message.error().name())
                else:
                    rows.append(row(message))
        self.describe(step + ": group")
        for one in sorted(rows, key=lambda one: one[:2]):
            self.say(step, one)
        offsets = [TopicPartition(self.topic, partition, commit, metadata=f"m{partition}") for partition in range(3)]
        try:
            answers = consumer.commit(offsets=offsets, asynchronous=False)
            self.say(step + ": commit", [one.error and one.error.name() for one in answers])
        except KafkaException as error:
            self.say(step + ": commit", name_of(error))
        consumer.close()
        self.describe(step + ": left group")

    def describe(self, step):
        found = outcome(self.admin.describe_consumer_groups([self.group])[self.group])
        if len(found) == 1:
            return self.say(step, found[0])
        group = found[1]
        members = [
            [one.client_id, one.group_instance_id, [[p.topic, p.partition] for p in one.assignment.topic_partitions]]
            for one in group.members
        ]
        return self.say(step, found[0], group.state.name, group.partition_assignor, group.is_simple_consumer_group, members)

    def committed(self, step):
        request = [ConsumerGroupTopicPartitions(self.group)]
        found = outcome(self.admin.list_consumer_group_offsets(request)[self.group])
        if len(found) == 1:
            return self.say(step, found[0])
        offsets = [[p.topic, p.partition, p.offset, p.metadata] for p in found[1].topic_partitions]
        return self.say(step, found[0], sorted(offsets))

    def offsets(self):
        def one(step, spec, partitions=(0, 1, 2)):
            asked = {TopicPartition(self.topic, partition): spec for partition in partitions}
            answers = []
            for place, future in self.admin.list_offsets(asked).items():
                found = outcome(future)
                time_of = found[1].timestamp - FIRST_TIME if len(found) > 1 and found[1].timestamp > 0 else -1
                answers.append([place.partition, found[0], *([found[1].offset, time_of] if len(found) > 1 else [])])
            self.say("offsets " + step, sorted(answers))

        one("start", OffsetSpec.earliest())
        one("end", OffsetSpec.latest())
        one("of the largest time", OffsetSpec.max_timestamp())
        one("of no partition", OffsetSpec.latest(), [9])
        for after in (-1000, 0, 3, 4, 5, 6, 1002, 2004, 4005, 4006):
            one(f"after {after}", OffsetSpec.for_timestamp(FIRST_TIME + after))

    def groups(self):
        found = outcome(self.admin.list_consumer_groups())
        self.say("list groups", found[0], [[g.group_id, g.state.name, g.is_simple_consumer_group] for g in found[1].valid if g.group_id == self.group])
        found = outcome(self.admin.list_consumer_groups(states={ConsumerGroupState.STABLE}))
        self.say("list stable groups", found[0], [g.group_id for g in found[1].valid if g.group_id == self.group])
        consumer = self.consumer()
        consumer.subscribe([self.topic])
        until = time.monotonic() + 20
        while not consumer.assignment() and time.monotonic() < until:
            consumer.poll(0.1)
        self.say("set offset while in use", self.set_offset(3))
        self.say("delete group in use", done(self.admin.delete_consumer_groups([self.group])[self.group]))
        consumer.close()
        self.say("set offset", self.set_offset(3))
        self.committed("committed after setting")
        self.say("delete no group", done(self.admin.delete_consumer_groups([self.prefix + "nobody"])[self.prefix + "nobody"]))
        self.say("delete group", done(self.admin.delete_consumer_groups([self.group])[self.group]))
        self.describe("deleted group")
        self.committed("committed of deleted group")

    def set_offset(self, offset):
        change = ConsumerGroupTopicPartitions(self.group, [TopicPartition(self.topic, 1, offset)])
        found = outcome(self.admin.alter_consumer_group_offsets([change])[self.group])
        if len(found) == 1:
            return found
        return [found[0], [[p.partition, p.offset, p.error and p.error.name()] for p in found[1].topic_partitions]]

    def configs(self):
        def alter(step, name, value, operation=AlterConfigOpType.SET):
            entry = ConfigEntry(name, value, incremental_operation=operation)
            resource = ConfigResource(ResourceType.TOPIC, self.topic, incremental_configs=[entry])
            self.say("config " + step, [done(one) for one in self.admin.incremental_alter_configs([resource]).values()])

        self.config("configs")
        alter("set", "max.message.bytes", "2000")
        alter("wrong value", "retention.ms", "soon")
        alter("unknown", "no.such", "1")
        alter("append", "cleanup.policy", "compact", AlterConfigOpType.APPEND)
        self.config("configs after setting")
        alter("remove", "max.message.bytes", None, AlterConfigOpType.DELETE)
        alter("set again", "max.message.bytes", "1000000")
        self.config("configs after setting again")
        whole = ConfigResource(ResourceType.TOPIC, self.topic, set_config={**CONFIG, "retention.ms": "86400000"})
        self.say("replace configs", [done(one) for one in self.admin.alter_configs([whole]).values()])
        self.config("configs after replacing")
        unknown = ConfigResource(ResourceType.TOPIC, self.prefix + "unknown")
        self.say("configs of no topic", [done(one) for one in self.admin.describe_configs([unknown]).values()])
        broker = ConfigResource(ResourceType.BROKER, str(self.node()))
        found = outcome(self.admin.describe_configs([broker])[broker])
        names = ["auto.create.topics.enable", "log.cleanup.policy", "message.max.bytes", "num.partitions"]
        self.say("configs of the broker", found[0], [one in found[1] for one in names] if len(found) > 1 else None)

    def config(self, step):
        resource = ConfigResource(ResourceType.TOPIC, self.topic)
        found = outcome(self.admin.describe_configs([resource])[resource])
        if len(found) == 1:
            return self.say(step, found[0])
        names = ["cleanup.policy", "max.message.bytes", "retention.bytes", "retention.ms", "compression.type"]
        entries = [found[1].get(one) for one in names]
        return self.say(
            step,
            [[e.name, e.value, ConfigSource(e.source).name, e.is_read_only, e.is_sensitive, e.is_default] if e else None for e in entries],
        )

    def delete_records(self):
        def one(step, partition, before):
            answers = self.admin.delete_records([TopicPartition(self.topic, partition, before)])
            found = [outcome(one) for one in answers.values()]
            self.say("delete records " + step, [[one[0], *[part.low_watermark for part in one[1:]]] for one in found])

        one("before 4", 0, 4)
        one("before 2, which are gone", 0, 2)
        one("beyond the end", 1, 999)
        one("all", 2, -1)
        consumer = self.consumer()
        marks = [consumer.get_watermark_offsets(TopicPartition(self.topic, p), timeout=10) for p in range(3)]
        self.say("offsets after deleting", marks)
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        message = consumer.poll(10)
        self.say("consume what was deleted", message.offset() if message is not None and not message.error() else None)
        consumer.assign([TopicPartition(self.topic, 1, OFFSET_BEGINNING)])
        message = consumer.poll(10)
        self.say("consume from the beginning", message.offset() if message is not None and not message.error() else None)
        consumer.close()

    def partitions(self):
        def one(step, topic, count):
            self.say("partitions " + step, done(self.admin.create_partitions([NewPartitions(topic, count)])[topic]))

        one("more", self.topic, 5)
        one("fewer", self.topic, 2)
        one("of no topic", self.prefix + "unknown", 2)

    def remove(self):
        def one(step, topic):
            self.say("delete " + step, done(self.admin.delete_topics([topic])[topic]))

        one("topic", self.topic)
        one("it again", self.topic)
        one("the other", self.prefix + "a")


def row(message):
    def text(data):
        return None if data is None else f"{len(data)} bytes" if len(data) > 100 else data.decode()

    headers = [[name, None if value is None else value.hex()] for name, value in message.headers() or []]
    kind, stamp = message.timestamp()
    return [message.partition(), message.offset(), text(message.key()), text(message.value()), headers, kind, stamp - FIRST_TIME]


def member(address, group, topic, assignor):
    """Reads as one of a group until SIGTERM; a line of JSON for each thing that happens."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def say(**line):
        print(json.dumps(line), flush=True)

    def partitions(kind):
        return lambda _, which: say(**{kind: [one.partition for one in which]})

    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group,
            "client.id": "confluent",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky" if assignor == "cooperative" else "range",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 500,
            "fetch.wait.max.ms": 200,
            "reconnect.backoff.max.ms": 500,
        }
    )
    consumer.subscribe([topic], on_assign=partitions("assigned"), on_revoke=partitions("revoked"), on_lost=partitions("lost"))
    while not stop.is_set():
        read = {}
        for message in consumer.consume(200, 0.2):
            if not message.error():
                read.setdefault(message.partition(), []).append([message.offset(), message.value().decode()])
        for partition, records in read.items():
            say(partition=partition, read=records)
        if read:
            offsets = [TopicPartition(topic, partition, records[-1][0] + 1) for partition, records in read.items()]
            try:
                answers = consumer.commit(offsets=offsets, asynchronous=False)
                say(committed={one.partition: one.offset for one in answers if not one.error})
            except KafkaException as error:
                say(failed=name_of(error))
    consumer.close()


def producer(address, topic, partitions, rate):
    """Counts up, idempotent, until SIGTERM; says what was acknowledged, and in the end what was not."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    client = Producer(
        {"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 5, "reconnect.backoff.max.ms": 500, "message.timeout.ms": 120_000}
    )

    def delivered(error, message):
        if error:
            print(json.dumps({"failed": error.name()}), flush=True)
        else:
            print(json.dumps({"acked": message.value().decode(), "partition": message.partition(), "offset": message.offset()}), flush=True)

    sent = 0
    while not stop.is_set():
        # In bursts of a twentieth of a second.
        for _ in range(int(rate) // 20):
            client.produce(topic, str(sent), partition=sent % int(partitions), on_delivery=delivered)
            sent += 1
        client.poll(0)
        stop.wait(0.05)
    print(json.dumps({"sent": sent, "left": client.flush(60)}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "script":
        Script(*sys.argv[2:]).run()
    elif sys.argv[1] == "producer":
        producer(*sys.argv[2:])
    else:
        member(*sys.argv[2:])
