import { join } from 'node:path'
import type { AttachedLog } from './attach.ts'
import { keptHead } from './audit/audit-log.ts'
import type { AuditRecord } from './audit/chain.ts'
import { AuditVerifier, decodeAudit, type AuditHead, type AuditVerdict } from './audit/verify.ts'
import { topicName } from './model/path.ts'
import type { System } from './system/system.ts'

/** The audit of a plant, read by a command beside the hub. */

/** Records in the order of the log, from the newest `last` ones on. @throws LogError */
export async function* auditRecords(
  { log, site }: AttachedLog,
  last: number,
): AsyncGenerator<AuditRecord & { readonly offset: number }> {
  const topic = topicName(site, 'audit')
  const [ends] = await log.ends(topic)
  if (ends === undefined || ends.start === ends.end) return
  const offset = Math.max(ends.start, ends.end - last)
  const { signal } = new AbortController()
  for await (const { records } of log.read([{ topic, partition: 0, offset }], { signal, untilEnd: true })) {
    for (const record of records) {
      const found = decodeAudit(record.value)
      if (found !== undefined) yield { offset: record.offset, ...found }
    }
  }
}

/**
 * Proves the chains of the audit from the whole log, beside the end that the hub has kept in its directory and those that are
 * given: somebody has written them down elsewhere.
 */
export async function verifyAudit(
  { log, site }: AttachedLog,
  {
    directory,
    heads,
    system,
  }: { readonly directory: string; readonly heads: readonly AuditHead[]; readonly system: System },
): Promise<AuditVerdict> {
  const topic = topicName(site, 'audit')
  // The end that was kept is looked at first: what comes later is in the log by then.
  const kept = await keptHead(join(directory, 'audit'), system)
  const verifier = new AuditVerifier([...heads, ...(kept ? [kept] : [])])
  const [ends] = await log.ends(topic)
  if (ends !== undefined && ends.end > ends.start) {
    const { signal } = new AbortController()
    const positions = [{ topic, partition: 0, offset: ends.start }]
    for await (const { records } of log.read(positions, { signal, untilEnd: true }))
      for (const { offset, value } of records) verifier.take(offset, value)
  }
  return verifier.verdict()
}
