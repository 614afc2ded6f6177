import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isDeepStrictEqual, promisify } from 'node:util'
import { AAS_ROUTES } from '../src/api/aas/routes.ts'
import { ROUTES } from '../src/api/routes.ts'
import { WOT_ROUTES } from '../src/api/wot/routes.ts'
import { ConfigError } from '../src/config/problem.ts'
import { loadPlant } from '../src/config/load.ts'
import { KINDS } from '../src/registry.ts'
import { EVENTS, PREFIX as INGEST } from '../src/sources/http/source.ts'
import { need } from '../tools/need.ts'
import { blocksOf, comparable, moveToFreePorts, type Block, type Moved } from './docs-blocks.ts'
import { HubProcess } from './faults/hub-process.ts'
import { HUB } from './faults/kill-loop.ts'

/** What the docs and the examples show is what the program does: configs are loaded, commands are run. */
const PAGES = ['README.md', ...(await Array.fromAsync(glob('docs/**/*.md'))).sort()]
const EXAMPLES = (await Array.fromAsync(glob('examples/*.yaml'))).sort()

/** Of a config that is not whole: what has to be in front. */
const HEAD = 'site: acme/berlin\n'

test('every config in the docs passes the linter', async () => {
  const yaml = (await Promise.all(PAGES.map(blocksOf))).flat().filter(({ info }) => info === 'yaml')
  assert.ok(yaml.length >= 12, `${yaml.length} blocks were found`)
  for (const { at, text } of yaml) await lint(at, /^site:/m.test(text) ? text : HEAD + text)
})

for (const example of EXAMPLES) {
  test(`${example} passes the linter`, async () => {
    await lint(example, await readFile(example, 'utf8'))
  })
}

for (const { kind, example, config } of KINDS.sources) {
  test(`the example of source "${kind}" is a config of that kind`, async () => {
    const { sources } = await lint(`example of ${kind}`, HEAD + example)
    assert.ok(sources.length > 0)
    for (const source of sources) assert.equal(source.spec.config, config)
  })
}

for (const { kind, example, config } of KINDS.processors) {
  test(`the example of processor "${kind}" is a config of that kind`, async () => {
    // Others may follow that take what it derives.
    const { processors } = await lint(`example of ${kind}`, HEAD + example)
    assert.equal(processors[0]?.spec.config, config)
  })
}

for (const { kind, example, config } of KINDS.sinks) {
  test(`the example of sink "${kind}" is a config of that kind`, async () => {
    const { sinks } = await lint(`example of ${kind}`, HEAD + example)
    assert.ok(sinks.length > 0)
    for (const sink of sinks) assert.equal(sink.spec.config, config)
  })
}

test('the linter that these tests trust sees a fault', async () => {
  await assert.rejects(lint('planted', `${HEAD}sources: { a: { mqtt: { listen: 1883 } } }`), ConfigError)
})

/** Where routes are described. */
const ROUTE_PAGES = ['docs/api.md', 'docs/i3x.md']

test('docs/api.md and docs/i3x.md have every route, and no other', async () => {
  const pages = await Promise.all(ROUTE_PAGES.map((page) => readFile(page, 'utf8')))
  const documented = [...pages.join('\n').matchAll(/^#+ `(GET|POST|PUT) (\S+)`$/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  )
  // The addresses of a standard are in the standard, and in the page of its door.
  const own = ROUTES.filter((route) => ![...AAS_ROUTES, ...WOT_ROUTES].includes(route))
  const routes = own.flatMap(({ method, url, fallback }) => {
    if (fallback) return method === 'POST' ? [`POST ${INGEST}/{path}`, `POST ${EVENTS}`] : ['GET /{file}']
    return [`${method} ${url.replace('*', '{path}').replace(/:(\w+)/, '{$1}')}`]
  })
  assert.deepEqual(documented.sort(), routes.sort())
})

/** Secrets that the configs of the pages name. */
const SECRETS = { MILLRACE_SECRET_PANEL: 'only-for-reading', MILLRACE_SECRET_LINE1: 'only-for-writing' }

for (const page of ['docs/api.md', 'docs/history-queries.md']) {
  test(`the commands of ${page} answer what it says`, async (t) => {
    if (need('curl') === undefined) return t.skip('curl is not installed')
    const blocks = await blocksOf(page)
    const configs = blocks.flatMap(({ info, text }, index) =>
      info === 'yaml' && text.startsWith('site:') ? [index] : [],
    )
    assert.ok(configs.length > 0)
    // A config is the hub that the commands after it, up to the next config, talk to.
    for (const [nth, index] of configs.entries()) {
      const moved = await moveToFreePorts(blocks[index]!.text)
      const commands = blocks.slice(index + 1, configs[nth + 1])
      await t.test(blocks[index]!.at, async (inner) => {
        await startHub(inner, moved)
        for (const [at, block] of commands.entries()) {
          if (block.info === 'sh run') await checkCommand(moved, block, commands[at + 1])
        }
      })
    }
  })
}

async function startHub(t: TestContext, { config, page }: Moved): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-docs-'))
  Object.assign(process.env, SECRETS)
  const file = join(directory, 'plant.yaml')
  await writeFile(file, config)
  const hub = new HubProcess([...HUB, file, '--data', join(directory, 'data')], page)
  t.after(async () => {
    await hub.stop()
    await rm(directory, { recursive: true, force: true })
  })
  await hub.start()
}

/** How long the twins may take to show what was stored just before. */
const PATIENCE_MS = 5_000

/** Runs a block and compares what it prints with the block after it; what only asks may ask again. */
async function checkCommand({ translate }: Moved, { at, text }: Block, answer: Block | undefined): Promise<void> {
  assert.ok(answer !== undefined && ['json', 'text'].includes(answer.info), `${at}: want a block with its answer`)
  const wanted = comparable(translate(answer.text))
  const deadline = / -d |--data/.test(text) ? 0 : performance.now() + PATIENCE_MS
  for (;;) {
    const printed = await run(translate(text))
    if (isDeepStrictEqual(comparable(printed), wanted)) return
    if (performance.now() >= deadline) assert.deepEqual(comparable(printed), wanted, `${at} answered:\n${printed}`)
  }
}

async function run(script: string): Promise<string> {
  const env = { ...process.env, ...SECRETS, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` }
  const { stdout } = await promisify(execFile)('sh', ['-ec', script], { env, timeout: 20_000 })
  return stdout
}

/** Loads a config as `millrace lint` does, with secrets and files that are always there. */
async function lint(name: string, config: string) {
  const get = (_: object, name: string | symbol) =>
    String(name).endsWith('URL') ? 'https://example.com/hook' : 'a secret that is long enough'
  const env = new Proxy<{ [name: string]: string }>({}, { get, has: () => true })
  const text = () => Promise.resolve('-----BEGIN CERTIFICATE-----')
  // Whatever model the docs name: a network of two tags.
  const bytes = () => readFile('test/processors/models/press.onnx')
  return loadPlant(name, Buffer.from(config), KINDS, { env, readFile: text, readBytes: bytes })
}
