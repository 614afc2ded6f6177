import { z } from 'zod'
import type { Outgoing } from '../../component/sink.ts'
import { keyOf } from '../../component/topology.ts'

/** The topic that a fact is published to. */
export const topicField = z
  .string()
  .regex(/^[^+#\0]{1,400}$/, 'Cannot publish to this topic: want one without + and #')
  .default('millrace/{kind}/{asset}')
  .describe(
    'Topic, with {kind} (alarm, event, reading), {asset} (its path), {leaf} (the last name of it) and {name} (of the alarm, or type of the event)',
  )

export function topicOf({ fact }: Outgoing, template: string): string {
  const name = fact.kind === 'alarm' ? fact.alarm.alarm : fact.kind === 'event' ? fact.event.type : fact.kind
  const asset = keyOf(fact)
  return template
    .replaceAll('{kind}', () => fact.kind)
    .replaceAll('{asset}', () => asset)
    .replaceAll('{leaf}', () => asset.split('/').at(-1)!)
    .replaceAll('{name}', () => name.replaceAll(/[+#\0]/g, '-'))
}
