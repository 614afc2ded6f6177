import type { CommandAnswer } from '../../component/source.ts'
import { readReply } from './command-message.ts'

/** The policy by which answers of machines are counted: they are taken, and are no data. */
export const COMMAND_REPLY = 'command-reply'

interface Awaited {
  /** Whose answer counts; undefined: anybody's who may publish where answers are. */
  readonly from: object | undefined
  readonly resolve: (answer: CommandAnswer) => void
}

/** Commands whose machines have not answered yet, by id. */
export class AwaitedReplies {
  readonly #awaited = new Map<string, Awaited>()

  await(id: string, from: object | undefined, resolve: (answer: CommandAnswer) => void): void {
    this.#awaited.set(id, { from, resolve })
  }

  forget(id: string): void {
    this.#awaited.delete(id)
  }

  /**
   * A message on a topic of answers. `correlation`: the id that MQTT 5 carries beside the payload. What nobody waits for,
   * or another client sent, is passed over.
   */
  came(payload: Uint8Array, correlation: string | undefined, from?: object): void {
    if (this.#awaited.size === 0) return
    const reply = readReply(payload)
    const id = correlation ?? reply.id
    const awaited = id === undefined ? undefined : this.#awaited.get(id)
    if (awaited === undefined || (awaited.from !== undefined && awaited.from !== from)) return
    this.#awaited.delete(id!)
    awaited.resolve(reply.answer)
  }
}
