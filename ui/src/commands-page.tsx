import { useState } from 'preact/hooks'
import type { CommandsView } from '../../src/api/contract-commands.ts'
import { useAnswer } from './answer.ts'
import { AuditList } from './audit-list.tsx'
import { CommandRows } from './command-rows.tsx'
import { COMMAND_STATES } from './command-words.ts'
import { Problem } from './log-page.tsx'
import type { PageProps } from './pages.tsx'
import { pageHref } from './route.ts'
import { Tabs } from './tabs.tsx'

const EVERY_MS = 2_000
const SHOWN = 100

const TABS = [
  { path: '', title: 'Commands' },
  { path: 'audit', title: 'Audit' },
] as const

/** What was asked of machines and what came of it; and who did what, in a chain that nobody can rewrite unseen. */
export function CommandsPage({ store, path, query }: PageProps) {
  return (
    <section class="commands" aria-labelledby="commands-title">
      <h1 id="commands-title">Commands</h1>
      <Tabs label="Views of commands" page="commands" tabs={TABS} path={path} />
      {path === 'audit' ? <AuditList store={store} /> : <Commands store={store} asset={query['asset'] ?? ''} />}
    </section>
  )
}

function Commands({ store, asset }: { readonly store: PageProps['store']; readonly asset: string }) {
  const [state, setState] = useState('')
  const filter = new URLSearchParams({ limit: String(SHOWN), ...(asset && { asset }), ...(state && { state }) })
  const { value, problem } = useAnswer<CommandsView>(`/api/v1/commands?${filter}`, EVERY_MS)
  return (
    <section class="card alarm-section" aria-label="Commands">
      <div class="travel-fields">
        <label>
          State
          <select value={state} onChange={({ currentTarget }) => setState(currentTarget.value)}>
            <option value="">all</option>
            {Object.entries(COMMAND_STATES).map(([name, { text }]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        {asset !== '' && (
          <p>
            of <strong>{asset.split('/').slice(2).join(' / ')}</strong> <a href={pageHref('commands')}>all</a>
          </p>
        )}
      </div>
      <Problem text={problem} />
      {value?.commands.length === 0 && <p class="hint">No command was given here.</p>}
      {value && <CommandRows store={store} commands={value.commands} withAsset />}
      {value?.older !== undefined && <p class="hint num">and {value.older} older ones in the log</p>}
    </section>
  )
}
