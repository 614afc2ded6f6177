import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { startHub, type Hub } from '../hub.ts'
import { startWorld, type World } from '../world.ts'
import { announce } from './announce.ts'
import { demoPlant, type DemoPorts } from './demo-plant.ts'
import { EXIT } from './failure.ts'
import { parsePlant } from './files.ts'
import { machine } from './machine.ts'
import { count, jsonOption, logFormatOption, logLevelOption, port, positive, type LogOptions } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'
import { untilEnded } from './until-ended.ts'

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
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'millrace-demo-')))
  try {
    const system = machine(options)
    const plant = await parsePlant('demo.yaml', Buffer.from(demoPlant(options)))
    // The machines take longer to load than the hub, so they begin first; until it is there they try again.
    const machines = startMachines(options)
    machines.catch(() => {})
    const hub = await startHub({ plant, dataDirectory: directory, mode: 'demo', system })
    announce(hub, `demo plant ${plant.site}: 8 presses, ${options.cars} cars, 1 test station`, options.json === true, [
      ['Try', 'mosquitto_pub -q 1 -t hello/world -m \'{"temperature": 21.5}\''],
    ])
    if (options.open && terminal.interactive) openBrowser(hub)
    await untilEnded(hub, await machines)
    return EXIT.ok
  } finally {
    if (options.data === undefined) await rm(directory, { recursive: true, force: true })
  }
}

function startMachines({ seed, speed, cars, opcua, mqtt, http }: DemoOptions): Promise<World> {
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
  const child = spawn(program as string, [hub.page], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
