import { useState } from 'preact/hooks'
import type { CommandsView, DeclaredCommandsView, DeclaredCommandView } from '../../src/api/contract-commands.ts'
import { useAnswer } from './answer.ts'
import { CommandDialog } from './command-dialog.tsx'
import { CommandRows } from './command-rows.tsx'
import { numberText, unitText } from './format.ts'
import { Mark } from './marks.tsx'
import { pageHref, urlPath } from './route.ts'
import type { Store } from './store.ts'

const EVERY_MS = 2_000
const SHOWN = 5

/** What may be done to an asset, whether it is allowed now, and what was done last. */
export function AssetCommands({ store, path }: { readonly store: Store; readonly path: string }) {
  const place = urlPath(path)
  const { value } = useAnswer<DeclaredCommandsView>(`/api/v1/assets/${place}/commands`, EVERY_MS)
  const last = useAnswer<CommandsView>(`/api/v1/commands?asset=${encodeURIComponent(path)}&limit=${SHOWN}`, EVERY_MS)
  const [open, setOpen] = useState<string>()
  if (store.travel || value === undefined || value.commands.length === 0) return null
  const chosen = value.commands.find(({ name }) => name === open)
  const commands = last.value?.commands ?? []
  return (
    <section class="card asset-commands" aria-labelledby="asset-commands-title">
      <h2 id="asset-commands-title">Commands</h2>
      <ul class="command-list">
        {value.commands.map((command) => (
          <li key={command.name} data-command={command.name}>
            <button class="button" type="button" disabled={!store.canAct} onClick={() => setOpen(command.name)}>
              {command.name}
            </button>
            <span class="command-what">{whatText(command)}</span>
            <Allowed command={command} />
          </li>
        ))}
      </ul>
      {commands.length > 0 && (
        <>
          <h3>Last</h3>
          <CommandRows store={store} commands={commands} />
          <a class="hint" href={pageHref('commands', '', { asset: path })}>
            All commands of this asset
          </a>
        </>
      )}
      {chosen && <CommandDialog asset={path} command={chosen} onEnd={() => setOpen(undefined)} />}
    </section>
  )
}

function whatText({ description, tag, unit, range, method, args = [] }: DeclaredCommandView): string {
  if (description !== undefined) return description
  if (tag === undefined) return `calls ${method ?? 'it'}(${args.map(({ name }) => name).join(', ')})`
  if (range === undefined) return `writes ${tag}`
  return `writes ${tag}, ${numberText(range[0], 0)} to ${numberText(range[1], 0)} ${unitText(unit)}`
}

function Allowed({ command: { allowed, reasons, secondPerson } }: { readonly command: DeclaredCommandView }) {
  if (allowed) return <span class="muted">{secondPerson ? 'with a second person' : 'allowed now'}</span>
  return (
    <span class="count" data-state="uncertain" title={reasons.map(({ message }) => message).join('\n')}>
      <Mark state="uncertain" /> {reasons[0]?.message ?? 'not allowed now'}
    </span>
  )
}
