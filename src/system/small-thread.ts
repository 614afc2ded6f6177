import { setFlagsFromString } from 'node:v8'
import type { Worker } from 'node:worker_threads'

/** Most MB of one half of the young generation of a small thread. */
const HALF_MB = 2

const FLAG = /^--max[-_]semi[-_]space[-_]size=(\d+)$/

/**
 * A thread with little garbage: its bounds of the young generation hold only while the flag that bounds that of the whole
 * process does not say otherwise, which V8 reads when the thread begins.
 */
export function smallThread(start: () => Worker): Worker {
  const ours = [...process.execArgv]
    .reverse()
    .map((flag) => FLAG.exec(flag)?.[1])
    .find((mb) => mb !== undefined)
  setFlagsFromString(`--max-semi-space-size=${HALF_MB}`)
  const worker = start()
  worker.once('online', () => setFlagsFromString(`--max-semi-space-size=${ours ?? 0}`))
  return worker
}
