import { basename } from 'node:path'
import { Command, Option } from 'commander'
import { parseAddress, type Address } from '../system/net.ts'
import { EXIT } from './failure.ts'
import { address, count, jsonOption, positive } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'
import { askedToEnd, untilEnded } from './until-ended.ts'

interface PlantOptions {
  readonly opcua: Address
  readonly mqtt: Address
  readonly http: string
  readonly presses: number
  readonly cars: number
  readonly seed: number
  readonly speed: number
  readonly json?: boolean
}

interface ReplayCommandOptions {
  readonly through: 'mqtt' | 'opcua' | 'http'
  readonly to?: string
  readonly as?: string
  readonly speed: number | 'max'
  readonly timeColumn?: string
  readonly times?: 'original' | 'now'
  readonly json?: boolean
}

export const simulateCommand = (done: Done) =>
  new Command('simulate')
    .description('machines that speak for real: a simulated plant, or a recording of one')
    .addCommand(plantCommand(done), { isDefault: true })
    .addCommand(replayCommand(done))

const plantCommand = (done: Done) =>
  new Command('plant')
    .description('a press line over OPC UA, a fleet over MQTT, a test station over HTTP')
    .option('--opcua <address>', 'where the OPC UA server listens', address, parseAddress(4840))
    .option('--mqtt <address>', 'MQTT broker that the cars publish to', address, parseAddress(1883))
    .option('--http <url>', 'hub that the test station and the office post to', 'http://127.0.0.1:8080')
    .option('--presses <number>', 'presses of the line', count, 8)
    .option('--cars <number>', 'cars of the fleet', count, 25)
    .option('--seed <number>', 'the same seed gives the same plant', count, 1)
    .option('--speed <factor>', 'simulated seconds in a real second', positive, 1)
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  millrace simulate\n  millrace simulate --cars 1000 --speed 10')
    .action(async (options: PlantOptions) => done(await plant(options)))

const replayCommand = (done: Done) =>
  new Command('replay')
    .description('play a CSV (also .csv.gz) as if its machine were there')
    .argument('<file>', 'the table: a heading, then a row a moment')
    .addOption(new Option('--through <protocol>', 'how it speaks').choices(['mqtt', 'opcua', 'http']).default('mqtt'))
    .option('--to <address>', 'broker (mqtt), own listener (opcua) or URL of the hub (http); default: on this machine')
    .option('--as <name>', 'topic (mqtt), object (opcua) or asset (http); default: the name of the file')
    .option(
      '--speed <factor>',
      'times as fast as it was, or max',
      (text) => (text === 'max' ? text : positive(text)),
      1,
    )
    .option('--time-column <name>', 'column of times, where it cannot be told by its name')
    .addOption(
      new Option('--times <which>', 'source times: those of the table, or the moment of sending').choices([
        'original',
        'now',
      ]),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace simulate replay machine_temperature.csv.gz --as hall/bearing --speed 300\n  millrace simulate replay drive1.csv --through http --as fleet/etios',
    )
    .action(async (file: string, options: ReplayCommandOptions) => done(await replay(file, options)))

async function plant({ json, ...options }: PlantOptions): Promise<number> {
  const asked = askedToEnd()
  const { startWorld } = await import('../world.ts')
  const world = await startWorld(options)
  if (json) terminal.out(JSON.stringify({ ok: true, ...world.endpoints }))
  else {
    terminal.out(
      `Simulating ${options.presses} presses at ${world.endpoints.opcua}, ${options.cars} cars to ${world.endpoints.mqtt}, a test station to ${world.endpoints.http}`,
    )
    terminal.out('Ctrl-C ends it.')
  }
  await untilEnded(asked, world)
  return EXIT.ok
}

async function replay(file: string, options: ReplayCommandOptions): Promise<number> {
  const { replayTable } = await import('../world.ts')
  const { machine } = await import('./machine.ts')
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const { timeColumn, times, speed, json } = options
  const progress = await replayTable(
    {
      file,
      speed,
      through: throughOf(file, options),
      signal: stop.signal,
      ...(timeColumn === undefined ? {} : { timeColumn }),
      ...(times === undefined ? {} : { times }),
      onProgress: ({ rows, values }) => {
        if (!json && process.stderr.isTTY === true) process.stderr.write(`\r${rows} rows, ${values} values\u001b[K`)
      },
    },
    machine({ logLevel: 'warn', logFormat: 'text' }),
  )
  if (json) terminal.out(JSON.stringify({ ok: true, ...progress }))
  else terminal.out(`\rSent ${progress.rows} rows, ${progress.values} values of ${file}`)
  return EXIT.ok
}

function throughOf(file: string, { through, to, as }: ReplayCommandOptions) {
  const name = as ?? basename(file).replace(/\.csv(\.gz)?$/, '')
  if (through === 'http') return { kind: through, url: to ?? 'http://127.0.0.1:8080', asset: name }
  const at = address(to ?? (through === 'mqtt' ? '1883' : '4840'))
  return through === 'mqtt' ? { kind: through, broker: at, topic: name } : { kind: through, listen: at, object: name }
}
