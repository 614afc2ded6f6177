import { Historian } from '../../src/historian/historian.ts'
import { optionsOf, recordsOf, smallFiles } from './kit.ts'

/** A process that stores all records in a lake, for tests that kill it. */
const [directory, count] = process.argv.slice(2)
const historian = new Historian(optionsOf(directory!, smallFiles(Number(count))))
await historian.open()
process.send!('begins')
await recordsOf(Number(count)).feed(historian, Infinity, 100)
await historian.flush()
await historian.close()
