"""Produces or consumes through librdkafka and prints JSON; driven by confluent-kafka.test.ts.

round_trip.py produce  BROKER TOPIC COMPRESSION IDEMPOTENT COUNT
round_trip.py consume  BROKER TOPIC COUNT
round_trip.py lookup   BROKER TOPIC TIMESTAMP
round_trip.py wait     BROKER TOPIC
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

FIRST_TIME = 1700000000000


def produce(broker, topic, compression, idempotent, count):
    failures = []
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "compression.type": compression,
            "enable.idempotence": idempotent == "true",
            "linger.ms": 5,
        }
    )
    for i in range(int(count)):
        producer.produce(
            topic,
            partition=0,
            key=None if i % 10 == 0 else f"key{i}",
            value=None if i % 10 == 1 else f"value{i}",
            headers=[("unit", b"Cel"), ("raw", bytes([i % 256, 255]))],
            timestamp=FIRST_TIME + i,
            on_delivery=lambda error, _: failures.append(str(error)) if error else None,
        )
    left = producer.flush(20)
    print(json.dumps({"left": left, "failures": failures}))


def consumer(broker):
    return Consumer({"bootstrap.servers": broker, "group.id": "none", "enable.auto.commit": False})


def text(value):
    return None if value is None else value.decode()


def consume(broker, topic, count):
    reading = consumer(broker)
    reading.assign([TopicPartition(topic, 0, 0)])
    records = []
    until = time.monotonic() + 20
    while len(records) < int(count) and time.monotonic() < until:
        for message in reading.consume(500, 0.5):
            if message.error():
                raise SystemExit(str(message.error()))
            headers = [[name, value.hex()] for name, value in message.headers() or []]
            records.append([message.offset(), text(message.key()), text(message.value()), headers, message.timestamp()[1]])
    print(json.dumps(records))


def lookup(broker, topic, timestamp):
    reading = consumer(broker)
    low, high = reading.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    found = reading.offsets_for_times([TopicPartition(topic, 0, int(timestamp))], timeout=10)
    print(json.dumps({"low": low, "high": high, "found": found[0].offset}))


def wait(broker, topic):
    """Says that it waits at the end of the topic, then prints the first record that comes."""
    reading = consumer(broker)
    reading.assign([TopicPartition(topic, 0, 0)])
    reading.poll(0.2)
    print("waiting", flush=True)
    message = reading.poll(20)
    print(text(message.value()), flush=True)


if __name__ == "__main__":
    {"produce": produce, "consume": consume, "lookup": lookup, "wait": wait}[sys.argv[1]](*sys.argv[2:])
