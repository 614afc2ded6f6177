import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what systems give to whoever dials (Linux: from 32768): nobody is handed one of these between now and its use. */
const FIRST = 20_000
const COUNT = 12_000
/** Each process has a block of its own to begin with, so that two that look at the same time find different ones. */
const BLOCK = 16

let next = (process.pid * BLOCK) % COUNT

/** Ports of this machine that nobody listens on; never the same twice, until all have had their turn. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries >= COUNT) throw new Error(`Cannot find free ports: found ${ports.length}, want ${count}`)
    const port = FIRST + next
    next = (next + 1) % COUNT
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  await once(server.close(), 'close')
  return true
}
