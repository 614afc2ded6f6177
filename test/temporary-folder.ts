import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []
process.once('exit', () => {
  // Tried again: a process that a test started, and that is just being ended too, may still write into one.
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/**
 * A folder that is removed when the process of the tests ends. What is to be done after a test is done in the order in
 * which it was said, up to the first that fails: there, the hub that writes into the folder would still run, and go on
 * running where the folder cannot be removed.
 */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`))
  folders.push(folder)
  return folder
}
