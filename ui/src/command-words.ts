import type { CommandStateView, CommandView, DesiredView } from '../../src/api/contract-commands.ts'
import type { JsonValue } from '../../src/api/contract.ts'
import type { State } from './tree.ts'

/** Words and marks for the states of a command; `busy` goes on by itself. */
export const COMMAND_STATES: {
  readonly [state in CommandStateView]: { readonly text: string; readonly mark: State; readonly busy?: true }
} = {
  'waiting-approval': { text: 'waits for a second person', mark: 'uncertain', busy: true },
  requested: { text: 'on its way', mark: 'good', busy: true },
  dispatching: { text: 'being sent', mark: 'good', busy: true },
  confirmed: { text: 'confirmed', mark: 'good' },
  rejected: { text: 'rejected', mark: 'bad' },
  expired: { text: 'expired, never sent', mark: 'bad' },
  failed: { text: 'failed', mark: 'bad' },
  unknown: { text: 'unknown: it may have been done', mark: 'bad' },
}

/** Words for what a tag is to be beside what it is; undefined: there is nothing to say. */
export function desiredText({ state, by }: DesiredView): { readonly text: string; readonly mark: State } | undefined {
  switch (state) {
    case 'reached':
      return undefined
    case 'waiting':
      return { text: `waits for approval, asked by ${by}`, mark: 'uncertain' }
    case 'in-flight':
      return { text: 'on its way', mark: 'good' }
    case 'differs':
      return { text: 'wanted, but it is not', mark: 'uncertain' }
    case 'failed':
      return { text: 'wanted, and failed', mark: 'bad' }
    default:
      return { text: 'wanted; nobody knows whether it was done', mark: 'bad' }
  }
}

/** What a command does: `setpoint = 60`, `Hold()`. */
export function commandText({ command, tag, value, method, args = [] }: CommandView): string {
  if (method !== undefined) return `${command}(${args.map(argText).join(', ')})`
  return tag === undefined || value === undefined ? command : `${command} = ${argText(value)}`
}

function argText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What somebody has typed, as a value of a type. @throws Error that says what is wrong */
export function typedValue(text: string, type: string, range?: readonly [number, number]): JsonValue {
  if (type === 'boolean') return text === 'true'
  if (type === 'string') return text
  if (type === 'int64' && /^-?\d+$/.test(text.trim())) {
    const number = Number(text)
    return checked(Number.isSafeInteger(number) ? number : text.trim(), number, range)
  }
  if (type === 'number' || type === 'int64') {
    const number = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(number) || type === 'int64')
      throw new Error(type === 'int64' ? 'Want a whole number' : 'Want a number')
    return checked(number, number, range)
  }
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    throw new Error(`Want ${type === 'array' ? 'a list' : 'an object'} as JSON`)
  }
}

function checked(value: JsonValue, number: number, range: readonly [number, number] | undefined): JsonValue {
  if (range === undefined || (number >= range[0] && number <= range[1])) return value
  throw new Error(`Want ${range[0]} to ${range[1]}`)
}
