import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Hub } from '../hub.ts'
import type { World } from '../world.ts'
import { announce } from './announce.ts'
import { keepCompiledCode } from './compile-cache.ts'
import { collectLoading } from '../system/loading.ts'
import { systemClock } from '../system/clock.ts'
import { DEMO_SITE, demoPlant, type DemoPorts } from './demo-plant.ts'
import { EXIT } from './failure.ts'
import { count, jsonOption, logFormatOption, logLevelOption, port, positive, type LogOptions } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'
import { askedToEnd, untilEnded } from './until-ended.ts'

interface DemoOptions extends LogOptions, DemoPorts {
  readonly data?: string
  readonly seed: number
  readonly speed: number
  readonly cars: number
  readonly open: boolean
  readonly print?: boolean
  readonly json?: boolean
}

export const demoCommand = (done: Done) =>
  new Command('demo')
    .description('a simulated plant and fleet, end to end, with its page')
    .option('--http <port>', 'page and API', port, 8080)
    .option('--mqtt <port>', 'MQTT listener', port, 1883)
    .option('--kafka <port>', 'Kafka protocol of the log', port, 9092)
    .option('--opcua <port>', 'OPC UA server of the simulated press line', port, 4840)
    .option('--data <dir>', 'keep the log here (default: a temporary directory, removed at the end)')
    .option('--seed <number>', 'seed of the simulation', count, 1)
    .option('--speed <factor>', 'speed of the simulated time', positive, 1)
    .option('--cars <number>', 'cars of the fleet', count, 25)
    .option('--no-open', 'do not open the page in a browser')
    .option('--print', 'print the config of the demo plant and end')
    .addOption(logLevelOption().default('error'))
    .addOption(logFormatOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace demo\n  millrace demo --http 9000 --speed 10\n  mosquitto_pub -q 1 -t hello/world -m \'{"temperature": 21.5}\'   becomes asset acme/berlin/hello/world',
    )
    .action(async (options: DemoOptions) => {
      if (options.print) terminal.out(demoPlant(options))
      else done(await demo(options))
    })

async function demo(options: DemoOptions): Promise<number> {
  const asked = askedToEnd()
  await using stack = new AsyncDisposableStack()
  const directory = options.data ?? (await temporaryDirectory(stack))
  const starting = startDemoHub(options, directory)
  stack.defer(closing(starting))
  // They take longer to load than the hub, and two cores have enough to do with one of them.
  const machines = starting.then(() => startMachines(options))
  stack.defer(closing(machines))
  const hub = await starting
  announce(hub, `demo plant ${DEMO_SITE}: 8 presses, ${options.cars} cars, 1 test station`, options.json === true, [
    ['Try', 'mosquitto_pub -q 1 -t hello/world -m \'{"temperature": 21.5}\''],
  ])
  keepCompiledCode()
  collectLoading(systemClock)
  if (options.open && terminal.interactive) openBrowser(hub)
  const ended = Promise.race([hub.ended, machines.then(() => hub.ended)])
  await untilEnded(asked, { ended, close: () => stack.disposeAsync() })
  return EXIT.ok
}

async function temporaryDirectory(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-demo-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Closes what is still starting as soon as it has started; what could not start needs no closing. */
function closing(starting: Promise<{ close(): Promise<void> }>): () => Promise<void> {
  const started = starting.catch(() => undefined)
  return async () => (await started)?.close()
}

async function startDemoHub(options: DemoOptions, dataDirectory: string): Promise<Hub> {
  const { parsePlant } = await import('./files.ts')
  const plant = await parsePlant('demo.yaml', Buffer.from(demoPlant(options)))
  const { startHub } = await import('../hub.ts')
  const { machine } = await import('./machine.ts')
  return startHub({ plant, dataDirectory, mode: 'demo', system: machine(options) })
}

async function startMachines({ seed, speed, cars, opcua, mqtt, http }: DemoOptions): Promise<World> {
  const { startWorld } = await import('../world.ts')
  const at = (port: number) => ({ host: '127.0.0.1', port })
  const page = `http://127.0.0.1:${http}`
  return startWorld({ seed, speed, presses: 8, cars, opcua: at(opcua), mqtt: at(mqtt), http: page })
}

/** Opens the page where there is a desktop to open it on; a box without one has no use for the attempt. */
function openBrowser(hub: Hub): void {
  const [program, usable] =
    process.platform === 'darwin'
      ? ['open', true]
      : ['xdg-open', process.env['DISPLAY'] !== undefined || process.env['WAYLAND_DISPLAY'] !== undefined]
  if (!usable) return
  const child = spawn(program, [hub.page], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
