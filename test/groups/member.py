"""A member of a group through librdkafka, which writes down what it is given before it commits it.

member.py BROKER GROUP TOPIC STRATEGY [INSTANCE]

A line of JSON for each thing: {"assigned": [..]}, {"revoked": [..]}, {"lost": [..]}, {"p": 0, "o": 7, "v": "text"}.
"""

import json
import signal
import sys

from confluent_kafka import Consumer, KafkaException


def say(thing):
    print(json.dumps(thing), flush=True)


def partitions(all_of_them):
    return [one.partition for one in all_of_them]


def main(broker, group, topic, strategy, instance=None):
    config = {
        "bootstrap.servers": broker,
        "group.id": group,
        "partition.assignment.strategy": strategy,
        "session.timeout.ms": 2000,
        "heartbeat.interval.ms": 300,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 100,
    }
    if instance:
        config["group.instance.id"] = instance
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    consumer = Consumer(config)
    consumer.subscribe(
        [topic],
        on_assign=lambda _, given: say({"assigned": partitions(given)}),
        on_revoke=lambda _, taken: say({"revoked": partitions(taken)}),
        on_lost=lambda _, taken: say({"lost": partitions(taken)}),
    )
    while going:
        messages = [one for one in consumer.consume(100, 0.1) if not one.error()]
        for one in messages:
            say({"p": one.partition(), "o": one.offset(), "v": one.value().decode()})
        if messages:
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as error:
                say({"refused": error.args[0].name()})
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
