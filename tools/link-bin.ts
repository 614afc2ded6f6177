import { rm, symlink } from 'node:fs/promises'

/**
 * Puts our own command beside those of the dependencies, so that `npx millrace` works in a checkout as it does where
 * the package is installed.
 */
const link = new URL('../node_modules/.bin/millrace', import.meta.url)
await rm(link, { force: true })
await symlink('../../bin/millrace.js', link)
