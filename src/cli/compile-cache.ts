import { enableCompileCache, flushCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Lets Node keep the compiled code of this program in the user's own cache directory, which halves the time of every
 * later start. Not in the shared temporary directory: what lies there could be somebody else's code. Where the
 * directory cannot be had it starts without.
 */
export function cacheCompiledCode(): void {
  try {
    const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
    // Worker threads look only at the variable.
    process.env['NODE_COMPILE_CACHE'] ??= join(caches, 'millrace')
    enableCompileCache()
  } catch {
    // homedir() throws where the user has no entry in the password file.
  }
}

/** Writes the cache now: a hub that is killed later would leave none, and start slowly again. */
export function keepCompiledCode(): void {
  flushCompileCache()
}
