import { PACKML_STATES } from '../../model/definition.ts'

/**
 * What a machine's state means for its OEE.
 *
 * `running` is production. `breakdown` is a stop whose cause lies in the machine or its operation, `waiting` one whose cause
 * lies outside (no material, no room, no order), `setup` is set-up and adjustment, `planned-stop` is out of planned busy time.
 */
export type StateClass = 'running' | 'breakdown' | 'waiting' | 'setup' | 'planned-stop'

/** How the numbers of a state tag are counted; they differ between the two standards, so it has to be told. */
export type StateNumbers = 'isa-tr88' | 'opc-30060'

/**
 * The 17 states of PackML (ISA-TR88.00.02 clause 5). Execute is the only one that produces. Held has an inner cause,
 * Suspended an outer one; the transient states go with the state that they lead to or come from. Starting, Completing and
 * Resetting are the adjustment around a batch; Idle and Complete wait for somebody to give the machine work.
 */
const PACKML: { readonly [state: string]: StateClass } = {
  Clearing: 'breakdown',
  Stopped: 'breakdown',
  Starting: 'setup',
  Idle: 'waiting',
  Suspended: 'waiting',
  Execute: 'running',
  Stopping: 'breakdown',
  Aborting: 'breakdown',
  Aborted: 'breakdown',
  Holding: 'breakdown',
  Held: 'breakdown',
  Unholding: 'breakdown',
  Suspending: 'waiting',
  Unsuspending: 'waiting',
  Resetting: 'setup',
  Completing: 'setup',
  Complete: 'waiting',
}

/**
 * The MachineryItemState of OPC UA for Machinery (OPC 40001-1 clause 12), as its Annex C.2 reads it for ISO 22400-2.
 * NotAvailable is absent: such a machine says nothing of itself, so its time is unknown.
 */
const MACHINERY: { readonly [state: string]: StateClass } = {
  Executing: 'running',
  NotExecuting: 'waiting',
  OutOfService: 'breakdown',
}

/** Index is the number: PackTags `Status.StateCurrent` (ISA-TR88.00.02 clause 6); 0 is Undefined. */
const ISA_TR88 = ['Undefined', ...PACKML_STATES]

/** Index is the number: StateEnumeration of OPC 30060 (Tobacco Machine Communication) clause 11.9. */
const OPC_30060 = [
  'Stopped',
  'Resetting',
  'Idle',
  'Starting',
  'Execute',
  'Completing',
  'Complete',
  'Aborting',
  'Aborted',
  'Stopping',
  'Clearing',
  'Suspending',
  'Suspended',
  'Unsuspending',
  'Holding',
  'Held',
  'Unholding',
]

const SPELLINGS = new Map(
  [...Object.keys(PACKML), ...Object.keys(MACHINERY), 'Completed'].map((name) => [
    plain(name),
    name === 'Completed' ? 'Complete' : name,
  ]),
)

/** A state as people see it, and what it means; `class` is null where nobody has said what it means. */
export interface MachineState {
  readonly label: string
  readonly class: StateClass | null
}

/**
 * Reads a state tag: the name of a state in any spelling (`EXECUTE`, `un-holding`), or its number. What the config says of a
 * state comes first, by the value as it was sent or by the name it stands for.
 */
export function stateOf(
  value: string | number,
  numbers: StateNumbers,
  own: { readonly [state: string]: StateClass },
): MachineState {
  const sent = String(value)
  const label = nameOf(value, numbers)
  for (const key of [sent, label]) if (Object.hasOwn(own, key)) return { label, class: own[key]! }
  const meaning = Object.hasOwn(PACKML, label) ? PACKML[label]! : Object.hasOwn(MACHINERY, label) && MACHINERY[label]!
  return { label, class: meaning || null }
}

function nameOf(value: string | number, numbers: StateNumbers): string {
  const text = String(value).trim()
  if (typeof value === 'string' && !/^\d{1,2}$/.test(text)) return SPELLINGS.get(plain(text)) ?? text
  return (numbers === 'isa-tr88' ? ISA_TR88 : OPC_30060)[Number(text)] ?? text
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, '')
}

/** What a unit's mode does to its state. */
export type Mode = 'production' | 'setup' | 'maintenance'

/** PackML UnitModeCurrent (ISA-TR88.00.02 clause 5.3), numbers 1 to 3, and the MachineryOperationMode of OPC 40001-1 clause 13. */
const MODES = new Map<string, Mode>([
  ['1', 'production'],
  ['production', 'production'],
  ['producing', 'production'],
  ['processing', 'production'],
  ['none', 'production'],
  ['2', 'maintenance'],
  ['maintenance', 'maintenance'],
  ['3', 'setup'],
  ['manual', 'setup'],
  ['setup', 'setup'],
])

/** A mode that is not one of the standards' changes nothing. */
export function modeOf(value: string | number): Mode {
  return MODES.get(String(value).trim().toLowerCase()) ?? 'production'
}

/**
 * A state within its mode, as Annex C.2 of OPC 40001-1 combines them: in set-up mode a machine is being set up whether it moves
 * or not (AUST); maintenance while no order is registered is preventive (APMT) and planned, with an order it delays the
 * order (ADET) and is a breakdown.
 */
export function classInMode(state: StateClass, mode: Mode, withoutOrder: boolean): StateClass {
  if (mode === 'setup') return 'setup'
  if (mode === 'maintenance') return withoutOrder ? 'planned-stop' : 'breakdown'
  return state
}
