import type { Fact, Operator } from '../topology.ts'

/** Puts other facts in place of each one: none, one or several, of the same key. Keeps nothing. */
export function mapOperator(change: (fact: Fact) => readonly Fact[]): Operator<null> {
  return {
    create: () => null,
    take: (_state, fact, context) => {
      for (const one of change(fact)) context.emit(one)
    },
  }
}
