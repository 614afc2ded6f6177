import { cacheCompiledCode } from './cli/compile-cache.ts'
import { boundGarbage } from './cli/garbage.ts'

// What runs for long; everything else ends before its memory has grown.
if (['run', 'demo'].some((command) => process.argv.includes(command))) boundGarbage()
// Before anything else is loaded, so that all of it is cached.
cacheCompiledCode()
// Whoever reads our output may have had enough, as `head` has; commands that only write then end by themselves.
process.stdout.on('error', () => {})
const { main } = await import('./cli/program.ts')
process.exitCode = await main(process.argv)
