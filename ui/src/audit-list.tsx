import { useState } from 'preact/hooks'
import type { AuditRecordView, AuditView } from '../../src/api/contract-commands.ts'
import { momentText } from './alarm-words.ts'
import { useAnswer } from './answer.ts'
import { Problem } from './log-page.tsx'
import { Pager } from './pager.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'

const PAGE = 50
const EVERY_MS = 5_000

/** Who did what, newest first; each record carries the hash of the one before. */
export function AuditList({ store }: { readonly store: Store }) {
  const [by, setBy] = useState('')
  /** Where the pages after the first began: the way back. */
  const [pages, setPages] = useState<readonly number[]>([])
  const before = pages.at(-1)
  const asked = { limit: String(PAGE), ...(by && { by }), ...(before !== undefined && { before: String(before) }) }
  const url = `/api/v1/audit?${new URLSearchParams(asked)}`
  const { value, problem } = useAnswer<AuditView>(url, before === undefined ? EVERY_MS : 0)
  return (
    <section class="card alarm-section" aria-label="Audit">
      <p class="hint">
        Every record holds the hash of the one before. <code>millrace audit verify</code> checks the whole chain.
      </p>
      <div class="travel-fields">
        <label>
          By
          <input
            value={by}
            placeholder="anybody"
            onChange={({ currentTarget }) => {
              setPages([])
              setBy(currentTarget.value.trim())
            }}
          />
        </label>
      </div>
      <Problem text={problem} />
      {value?.records.length === 0 && <p class="hint">Nothing was recorded here.</p>}
      <ol class="audit">
        {value?.records.map((record) => (
          <li key={record.offset}>
            <AuditRow record={record} now={store.now()} />
          </li>
        ))}
      </ol>
      <div class="alarm-actions">
        <Pager pages={pages} next={value?.next} onPages={setPages} />
      </div>
    </section>
  )
}

function AuditRow({ record, now }: { readonly record: AuditRecordView; readonly now: number }) {
  const { time, what, by, via, asset, detail, hash, prev, seq } = record
  return (
    <details class="audit-row">
      <summary>
        <time class="num muted" dateTime={new Date(time).toISOString()}>
          {momentText(time, now)}
        </time>
        <strong>{what}</strong>
        <span>
          {by}
          {via !== undefined && <span class="muted"> by {via}</span>}
        </span>
        <span>{asset?.split('/').slice(2).join(' / ')}</span>
        <code class="muted" title={hash}>
          {hash.slice(0, 10)}
        </code>
      </summary>
      <dl class="audit-detail">
        {asset !== undefined && (
          <>
            <dt>Asset</dt>
            <dd>
              <a href={placeHref(asset)}>{asset}</a>
            </dd>
          </>
        )}
        <dt>Number in the chain</dt>
        <dd class="num">{seq}</dd>
        <dt>Hash</dt>
        <dd class="path">{hash}</dd>
        <dt>Before it</dt>
        <dd class="path">{prev}</dd>
        {Object.entries(detail ?? {}).map(([name, value]) => (
          <>
            <dt key={name}>{name}</dt>
            <dd class="path">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </>
        ))}
      </dl>
    </details>
  )
}
