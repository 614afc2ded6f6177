import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { layerFault } from '../tools/lint/layers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Plants a file in `src/<folder>`, runs the real linter on it, and answers what it said. */
function lintPlanted(folder: string, code: string): string {
  const directory = mkdtempSync(join(root, 'src', folder, 'planted-'))
  try {
    writeFileSync(join(directory, 'violation.ts'), code)
    const lint = spawnSync(join(root, 'node_modules/.bin/oxlint'), [directory], { cwd: root, encoding: 'utf8' })
    return `${lint.status}\n${lint.stdout}`
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the linter sees a planted import against the layers', () => {
  const said = lintPlanted('model', "import { LogError } from '../../log/log.ts'\n\nexport const planted = LogError\n")
  assert.match(said, /^1\n/)
  assert.match(said, /src\/model may not import src\/log: it may import nothing/)
})

test('the linter sees a planted clock and a planted file system in the core', () => {
  const said = lintPlanted(
    'flow',
    "import { readFileSync } from 'node:fs'\n\nexport const at = [Date.now(), readFileSync]\n",
  )
  assert.match(said, /The core may not import "node:fs"/)
  assert.match(said, /The core may not call Date.now/)
})

test('the linter says nothing of a good file', () => {
  const said = lintPlanted('flow', "import { LogError } from '../../log/log.ts'\n\nexport const planted = LogError\n")
  assert.match(said, /^0\n/)
})

test('folders of sources are islands', () => {
  const fault = layerFault(`${root}src/sources/mqtt/spec.ts`, '../opcua/spec.ts')
  assert.equal(fault, 'src/sources/mqtt may not import src/sources/opcua: they are islands')
})
