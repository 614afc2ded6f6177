import { notSent, unknown, type NotAccepted } from '../../component/command-answer.ts'
import type { CommandAnswer, MachineCommand } from '../../component/source.ts'
import type { Clock } from '../../system/clock.ts'
import { unlessAborted } from '../../system/wait.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import { findMethod, variantsOf, type Callable } from './methods.ts'
import type { Machine } from './nodes.ts'
import { refusalOf, type StatusLike } from './refusal.ts'
import { requestOnce, type Sending } from './request-once.ts'
import { convert } from './values.ts'
import { variantOf } from './variant-of.ts'
import { readWritePoint, type WritePoint } from './write-point.ts'

/** Two severity bits: a status that has the upper one is Bad (OPC 10000-4 7.39.1). */
const BAD = 0x80000000

/** Writes and calls over one connection. What a node takes is read once, before its first command. */
export class Commander {
  readonly #link: Link
  readonly #library: Library
  readonly #clock: Clock
  readonly #answerMs: number
  readonly #points = new Map<string, WritePoint>()
  readonly #methods = new Map<string, Callable>()

  constructor(link: Link, library: Library, clock: Clock, answerMs: number) {
    this.#link = link
    this.#library = library
    this.#clock = clock
    this.#answerMs = answerMs
  }

  /** Writes the value of a node, and reads back what the server then says. Never throws. */
  async write(nodeId: string, { target, deadline }: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    if (target.kind !== 'tag') return notSent('It writes no tag')
    const library = this.#library
    const point = await this.#learn(nodeId, this.#points, () => readWritePoint(nodeId, this.#link, library), signal)
    if (point.kind !== 'point') return point
    const encoded = variantOf(target.value, point, library)
    if (encoded.kind !== 'encoded') return encoded
    const attributeId = library.AttributeIds.Value
    const request = new library.WriteRequest({
      nodesToWrite: [{ nodeId, attributeId, value: { value: encoded.variant } }],
    })
    const reply = await requestOnce<'write'>(this.#link, request, this.#sending(deadline, signal))
    if (reply.kind !== 'answer') return reply
    const refusal = badStatus(reply.response.results?.[0], `write "${target.tag}"`)
    if (refusal !== undefined) {
      // Perhaps its type or our rights have changed.
      this.#points.delete(nodeId)
      return refusal
    }
    return { kind: 'accepted', written: encoded.written, ...(await this.#readBack(nodeId, signal)) }
  }

  /** Calls a method of the objects that stand for an asset. Never throws. */
  async call(machines: readonly Machine[], command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    const { target, deadline } = command
    if (target.kind !== 'method') return notSent('It calls no method')
    const library = this.#library
    const key = `${command.asset}\n${target.method}`
    const find = () => findMethod(machines, target.method, this.#link, library)
    const method = await this.#learn(key, this.#methods, find, signal)
    if (method.kind !== 'method') return method
    const encoded = variantsOf(target.args, method, library)
    if ('kind' in encoded) return encoded
    const { objectId, methodId } = method
    const inputArguments = encoded.map(({ variant }) => variant)
    const request = new library.CallRequest({ methodsToCall: [{ objectId, methodId, inputArguments }] })
    const reply = await requestOnce<'call'>(this.#link, request, this.#sending(deadline, signal))
    if (reply.kind !== 'answer') return reply
    const result = reply.response.results?.[0]
    const refusal = badStatus(result?.statusCode, `call "${target.method}"`)
    if (refusal !== undefined) {
      this.#methods.delete(key)
      return refusal
    }
    return { kind: 'accepted', results: (result?.outputArguments ?? []).map((value) => convert({ value }).value) }
  }

  /** What is known of a node; asks the server where it is not. Nothing has been sent yet, so a fault here is harmless. */
  async #learn<T extends { kind: 'point' | 'method' }>(
    key: string,
    known: Map<string, T>,
    ask: () => Promise<T | NotAccepted>,
    signal: AbortSignal,
  ): Promise<T | NotAccepted> {
    const before = known.get(key)
    if (before !== undefined) return before
    try {
      const told = await unlessAborted(ask(), signal)
      if (told === undefined) return notSent('This hub is stopping')
      if (told.kind === 'point' || told.kind === 'method') known.set(key, told)
      // What is in doubt is in doubt about a question; nothing has been sent.
      return told.kind === 'unknown' ? notSent(told.reason) : told
    } catch (error) {
      return notSent(`Cannot ask the server about it: ${error instanceof Error ? error.message.trim() : String(error)}`)
    }
  }

  /** What the server says right after a write. Where it does not, what it reports later has to show it. */
  async #readBack(nodeId: string, signal: AbortSignal) {
    const { AttributeIds } = this.#library
    try {
      const reading = this.#link.session.read({ nodeId, attributeId: AttributeIds.Value }, 0)
      const data = await unlessAborted(reading, signal)
      return data && { readBack: convert(data) }
    } catch {
      return {}
    }
  }

  #sending(deadline: number, signal: AbortSignal): Sending {
    return { deadline, answerMs: this.#answerMs, signal, clock: this.#clock }
  }
}

/** The answer that a result means where it is Bad; GoodClamped and the like are a yes, and the value read back says what. */
function badStatus(status: StatusLike | null | undefined, what: string): NotAccepted | undefined {
  if (!status) return unknown(`Cannot ${what}: the server's answer has no result`)
  return (status.value & BAD) === 0 ? undefined : refusalOf(status, what)
}
