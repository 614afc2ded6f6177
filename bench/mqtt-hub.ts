import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Measured } from './processes.ts'

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
