import type { Operator, StepContext } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import type { ShareConfig } from './config.ts'
import type { Row } from './rows.ts'

/** Rows of a group that wait for more machines; beyond, the oldest are let go. */
const MOST_WAITING = 10_000

interface GroupState {
  /** Rows that wait, with their received times, in the order in which they came. */
  rows: (readonly [row: Row, received: number])[]
  readonly subjects: Set<string>
  released: number
  suppressed: number
}

/**
 * Second stage, by group: hands out its rows once there are enough machines in it, at once from then on; what is left when its
 * time is over is let go, and counted. Without anonymity each row goes straight through: here, so that a record tells
 * neither by its partition nor by its cause where it comes from.
 */
export function groupsOperator(config: ShareConfig, books: string): Operator<GroupState> {
  const { anonymity } = config
  return {
    create: () => ({ rows: [], subjects: new Set(), released: 0, suppressed: 0 }),
    take(state, fact, context) {
      if (fact.kind !== 'keyed') return
      const row = fact.data as unknown as Row
      if (anonymity === undefined) return release(row, context.received, config, context)
      state.subjects.add(row.subject)
      state.rows.push([row, context.received])
      if (state.subjects.size >= anonymity.subjects) releaseAll(state, config, context)
      if (state.rows.length > MOST_WAITING) {
        state.rows.shift()
        state.suppressed += 1
      }
      const bucket = Number(context.key.slice(0, context.key.indexOf('/')))
      context.setTimer('end', (bucket + 1) * anonymity.window + anonymity.late)
    },
    due(state, _timer, context) {
      state.suppressed += state.rows.length
      const values = { released: state.released, suppressed: state.suppressed }
      const { time, received } = context
      context.emit({ kind: 'reading', reading: { asset: books, sourceTime: time, receivedTime: received, values } })
      state.rows = []
      state.subjects.clear()
      state.released = 0
      state.suppressed = 0
    },
    save: ({ rows, subjects, released, suppressed }) =>
      ({ rows, subjects: [...subjects], released, suppressed }) as unknown as Json,
    restore(json) {
      const saved = json as unknown as Omit<GroupState, 'subjects'> & { subjects: string[] }
      const { rows, subjects, released, suppressed } = saved
      return { rows: [...rows], subjects: new Set(subjects), released, suppressed }
    },
    isIdle: ({ rows, subjects, released, suppressed }) => rows.length + subjects.size + released + suppressed === 0,
  }
}

function releaseAll(state: GroupState, config: ShareConfig, context: StepContext): void {
  for (const [row, received] of state.rows) release(row, received, config, context)
  state.released += state.rows.length
  state.rows = []
}

/** When it was received says as little as the time of the row does. */
function release(row: Row, received: number, { time }: ShareConfig, context: StepContext): void {
  const receivedTime = Math.floor(received / time) * time
  context.emit({ kind: 'product', key: row.subject, time: row.ts, receivedTime, data: row as unknown as Json })
}
