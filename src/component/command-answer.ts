import type { CommandAnswer } from './source.ts'

/** What came of a command where it was not accepted. */
export type NotAccepted = Exclude<CommandAnswer, { readonly kind: 'accepted' }>

export function refused(code: string, reason: string): NotAccepted {
  return { kind: 'refused', code, reason }
}

export function notSent(reason: string): NotAccepted {
  return { kind: 'not-sent', reason }
}

export function unknown(reason: string): NotAccepted {
  return { kind: 'unknown', reason }
}
