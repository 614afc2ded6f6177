import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryFolder } from '../temporary-folder.ts'

const DISK_BYTES = 64 << 20

/**
 * A file system of 64 MB in memory, in a folder of its own or in one below it; undefined, and the test is skipped, where
 * we may not mount one.
 */
export async function smallDisk(t: TestContext, below = ''): Promise<string | undefined> {
  const disk = join(await temporaryFolder('full'), below)
  await mkdir(disk, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk])
  t.after(() => mounted.status === 0 && spawnSync('umount', ['--lazy', disk]))
  if (mounted.status === 0) return disk
  const why = `cannot mount a tmpfs: ${String(mounted.stderr).trim() || mounted.error?.message}`
  if (process.env['CI'] === 'true') throw new Error(why)
  t.skip(why)
  return undefined
}

/** Puts a file onto the disk that leaves nothing free; answers its path. */
export async function fill(disk: string, name = 'ballast'): Promise<string> {
  const path = join(disk, name)
  const file = await open(path, 'w')
  const { bavail, bsize } = await statfs(disk)
  const block = Buffer.alloc(1 << 20)
  // The load writes as well: whoever finds no room first, the disk is full.
  for (let left = bavail * bsize; left > 0; left -= block.length) {
    const wrote = await file.write(block.subarray(0, Math.min(left, block.length))).catch(() => undefined)
    if (wrote === undefined) break
  }
  await file.close()
  return path
}

export async function get(url: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
  return { status: answer?.status ?? 0, text: (await answer?.text().catch(() => '')) ?? '' }
}

/** Waits for a condition; answers how many ms it took. */
export async function until(what: string, limitMs: number, condition: () => Promise<boolean>): Promise<number> {
  const began = performance.now()
  while (!(await condition())) {
    assert.ok(performance.now() - began < limitMs, `${what}: not within ${limitMs} ms`)
    await sleep(20)
  }
  return performance.now() - began
}
