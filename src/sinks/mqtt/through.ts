import { outgoingJson } from '../../component/outgoing-json.ts'
import type { Outgoing, Sink, SinkContext } from '../../component/sink.ts'
import { topicOf } from './topic.ts'

interface ThroughConfig {
  /** Name of the source whose machines get it. */
  readonly through: string
  readonly topic: string
  /** ms. */
  readonly expires: number | undefined
}

/**
 * Hands facts to the machines of a source that have subscribed, over the connections that are there: a warning to a car. What is
 * for one that is away waits as its session allows, so a fact is done when it was handed over, and nothing is tried again.
 */
export class ThroughSink implements Sink {
  readonly #config: ThroughConfig
  readonly #context: SinkContext

  constructor(config: ThroughConfig, context: SinkContext) {
    this.#config = config
    this.#context = context
  }

  deliver(batch: readonly Outgoing[]): Promise<void> {
    const { through, topic, expires } = this.#config
    for (const one of batch) {
      this.#context.publish(through, {
        topic: topicOf(one, topic),
        payload: Buffer.from(JSON.stringify(outgoingJson(one))),
        qos: 1,
        ...(expires !== undefined && { expiresMs: expires }),
      })
    }
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
