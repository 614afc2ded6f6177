/**
 * Notes how far the facts of a key have got.
 * @throws where one is older than those before it: then it harms only itself, and is counted
 */
export function expectOrder(state: { time: number }, time: number): void {
  if (time < state.time) {
    const behind = state.time - time
    throw new Error(`Cannot take a fact that is ${behind} ms older than the one before it: want facts in order`)
  }
  state.time = time
}
