import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

/** A file that reads all sources by a pattern makes the check see nothing: it takes them for entries then. */
test('the check for dead code sees a file that nobody imports', () => {
  const directory = mkdtempSync(join(root, 'src', 'model', 'planted-'))
  try {
    writeFileSync(join(directory, 'dead.ts'), 'export const planted = 1\n')
    const knip = spawnSync(join(root, 'node_modules/.bin/knip'), { cwd: root, encoding: 'utf8' })
    assert.equal(knip.status, 1)
    assert.match(knip.stdout, /planted-\w+\/dead\.ts/)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
