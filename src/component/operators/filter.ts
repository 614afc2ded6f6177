import type { Fact, Operator } from '../topology.ts'

/** Lets pass what a test is true for. Keeps nothing. */
export function filterOperator(test: (fact: Fact) => boolean): Operator<null> {
  return {
    create: () => null,
    take: (_state, fact, context) => {
      if (test(fact)) context.emit(fact)
    },
  }
}
