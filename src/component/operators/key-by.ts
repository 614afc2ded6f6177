import type { Json } from '../../model/json-value.ts'
import type { Fact, Operator } from '../topology.ts'

/** What a fact is under its new keys; of none, the next stage does not get it. */
export type KeyBy = (fact: Fact) => readonly { readonly key: string; readonly data: Json }[]

/**
 * Gives facts another key than their asset, for the next stage: facts of one key come together there, in order of each asset
 * they came from, and in no order among assets. Keeps nothing.
 */
export function keyByOperator(keyBy: KeyBy): Operator<null> {
  return {
    create: () => null,
    take: (_state, fact, context) => {
      for (const keyed of keyBy(fact))
        context.emit({ kind: 'keyed', ...keyed, time: context.time, receivedTime: context.received })
    },
  }
}
