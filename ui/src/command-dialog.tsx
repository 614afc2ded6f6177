import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { CommandRequest, CommandView, DeclaredCommandView } from '../../src/api/contract-commands.ts'
import type { JsonValue } from '../../src/api/contract.ts'
import { askCommand, commandState, type Asked } from './command-call.ts'
import { CommandField } from './command-field.tsx'
import { COMMAND_STATES, typedValue } from './command-words.ts'
import { digitsFor, unitText, valueText } from './format.ts'
import { Mark } from './marks.tsx'

/** How often it is asked how a command fares, ms. */
const LOOK_MS = 300

interface CommandDialogProps {
  readonly asset: string
  /** As the hub says it is at this moment. */
  readonly command: DeclaredCommandView
  readonly onEnd: () => void
}

/** Asks for a value, says why it is not allowed, sends it once, and shows what came of it. */
export function CommandDialog({ asset, command, onEnd }: CommandDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [fields, setFields] = useState<readonly string[]>(() => firstTexts(command))
  const [comment, setComment] = useState('')
  const [asked, setAsked] = useState<Asked | 'asking'>()
  // One key for this dialog: whatever is pressed twice, or sent again because nobody answered, is one command.
  const idempotencyKey = useMemo(() => crypto.randomUUID(), [])
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const request = requestOf(command, fields)
  const isAsked = asked !== undefined && asked !== 'asking' && asked.kind === 'taken'
  const send = async () => {
    if ('fault' in request) return
    setAsked('asking')
    const about = { asset, command: command.name, idempotencyKey, ...(comment !== '' && { comment }) }
    setAsked(await askCommand({ ...about, ...request }))
  }
  return (
    <dialog ref={dialog} class="card command-dialog" aria-labelledby="command-title" onClose={onEnd}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
      >
        <h2 id="command-title">
          {command.name} <span class="muted">{asset.split('/').at(-1)}</span>
        </h2>
        {command.description !== undefined && <p>{command.description}</p>}
        <Reported command={command} />
        {fieldsOf(command).map((field, index) => (
          <CommandField
            key={field.name}
            field={field}
            text={fields[index]!}
            disabled={asked !== undefined && asked !== 'asking' && asked.kind !== 'refused'}
            onText={(text) => setFields(fields.map((one, at) => (at === index ? text : one)))}
          />
        ))}
        <label class="reason">
          Comment, for the audit
          <input value={comment} maxLength={500} onInput={({ currentTarget }) => setComment(currentTarget.value)} />
        </label>
        <Reasons command={command} asked={asked} />
        {isAsked && <Outcome id={asked.answer.id} />}
        <Actions command={command} asked={asked} fault={'fault' in request ? request.fault : undefined} onEnd={onEnd} />
      </form>
    </dialog>
  )
}

interface ActionsProps extends ReasonsProps {
  /** What is wrong with what was typed. */
  readonly fault: string | undefined
  readonly onEnd: () => void
}

function Actions({ command, asked, fault, onEnd }: ActionsProps) {
  const answer = asked === 'asking' ? undefined : asked
  const isTaken = answer?.kind === 'taken'
  const isBlocked = asked === 'asking' || !command.allowed || fault !== undefined
  return (
    <div class="alarm-actions">
      {!isTaken && (
        <button class="button primary" type="submit" disabled={isBlocked}>
          {answer?.kind === 'silent' ? 'Ask again' : 'Send'}
        </button>
      )}
      <button class="button" type="button" onClick={onEnd}>
        {isTaken ? 'Close' : 'Cancel'}
      </button>
      {fault !== undefined && <span class="hint">{fault}</span>}
      {command.secondPerson && !isTaken && <span class="hint">A second person has to approve it.</span>}
    </div>
  )
}

/** One thing to be typed. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly unit?: string | undefined
  readonly range?: readonly [number, number] | undefined
  readonly oneOf?: readonly (string | number)[] | undefined
}

function fieldsOf({ name, tag, type, unit, range, oneOf, states, args }: DeclaredCommandView): readonly Field[] {
  if (tag === undefined) return args ?? []
  return [{ name: tag ?? name, type: type ?? 'number', unit, range, oneOf: oneOf ?? states }]
}

/** What the fields begin with: the value as it is, which is the safest. */
function firstTexts(command: DeclaredCommandView): readonly string[] {
  const value = command.reported?.value
  return fieldsOf(command).map(({ type, oneOf }) => {
    if (command.tag !== undefined && value !== null && value !== undefined) return textOf(value)
    if (oneOf !== undefined) return String(oneOf[0])
    return type === 'boolean' ? 'true' : ''
  })
}

function textOf(value: JsonValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

type Wanted = Pick<CommandRequest, 'value' | 'args'>

function requestOf(command: DeclaredCommandView, texts: readonly string[]): Wanted | { readonly fault: string } {
  try {
    const values = fieldsOf(command).map(({ type, range, oneOf }, index) => {
      const isNumber = oneOf !== undefined && typeof oneOf[0] === 'number'
      return typedValue(texts[index]!, isNumber ? 'number' : type, range)
    })
    return command.tag === undefined ? { args: values } : { value: values[0]! }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

function Reported({ command: { tag, reported, unit } }: { readonly command: DeclaredCommandView }) {
  if (tag === undefined || reported === undefined) return null
  const { value, stale, qualityName } = reported
  const digits = typeof value === 'number' ? digitsFor({}, [value]) : 0
  return (
    <p class="command-reported">
      <span class="muted">{tag} is</span> <strong class="num">{valueText(value, digits)}</strong> {unitText(unit)}
      {stale && (
        <span class="count" data-state="stale">
          <Mark state="stale" /> stale
        </span>
      )}
      {qualityName !== 'Good' && <span class="muted"> {qualityName}</span>}
    </p>
  )
}

interface ReasonsProps {
  readonly command: DeclaredCommandView
  readonly asked: Asked | 'asking' | undefined
}

/** Why it may not be, all of it: by what is known now, or by what the hub said when it was asked. */
function Reasons({ command, asked }: ReasonsProps) {
  const isRefused = asked !== undefined && asked !== 'asking' && asked.kind === 'refused'
  const reasons = isRefused ? asked.reasons : asked ? [] : command.reasons.map(({ message }) => message)
  return (
    <>
      {command.interlock !== undefined && (
        <p class="hint">
          Allowed while <code>{command.interlock}</code>
        </p>
      )}
      {reasons.length > 0 && (
        <div class="command-reasons" role="alert">
          <p class="count" data-state="bad">
            <Mark state="bad" /> {isRefused ? 'Refused, nothing was sent:' : 'Not allowed now:'}
          </p>
          <ul>
            {reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      )}
      {asked !== undefined && asked !== 'asking' && asked.kind === 'silent' && (
        <p role="alert">The hub does not answer. Asking again is safe: it is the same command.</p>
      )}
    </>
  )
}

/** How it fares, until it has ended. */
function Outcome({ id }: { readonly id: string }) {
  const [view, setView] = useState<CommandView>()
  const isOver = view !== undefined && !COMMAND_STATES[view.state].busy
  useEffect(() => {
    if (isOver) return undefined
    const stop = new AbortController()
    const look = async () => {
      const next = await commandState(id, stop.signal)
      if (next && !stop.signal.aborted) setView(next)
    }
    const timer = setInterval(() => void look(), LOOK_MS)
    return () => {
      stop.abort()
      clearInterval(timer)
    }
  }, [id, isOver])
  return (
    <div class="command-outcome" role="status" data-command-state={view?.state ?? 'requested'}>
      <OutcomeLine view={view} />
      {view?.reasons.map(({ message }) => (
        <p key={message}>{message}</p>
      ))}
      {view?.results !== undefined && view.results.length > 0 && (
        <p class="num">It answered {JSON.stringify(view.results)}.</p>
      )}
    </div>
  )
}

function OutcomeLine({ view }: { readonly view: CommandView | undefined }) {
  const { text, mark } = COMMAND_STATES[view?.state ?? 'requested']
  return (
    <p class="count" data-state={mark}>
      <Mark state={mark} /> {text}
      {view?.readBack !== undefined && <span class="num">, reads back {JSON.stringify(view.readBack)}</span>}
    </p>
  )
}
