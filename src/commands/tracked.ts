import type { Claimed, CommandEnd, CommandEvent, CommandState, Requested, Settled } from '../model/command-event.ts'

/** A command as its steps have made it. Immutable: a step makes a new one. */
export interface Tracked {
  readonly request: Requested
  /** Where its request lies in the log. */
  readonly offset: number
  readonly state: CommandState
  /** The step with which its time to be sent began: the request, or the approval of it. */
  readonly ready?: { readonly time: number; readonly offset: number; readonly run: string }
  readonly approvedBy?: string
  readonly claim?: Pick<Claimed, 'hub' | 'run' | 'token' | 'source' | 'time'>
  readonly outcome?: Pick<Settled, 'reasons' | 'readBack' | 'results' | 'time' | 'by'>
}

/** A request that was taken from the log: what comes first counts. `sameAs`: the command whose key it repeats. */
export function begin(request: Requested, offset: number, sameAs: string | undefined): Tracked {
  if (sameAs !== undefined) {
    const message = `Its key was used before, for command "${sameAs}"`
    const outcome = { reasons: [{ code: 'duplicate', message }], time: request.time }
    return { request, offset, state: 'rejected', outcome }
  }
  if (request.approveMs !== undefined) return { request, offset, state: 'waiting-approval' }
  return { request, offset, state: 'requested', ready: { time: request.time, offset, run: request.run } }
}

/**
 * The command after a step; the same object where the step changes nothing, because it is not (or no longer) to be
 * taken: whoever writes a step may have been overtaken, and the order of the log decides.
 */
export function evolve(command: Tracked, event: CommandEvent, offset: number): Tracked {
  switch (event.kind) {
    case 'requested':
      return command
    case 'approved': {
      if (command.state !== 'waiting-approval' || event.by === command.request.by) return command
      const ready = { time: event.time, offset, run: event.run }
      return { ...command, state: 'requested', approvedBy: event.by, ready }
    }
    case 'claimed': {
      if (command.state !== 'requested') return command
      const { hub, run, token, source, time } = event
      return { ...command, state: 'dispatching', claim: { hub, run, token, source, time } }
    }
    default:
      return maySettle(command, event) ? settled(command, event) : command
  }
}

export function isSettled({ state }: Pick<Tracked, 'state'>): boolean {
  return state !== 'waiting-approval' && state !== 'requested' && state !== 'dispatching'
}

/** Ends that say that nothing was done, which anybody may say of a command that nobody has claimed. */
const NOT_DONE: readonly CommandEnd[] = ['rejected', 'expired', 'failed']

/**
 * Who may say how a command ended: as long as nobody has claimed it anybody, that it was not done; then only the one who has
 * claimed it, or anybody that nobody knows. Who claimed it may still know better later.
 */
function maySettle({ state, claim }: Tracked, { state: end, run }: Settled): boolean {
  if (claim === undefined) return !isSettled({ state }) && NOT_DONE.includes(end)
  if (state === 'dispatching') return run === claim.run || end === 'unknown'
  return state === 'unknown' && run === claim.run && end !== 'unknown'
}

function settled(command: Tracked, { state, reasons, readBack, results, time, by }: Settled): Tracked {
  const outcome = {
    reasons,
    ...(readBack !== undefined && { readBack }),
    ...(results !== undefined && { results }),
    time,
    ...(by !== undefined && { by }),
  }
  return { ...command, state, outcome }
}
