import { glob } from 'node:fs/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { getTools } from './get.ts'

/**
 * `npm test [-- FILE ...]`: gets what the tests need, runs them, and ends with one line `N passed, N failed`.
 * Files run two at a time, each in its own process.
 */
const counts = { passed: 0, failed: 0, skipped: 0 }

getTools((line) => console.log(line))
const files = process.argv.length > 2 ? process.argv.slice(2) : await testFiles()
const stream = run({ files, concurrency: 2, timeout: 15 * 60_000, execArgv: ['--no-warnings'] })
stream.on('test:pass', (event) => count(event, 'passed'))
stream.on('test:fail', (event) => count(event, 'failed'))
process.once('beforeExit', () => {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
})
stream.compose(new spec()).pipe(process.stdout)

interface Finished {
  readonly skip?: string | boolean
  readonly details: { readonly type?: string }
}

function count(event: Finished, outcome: 'passed' | 'failed'): void {
  if (event.details.type === 'suite') return
  counts[event.skip !== undefined && event.skip !== false ? 'skipped' : outcome] += 1
}

async function testFiles(): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob('{src,test,tools,ui,bench,examples}/**/*.test.ts', {
    exclude: (name) => name === 'node_modules',
  }))
    found.push(file)
  return found.sort()
}
