import { glob } from 'node:fs/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { endWhatDoesNot } from './deadline.ts'
import { getTools } from './get.ts'

/** The longest file takes some minutes on a busy machine. */
const FILE_MS = 10 * 60_000

/**
 * `npm test [-- FILE ...]`: gets what the tests need, runs them, and ends with one line `N passed, N failed`.
 * Files run two at a time, each in its own process, which is killed where it does not end.
 */
const counts = { passed: 0, failed: 0, skipped: 0 }

getTools((line) => console.log(line))
const files = process.argv.length > 2 ? process.argv.slice(2) : await testFiles()
const deadline = endWhatDoesNot(FILE_MS, (line) => console.log(line))
const stream = run({ files, concurrency: 2, timeout: FILE_MS, execArgv: ['--no-warnings'] })
stream.once('close', () => deadline[Symbol.dispose]())
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
