import { readdirSync, readFileSync } from 'node:fs'

/** A variable of the environment that everything has that was started from here. */
const MARK = 'MILLRACE_TEST_RUN'
const LOOK_MS = 5_000
/** Of the clock that /proc counts in: `getconf CLK_TCK` is 100 on every Linux. */
const TICKS_A_SECOND = 100

/**
 * Kills, with a line that says so, what was started from here on and runs longer than `limitMs`: a process of tests whose
 * event loop is blocked or never empties, and what it left running. The runner's own time limit ends neither (Node 24 asks
 * with SIGTERM, and waits for whoever still holds the output). Looks into /proc; where there is none, nothing is killed.
 */
export function endWhatDoesNot(limitMs: number, say: (line: string) => void): Disposable {
  process.env[MARK] = String(process.pid)
  const timer = setInterval(
    () => {
      for (const { pid, command } of overdue(limitMs)) {
        say(`killed after ${Math.round(limitMs / 60_000)} minutes: ${command}`)
        end(pid)
      }
    },
    Math.min(LOOK_MS, limitMs),
  )
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

function overdue(limitMs: number): { readonly pid: number; readonly command: string }[] {
  const mark = `${MARK}=${process.pid}\0`
  return pids().flatMap((pid) => {
    try {
      // What comes after the name, which may have blanks in it: the 20th of these is the start, in ticks since the boot.
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
      const ageMs = uptimeMs() - (Number(fields[19]) / TICKS_A_SECOND) * 1_000
      if (ageMs < limitMs || !readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return []
      return [{ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim() }]
    } catch {
      return []
    }
  })
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

function uptimeMs(): number {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]) * 1_000
}
