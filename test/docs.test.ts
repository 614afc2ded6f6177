import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { PAGES, pagePath } from '../tools/docs.ts'

for (const [path, render] of Object.entries(PAGES)) {
  test(`${path} is what the code says (npm run docs writes it)`, async () => {
    assert.equal(await readFile(pagePath(path), 'utf8'), render())
  })
}
