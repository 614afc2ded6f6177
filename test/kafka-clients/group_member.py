"""A member of a group that is not ours: prints what it is given, what it lets go of and what it reads, as JSON lines.

group_member.py ADDRESS GROUP TOPIC ASSIGNOR; ends when its standard input does.
"""
import json
import sys
import threading

from confluent_kafka import Consumer

address, group, topic, assignor = sys.argv[1:]
ended = threading.Event()


def wait_for_end():
    sys.stdin.read()
    ended.set()


def tell(what, partitions):
    print(json.dumps({"what": what, "partitions": [one.partition for one in partitions]}), flush=True)


consumer = Consumer(
    {
        "bootstrap.servers": address,
        "group.id": group,
        "partition.assignment.strategy": assignor,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
    }
)
threading.Thread(target=wait_for_end, daemon=True).start()
consumer.subscribe(
    [topic],
    on_assign=lambda _, partitions: tell("assigned", partitions),
    on_revoke=lambda _, partitions: tell("revoked", partitions),
    on_lost=lambda _, partitions: tell("lost", partitions),
)
while not ended.is_set():
    message = consumer.poll(0.1)
    if message is None or message.error():
        continue
    print(json.dumps({"what": "read", "value": message.value().decode()}), flush=True)
    consumer.commit(message, asynchronous=False)
consumer.close()
