import process from 'node:process'

/**
 * Most MB of one of the two halves of the young generation, where V8 makes every object. Left alone it goes by the
 * memory of the machine: on one of 24 GB it grows to 128 MB, of which a hub has some 20 alive. With 8 too much lives
 * long enough to be moved to the old generation, which is the dearer garbage.
 */
const HALF_MB = 16

/**
 * How much the rest of the heap may grow beyond what was alive in it, in percent, before it is collected again. V8 chooses
 * up to 300: of a hub with 30 MB alive it then keeps 90 MB of garbage when much comes at once.
 */
const GROWTH_PERCENT = 50

/**
 * Pools of memory that threads outside V8 share; glibc makes eight a core and gives little of any back. Two save a demo 20 MB.
 */
const ARENAS = '2'

const FLAG = /^--max[-_]semi[-_]space[-_]size\b/

/**
 * Bounds the garbage of this process, which can only be said at its start: so it starts itself again, under the same
 * process id and with everything it was given, in some 30 ms. Whoever has set a bound keeps it; where a process cannot be
 * replaced (Windows) or its parent talks with it over a channel, all stays as it is.
 */
export function boundGarbage(): void {
  const { execPath, execArgv, argv, env, channel } = process
  const flags = [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(' ')]
  if (process.execve === undefined || channel != null || flags.some((flag) => FLAG.test(flag))) return
  try {
    // With a way to collect, see `collectLoading`.
    const bounds = [`--max-semi-space-size=${HALF_MB}`, `--heap-growing-percent=${GROWTH_PERCENT}`, '--expose-gc']
    process.execve(execPath, [execPath, ...bounds, ...execArgv, ...argv.slice(1)], { MALLOC_ARENA_MAX: ARENAS, ...env })
  } catch {
    // Without the bound it runs as well, in more memory.
  }
}
