import { join } from 'node:path'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub, type Hub } from '../../src/hub.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { createLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const EMBEDDED = '{ embedded: { listen: 0, partitions: 1 } }'
const plantText = (log: string) => `site: acme/berlin
log: ${log}
sources: { posts: { http: {} } }
api: { listen: 0 }
`

/** A directory for the data of a hub. */
export async function dataDirectory(): Promise<string> {
  return join(await temporaryFolder('hub'), 'data')
}

/** A hub in this process, of one source that takes posts; what it says about itself goes into `said`. */
export async function startLife(directory: string, said: string[] = [], log = EMBEDDED): Promise<Hub> {
  const write = (line: string) => void said.push(line)
  const system = {
    clock: systemClock,
    random: systemRandom,
    disk: fileDisk,
    net: nodeNet,
    logger: createLogger({ level: 'debug', format: 'text', now: () => 0, write }),
    metrics: new Metrics(),
  }
  const plant = await parsePlant('plant.yaml', Buffer.from(plantText(log)))
  return startHub({ plant, dataDirectory: directory, mode: 'run', system })
}

export async function post(hub: Hub, asset: string, body: string, type = 'application/json') {
  const answer = await fetch(`${hub.page}/api/v1/ingest/${asset}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  })
  return { status: answer.status, body: (await answer.json()) as { [name: string]: unknown } }
}

export async function get(hub: Hub, path: string): Promise<unknown> {
  return (await fetch(`${hub.page}${path}`)).json()
}
