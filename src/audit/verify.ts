import type { Json } from '../model/json-value.ts'
import { hashOf, type AuditRecord } from './chain.ts'

/** The end of the audit as it was seen once, kept elsewhere. */
export interface AuditHead {
  readonly offset: number
  readonly hash: string
}

/** The first thing that is wrong. */
export interface BrokenLink {
  readonly offset: number
  readonly reason: string
}

export interface AuditVerdict {
  readonly records: number
  readonly chains: number
  readonly broken?: BrokenLink
  /** The end, to be kept elsewhere; absent: there is no record. */
  readonly head?: AuditHead
  /** Its beginning was removed, as retention does; whatever was there cannot be looked at. */
  readonly begins?: { readonly offset: number }
}

/**
 * Looks at the records of the audit one after the other, in the order of the log. What a record says of itself has to give its
 * hash, and it has to name the hash of the one before it. So a record that was changed, taken out, put in or moved is found,
 * unless whoever did it has made all later records of the chain anew; and that, and a cut end, only by a head that was kept
 * where that one could not reach it.
 */
export class AuditVerifier {
  readonly #heads: readonly AuditHead[]
  readonly #chains = new Map<string, { readonly seq: number; readonly hash: string }>()
  /** Where each record lies, by its hash. */
  readonly #places = new Map<string, number>()
  /** Of each hub its newest run, and where the last record of that lies. */
  readonly #runs = new Map<string, { readonly run: string; readonly offset: number }>()
  /** Offset of the first record that is there. */
  #begin: number | undefined
  #records = 0
  /** Only first chains have begun so far. */
  #isNew = true
  #last: AuditHead | undefined
  #broken: BrokenLink | undefined
  readonly #found = new Set<AuditHead>()

  /** `heads`: ends that were seen once. */
  constructor(heads: readonly AuditHead[] = []) {
    this.#heads = heads
  }

  /** Takes the next record; after the first broken link nothing else is said. */
  take(offset: number, value: Uint8Array | null): void {
    this.#begin ??= offset
    const reason = this.#fault(offset, value)
    if (reason !== undefined) this.#broken ??= { offset, reason }
  }

  verdict(): AuditVerdict {
    const missing = this.#heads.find((head) => !this.#found.has(head) && head.offset >= (this.#begin ?? 0))
    const broken = this.#broken ?? (missing && this.#cut(missing))
    return {
      records: this.#records,
      chains: this.#chains.size,
      ...(broken && { broken }),
      ...(this.#last && { head: this.#last }),
      ...(this.#begin !== undefined && this.#begin > 0 && { begins: { offset: this.#begin } }),
    }
  }

  #fault(offset: number, value: Uint8Array | null): string | undefined {
    const record = decodeAudit(value)
    if (record === undefined) return 'it is no record of an audit'
    const { chain, seq, prev, hash } = record
    this.#records += 1
    const wanted = hashOf(record)
    if (wanted !== hash) return `its content gives hash ${short(wanted)}, it says ${short(hash)}: it was changed`
    for (const head of this.#heads)
      if (head.offset === offset && head.hash === hash) this.#found.add(head)
      else if (head.offset === offset) return `its hash is ${short(hash)}, ${short(head.hash)} was seen here once`
    const before = this.#chains.get(chain)
    const fault = before === undefined ? this.#startFault(record) : linkFault(before, record)
    this.#chains.set(chain, { seq, hash })
    this.#places.set(hash, offset)
    const { hub, run } = runOf(chain)
    this.#runs.set(hub, { run, offset })
    this.#last = { offset, hash }
    if (fault !== undefined) return fault
    return prev === hash ? 'it names itself as the one before' : undefined
  }

  /** A chain begins with the end of another one; or in the middle, where retention has removed the rest. */
  #startFault({ seq, prev, chain }: AuditRecord): string | undefined {
    const isTrimmed = (this.#begin ?? 0) > 0
    if (seq !== 1) return isTrimmed ? undefined : `chain "${chain}" begins with record ${seq}: those before are gone`
    if (isTrimmed) return undefined
    // Hubs that begin at the same moment all see an empty topic.
    if (prev === '' && this.#isNew) return undefined
    if (prev === '') return `chain "${chain}" says that nothing was before it, there is`
    this.#isNew = false
    const after = this.#places.get(prev)
    if (after !== undefined) return this.#lateFault(chain, after)
    return `chain "${chain}" begins after record ${short(prev)}, which is not there: it was removed`
  }

  /** A run that begins has seen the end of the one before: what lies behind that was not there then. */
  #lateFault(chain: string, after: number): string | undefined {
    const { hub, run } = runOf(chain)
    const before = this.#runs.get(hub)
    if (before === undefined || before.run === run || before.offset <= after) return undefined
    return `chain "${chain}" begins after offset ${after}, and at ${before.offset} is one more of run "${before.run}": it was added`
  }

  #cut({ offset, hash }: AuditHead): BrokenLink {
    const end = this.#last === undefined ? 'nothing is there' : `the end is at offset ${this.#last.offset}`
    return { offset, reason: `record ${short(hash)} was seen here once, ${end}: the end was cut off` }
  }
}

/** A record of the topic; undefined: it is none. */
export function decodeAudit(value: Uint8Array | null): AuditRecord | undefined {
  try {
    const json = JSON.parse(Buffer.from(value ?? []).toString()) as { readonly [name: string]: Json }
    const texts = ['chain', 'prev', 'hash', 'what', 'by'].every((name) => typeof json[name] === 'string')
    if (!texts || typeof json['seq'] !== 'number' || typeof json['time'] !== 'number') return undefined
    return json as unknown as AuditRecord
  } catch {
    return undefined
  }
}

/** `hub/run`, and `hub/run.2` where a run had to begin another chain. */
function runOf(chain: string): { readonly hub: string; readonly run: string } {
  const slash = chain.lastIndexOf('/')
  return { hub: chain.slice(0, slash + 1), run: chain.slice(slash + 1).split('.')[0]! }
}

function linkFault(before: { readonly seq: number; readonly hash: string }, { chain, seq, prev }: AuditRecord) {
  if (seq !== before.seq + 1)
    return `chain "${chain}" goes on with record ${seq} after ${before.seq}, want ${before.seq + 1}`
  if (prev !== before.hash) return `it comes after ${short(prev)}, before it is ${short(before.hash)}`
  return undefined
}

function short(hash: string): string {
  return hash.slice(0, 12)
}
