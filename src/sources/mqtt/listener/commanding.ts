import { notSent, refused, unknown } from '../../../component/command-answer.ts'
import type { CommandAnswer, MachineCommand } from '../../../component/source.ts'
import { unlessAborted } from '../../../system/wait.ts'
import type { AwaitedReplies } from '../awaited-replies.ts'
import { commandPayload } from '../command-message.ts'
import { filterFor, routeOf, ruleFor, type CommandRoute, type CommandRule } from '../command-rules.ts'
import type { Message } from './answers.ts'
import type { Parts } from './parts.ts'
import { commandProperties } from './properties.ts'
import { Reason, reasonName } from './protocol.ts'
import type { Attachment, Session } from './sessions.ts'
import { topicFault } from './topic-filter.ts'

export interface CommandingOptions {
  readonly rules: readonly CommandRule[]
  readonly site: string
  readonly timeoutMs: number
}

/**
 * Commands to machines that have subscribed here. One goes to exactly one client that is connected, on this connection and
 * never on another: it is not queued, and not sent again where the connection ends before PUBACK, though 4.4 of the standard
 * would have it so for other messages.
 */
export class Commanding {
  readonly #options: CommandingOptions
  readonly #parts: Parts
  readonly #replies: AwaitedReplies

  constructor(options: CommandingOptions, parts: Parts) {
    this.#options = options
    this.#parts = parts
    this.#replies = parts.replies
  }

  /** Whether a client is connected here that takes commands for an asset. */
  reaches(asset: string): boolean {
    const { rules, site } = this.#options
    const found = ruleFor(rules, site, asset)
    if (found === undefined) return false
    return this.#parts.subscriptions.anyWithin(filterFor(found.rule, found.captures), (session) => {
      return session.attachment !== undefined
    })
  }

  async command(command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    const { rules, site } = this.#options
    const route = routeOf(rules, site, command)
    if (route === undefined) return notSent(`"commands" has no topic for ${command.asset}`)
    const fault = topicFault(route.topic)
    if (fault !== undefined) return notSent(`The topic ${fault}: ${route.topic}`)
    const to = this.#recipient(route)
    if (typeof to === 'string') return notSent(to)
    return this.#send(command, route, to, signal)
  }

  #recipient({ topic, client }: CommandRoute): Recipient | string {
    const found: Recipient[] = []
    for (const [session, { qos }] of this.#parts.subscriptions.match(topic)) {
      const { attachment } = session
      if (attachment === undefined || (client !== undefined && session.clientId !== client)) continue
      found.push({ session, attachment, qos })
    }
    if (found.length === 1) return found[0]!
    const who = client === undefined ? '' : ` "${client}"`
    if (found.length === 0) return `No client${who} that is connected has subscribed to ${topic}`
    return `${found.length} clients have subscribed to ${topic}, want one: name it with "client"`
  }

  async #send(
    command: MachineCommand,
    route: CommandRoute,
    { session, attachment, qos }: Recipient,
    signal: AbortSignal,
  ): Promise<CommandAnswer> {
    const { clock } = this.#parts
    const { promise, resolve } = Promise.withResolvers<CommandAnswer>()
    let isOpen = qos > 0
    const done: CommandAnswer = { kind: 'accepted' }
    const acknowledged = (reason: number | undefined) => {
      isOpen = false
      if (reason === undefined) resolve(unknown('Its connection ended before it acknowledged'))
      else if (reason >= Reason.UnspecifiedError) resolve(refusedBy(reason))
      else if (route.reply === undefined) resolve(done)
    }
    if (signal.aborted) return notSent('This hub is stopping')
    const now = clock.monotonic()
    if (now >= command.deadline) return notSent('Its time was over')
    if (route.reply !== undefined) this.#replies.await(command.id, session, resolve)
    const message = messageOf(command, route, qos, clock.now() - now)
    if (!session.outbox.order(message, qos, attachment, now, acknowledged)) {
      this.#replies.forget(command.id)
      return notSent('The client does not take what was sent to it before, or its packets are too small')
    }
    if (qos === 0 && route.reply === undefined) resolve(done)
    const { timeoutMs } = this.#options
    const timer = clock.after(timeoutMs, () =>
      resolve(unknown(`The machine did not answer within ${timeoutMs / 1000} s`)),
    )
    const answer = (await unlessAborted(promise, signal)) ?? unknown('This hub is stopping, and no answer had come')
    timer.cancel()
    this.#replies.forget(command.id)
    // What still lies in a buffer must not arrive when nobody expects it any more.
    if (isOpen && answer.kind === 'unknown') attachment.abort()
    return answer
  }
}

interface Recipient {
  readonly session: Session
  readonly attachment: Attachment
  readonly qos: number
}

/** `wallAhead`: what the wall clock has more than the monotonic one. */
function messageOf(command: MachineCommand, { topic, reply }: CommandRoute, qos: number, wallAhead: number): Message {
  return {
    topic: Buffer.from(topic),
    payload: commandPayload(command, command.deadline + wallAhead),
    qos,
    properties: commandProperties(reply, command.id),
    expiresAt: command.deadline,
  }
}

/** PUBACK of MQTT 5 may say no. */
function refusedBy(reason: number): CommandAnswer {
  return refused(reasonName(reason), `The client refused it: ${reasonName(reason)}`)
}
