import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { SHELVINGS } from './alarm-words.ts'

interface ShelveDialogProps {
  /** What is shelved, for the title. */
  readonly what: string
  readonly reason: string
  /** `undefined`: nothing is shelved. */
  readonly onEnd: (wanted: { readonly ms: number; readonly reason: string } | undefined) => void
}

/** Asks for how long, and why: a shelving always has an end (ISA-18.2-2016 clause 11.6). */
export function ShelveDialog({ what, reason, onEnd }: ShelveDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [ms, setMs] = useState(SHELVINGS[1]!.ms)
  const [why, setWhy] = useState(reason)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="card shelve" aria-labelledby="shelve-title" onClose={() => onEnd(undefined)}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          onEnd({ ms, reason: why })
        }}
      >
        <h2 id="shelve-title">Shelve {what}</h2>
        <p class="hint">It stays out of sight until the time is over, and comes back by itself if it still stands.</p>
        <fieldset class="shelve-times">
          <legend>For how long</legend>
          {SHELVINGS.map((one) => (
            <label key={one.ms}>
              <input type="radio" name="for" checked={ms === one.ms} onChange={() => setMs(one.ms)} /> {one.text}
            </label>
          ))}
        </fieldset>
        <label class="reason">
          Reason
          <input value={why} maxLength={2000} required onInput={({ currentTarget }) => setWhy(currentTarget.value)} />
        </label>
        <div class="alarm-actions">
          <button class="button primary" type="submit">
            Shelve
          </button>
          <button class="button" type="button" onClick={() => onEnd(undefined)}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  )
}
