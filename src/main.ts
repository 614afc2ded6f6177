import { cacheCompiledCode } from './cli/compile-cache.ts'

// Before anything else is loaded, so that all of it is cached.
cacheCompiledCode()
const { main } = await import('./cli/program.ts')
process.exitCode = await main(process.argv)
