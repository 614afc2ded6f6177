import type { Disk } from '../../../system/disk.ts'
import { StorageError } from './storage.ts'

/** A taken lock of a data directory. */
export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * Makes this process the only one in a data directory. A claim is an empty file whose *name* says whose it is
 * (`lock.<boot>.<pid>.<start>`), so it is there as a whole or not at all, and a process id that was reused, or comes
 * from before a restart of the machine, is not mistaken for its former owner. Everybody writes the claim before
 * looking for others: of two that start together at least one sees the other and gives way.
 *
 * It does not tell threads of one process apart, nor machines or containers that share a volume: those have process
 * ids of their own.
 * @throws StorageError `locked`
 */
export async function takeLock(disk: Disk, directory: string): Promise<DirectoryLock> {
  const boot = await bootId(disk)
  const own = claimName({ boot, pid: process.pid, start: await startTime(disk, process.pid) })
  const file = await disk.open(`${directory}/${own}`, 'append')
  await file.close()
  const release = () => disk.remove(`${directory}/${own}`)
  for (const name of await disk.list(directory)) {
    const claim = parseClaim(name)
    if (claim === undefined || name === own) continue
    if (claim.boot === boot && (await startTime(disk, claim.pid)) === claim.start) {
      await release()
      throw new StorageError('locked', `Cannot open data directory "${directory}": process ${claim.pid} has it open`)
    }
    await disk.remove(`${directory}/${name}`)
  }
  return { release }
}

interface Claim {
  readonly boot: string
  readonly pid: number
  readonly start: string
}

function claimName({ boot, pid, start }: Claim): string {
  return `lock.${boot}.${pid}.${start}`
}

function parseClaim(name: string): Claim | undefined {
  const match = /^lock\.([0-9a-f-]+)\.(\d+)\.(\d+)$/.exec(name)
  return match ? { boot: match[1]!, pid: Number(match[2]), start: match[3]! } : undefined
}

/** Identifies this start of the machine; `0` where the system does not tell. */
async function bootId(disk: Disk): Promise<string> {
  const id = await readText(disk, '/proc/sys/kernel/random/boot_id')
  return id?.trim() ?? '0'
}

/** When a process started, in ticks since the machine did; `0` where the system does not tell, `none` where none runs. */
async function startTime(disk: Disk, pid: number): Promise<string> {
  const stat = await readText(disk, `/proc/${pid}/stat`)
  // Field 22 of proc(5); the name in field 2 may hold spaces and brackets, so count from its end.
  if (stat !== undefined) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0'
  return runs(pid) ? '0' : 'none'
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  return disk.readFile(path).then(
    (bytes) => Buffer.from(bytes).toString('utf8'),
    () => undefined,
  )
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
