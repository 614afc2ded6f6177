import { cacheCompiledCode } from './cli/compile-cache.ts'

// Before anything else is loaded, so that all of it is cached.
cacheCompiledCode()
// Whoever reads our output may have had enough, as `head` has; commands that only write then end by themselves.
process.stdout.on('error', () => {})
const { main } = await import('./cli/program.ts')
process.exitCode = await main(process.argv)
