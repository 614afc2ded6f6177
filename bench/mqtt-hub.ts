import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Measured, ROOT } from './processes.ts'

const run = promisify(execFile)

export interface HubPorts {
  readonly mqtt: number
  readonly http: number
  readonly kafka: number
}

/** A hub of its own process that machines talk to in MQTT, with its data in the directory; `rule` says what its topics are. */
export async function startMqttHub(directory: string, ports: HubPorts, rule: string): Promise<Measured> {
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/bench
log: { embedded: { listen: ${ports.kafka} } }
sources: { load: { mqtt: { listen: ${ports.mqtt}, topics: { "load/{n}": ${rule} } } } }
api: { listen: ${ports.http} }
`,
  )
  const data = join(directory, 'data')
  return new Measured(process.execPath, ['src/main.ts', 'run', config, '--data', data, '--log-level', 'warn'])
}

export interface LoadResult {
  readonly messages: number
  readonly messagesPerSecond: number
  readonly p50: number | null
  readonly p99: number | null
}

/** QoS 1 from 20 connections with 1,000 messages in flight each; `more`: what `bench/mqtt-load.ts` takes beside that. */
export async function mqttLoad(port: number, payload: 'raw' | 'json', more: readonly string[]): Promise<LoadResult> {
  const args = ['bench/mqtt-load.ts', '--url', `mqtt://127.0.0.1:${port}`, '--connections', '20', '--window', '1000']
  const kind = ['--qos', '1', '--json', '--payload', payload, '--size', '150']
  const { stdout } = await run(process.execPath, [...args, ...kind, ...more], { cwd: ROOT })
  return JSON.parse(stdout) as LoadResult
}
