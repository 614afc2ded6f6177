import { notSent, refused, unknown } from '../../component/command-answer.ts'
import type { CommandAnswer, MachineCommand } from '../../component/source.ts'
import type { Clock } from '../../system/clock.ts'
import { unlessAborted } from '../../system/wait.ts'
import type { AwaitedReplies } from './awaited-replies.ts'
import { NOBODY, type BrokerConnection, type Handed } from './client-connection.ts'
import { commandPayload } from './command-message.ts'
import { routeOf, type CommandRoute, type CommandRule } from './command-rules.ts'

/** From here on the reason of an acknowledgement is a no (MQTT 5, 2.4). */
const REFUSED = 0x80

export interface SendingParts {
  readonly rules: readonly CommandRule[]
  readonly site: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly replies: AwaitedReplies
  readonly connection: BrokerConnection
}

/**
 * Hands a command to the broker, once. Whether it reaches the machine the broker does not tell: only the machine's answer
 * does, where there is a topic for it, and what the machine reports later.
 */
export async function sendThrough(
  command: MachineCommand,
  { rules, site, timeoutMs, clock, replies, connection }: SendingParts,
  signal: AbortSignal,
): Promise<CommandAnswer> {
  const route = routeOf(rules, site, command)
  if (route === undefined) return notSent(`"commands" has no topic for ${command.asset}`)
  if (/[+#\0]/.test(route.topic)) return notSent(`The topic has a wildcard: ${route.topic}`)
  const now = clock.monotonic()
  if (signal.aborted) return notSent('This hub is stopping')
  if (now >= command.deadline) return notSent('Its time was over')
  const { promise, resolve } = Promise.withResolvers<CommandAnswer>()
  if (route.reply !== undefined) replies.await(command.id, undefined, resolve)
  let isOpen = true
  const handOver = async () => {
    const handed = await connection.publish(departureOf(command, route, now, clock.now()))
    isOpen = false
    const answer = answerOf(handed, route)
    if (answer !== undefined) resolve(answer)
  }
  void handOver()
  const timer = clock.after(timeoutMs, () => resolve(unknown(`No answer came within ${timeoutMs / 1000} s`)))
  const answer = (await unlessAborted(promise, signal)) ?? unknown('This hub is stopping, and no answer had come')
  timer.cancel()
  replies.forget(command.id)
  // What still lies in a buffer must not arrive when nobody expects it any more.
  if (isOpen && answer.kind === 'unknown') connection.abort('the broker did not acknowledge a command')
  return answer
}

function departureOf(command: MachineCommand, { topic, reply, rule }: CommandRoute, now: number, wallTime: number) {
  const leftMs = command.deadline - now
  return {
    topic,
    payload: commandPayload(command, wallTime + leftMs),
    qos: rule.qos ?? 0,
    properties: {
      payloadFormatIndicator: true,
      contentType: 'application/json',
      messageExpiryInterval: Math.ceil(leftMs / 1000),
      ...(reply !== undefined && { responseTopic: reply, correlationData: Buffer.from(command.id) }),
    },
  } as const
}

/** What the broker's word means; undefined: it has it, and the machine is to answer yet. */
function answerOf(handed: Handed, { topic, reply }: CommandRoute): CommandAnswer | undefined {
  if (handed === 'not-sent') return notSent('The broker does not take anything now')
  if (handed === 'lost') return unknown('The connection ended before the broker acknowledged')
  if (handed.reason === NOBODY) return refused('NoMatchingSubscribers', `Nobody has subscribed to ${topic}`)
  if (handed.reason >= REFUSED) {
    const code = `0x${handed.reason.toString(16)}`
    return refused(code, `The broker refused it with reason ${code}`)
  }
  return reply === undefined ? { kind: 'accepted' } : undefined
}
