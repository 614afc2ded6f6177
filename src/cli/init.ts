import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { EXIT } from './failure.ts'
import { jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'

/** The first config of a plant: it runs as it is, and every line says what to make of it. */
const FIRST_CONFIG = `# A plant for Millrace. Check it with "millrace lint plant.yaml", start it with "millrace run plant.yaml".
site: acme/berlin              # enterprise/site: every path below is under it

log: embedded                  # on this machine's disk; fsync before every acknowledgement

models:                        # types of machines: what their tags mean
  press@1:
    tags:
      temperature: { unit: Cel, range: [0, 120] }
      pressure:    { unit: bar, range: [0, 250] }
      cycles:      { kind: counter }
      state:       { kind: state, states: packml }

assets:                        # machines: enterprise/site/area/line/cell
  press-shop/line1/press{1..2}: { model: press@1 }

sources:                       # where data comes from
  devices:                     # devices that connect straight to us: mosquitto_pub -q 1 -t machines/press-shop/line1/press1 -m '{"temperature": 71.3}'
    mqtt:
      listen: 1883             # loopback; "0.0.0.0:1883" needs "users:"
      topics:
        "machines/{path...}": { asset: "{path}" }

  posts:                       # curl -d '{"temperature": 71.3}' -H 'content-type: application/json' http://127.0.0.1:8080/api/v1/ingest/press-shop/line1/press2
    http: {}

  # line1:                     # an OPC UA server
  #   opcua:
  #     endpoint: opc.tcp://10.0.0.7:4840
  #     nodes:
  #       - { browse: "ns=urn:acme:press;Press{n}", asset: "press-shop/line1/press{n}" }

api:
  listen: 8080                 # page and API, on loopback; beyond it "tokens:" are needed
`

export const initCommand = (done: Done) =>
  new Command('init')
    .description('write a first config')
    .argument('[file]', 'where to', 'plant.yaml')
    .option('--force', 'overwrite a file that is there')
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  millrace init\n  millrace init line1.yaml && millrace run line1.yaml')
    .action(async (file: string, options: { force?: boolean; json?: boolean }) => {
      done(await init(file, options.force === true, options.json === true))
    })

async function init(file: string, force: boolean, json: boolean): Promise<number> {
  try {
    await writeFile(file, FIRST_CONFIG, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const message = `Cannot write "${file}": it is already there, want another name or --force`
    if (json) terminal.out(JSON.stringify({ ok: false, code: 'EEXIST', message }))
    else terminal.err(message)
    return EXIT.failed
  }
  if (json) terminal.out(JSON.stringify({ ok: true, file }))
  else terminal.out(`Wrote ${file}. Next: millrace lint ${file}, then millrace run ${file}`)
  return EXIT.ok
}
