import { existsSync } from 'node:fs'
import { isMainThread, threadName } from 'node:worker_threads'

/** Loaded before a hub (`node --import`): its broker's thread throws as soon as there is a file of this name. */
const signal = process.env['BROKER_DIES_WHEN']

if (!isMainThread && threadName === 'log-broker') {
  setInterval(() => {
    if (existsSync(signal!)) throw new Error('planned death')
  }, 50).unref()
}
