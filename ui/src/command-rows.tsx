import { useState } from 'preact/hooks'
import type { CommandView } from '../../src/api/contract-commands.ts'
import { approve } from './command-call.ts'
import { COMMAND_STATES, commandText } from './command-words.ts'
import { Age, Mark } from './marks.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'

interface CommandRowsProps {
  readonly store: Store
  readonly commands: readonly CommandView[]
  /** Each with its asset. */
  readonly withAsset?: boolean
}

/** Commands with who asked for them and what came of each; one that waits for a second person can be approved here. */
export function CommandRows({ store, commands, withAsset = false }: CommandRowsProps) {
  return (
    <ol class="command-rows">
      {commands.map((command) => (
        <li key={command.id} data-command-id={command.id} data-command-state={command.state}>
          <CommandRow store={store} command={command} withAsset={withAsset} />
        </li>
      ))}
    </ol>
  )
}

interface CommandRowProps {
  readonly store: Store
  readonly command: CommandView
  readonly withAsset: boolean
}

function CommandRow({ store, command, withAsset }: CommandRowProps) {
  const { state, asset, by, via, approvedBy, comment, requestedAt, reasons } = command
  const { text, mark } = COMMAND_STATES[state]
  return (
    <>
      <div class="command-row">
        <strong class="command-text num">{commandText(command)}</strong>
        {withAsset && <a href={placeHref(asset)}>{asset.split('/').slice(2).join(' / ')}</a>}
        <span class="count" data-state={mark}>
          <Mark state={mark} /> {text}
        </span>
        <span class="muted">
          {by} by {via}
          {approvedBy !== undefined && `, approved by ${approvedBy}`}
        </span>
        <Age store={store} at={requestedAt} />
      </div>
      {(reasons.length > 0 || comment !== undefined) && (
        <p class="hint command-why">
          {comment !== undefined && <q>{comment}</q>} {reasons.map(({ message }) => message).join('; ')}
        </p>
      )}
      {state === 'waiting-approval' && <Approval store={store} id={command.id} />}
    </>
  )
}

function Approval({ store, id }: { readonly store: Store; readonly id: string }) {
  const [said, setSaid] = useState<string>()
  const answer = async (agreed: boolean) => {
    const asked = await approve(id, { agreed })
    if (asked.kind === 'taken') setSaid(agreed ? 'Approved' : 'Declined')
    else setSaid(asked.kind === 'refused' ? asked.reasons.join('; ') : 'The hub does not answer')
  }
  return (
    <div class="alarm-actions">
      <button class="button primary" type="button" disabled={!store.canAct} onClick={() => void answer(true)}>
        Approve
      </button>
      <button class="button" type="button" disabled={!store.canAct} onClick={() => void answer(false)}>
        Decline
      </button>
      {said !== undefined && <span role="status">{said}</span>}
    </div>
  )
}
