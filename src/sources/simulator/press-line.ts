import type * as opcua from 'node-opcua'
import type { Clock } from '../../system/clock.ts'
import type { Address } from '../../system/net.ts'
import { loadServer, startServer, variant } from './opcua-server.ts'
import { FAULTS, isFault, type Press, type PressValues } from './press.ts'

/** Namespace of everything in the simulated plant. */
const NAMESPACE = 'urn:millrace:simulator'

/** Tags that the server shows; `setpoint` and `fault` are read from the press itself. */
type Tag = Exclude<keyof PressValues, 'setpoint' | 'fault'>

/** Measured tags with what the server says about them: unit, range. */
const ANALOG: {
  readonly [tag in 'temperature' | 'vibration' | 'pressure' | 'energy']: {
    unit: [string, string]
    low: number
    high: number
  }
} = {
  temperature: { unit: ['CEL', '°C'], low: 0, high: 120 },
  vibration: { unit: ['C16', 'mm/s'], low: 0, high: 18 },
  pressure: { unit: ['BAR', 'bar'], low: 0, high: 320 },
  energy: { unit: ['KWH', 'kW·h'], low: 0, high: 1e9 },
}

const PLAIN = ['state', 'cycles', 'scrap'] as const

interface Shown {
  readonly press: Press
  readonly variables: ReadonlyMap<Tag, opcua.UAVariable>
  /** What the server last showed of each tag, so that only changes are written. */
  readonly last: Map<Tag, { readonly value: string | number; readonly status: opcua.StatusCode }>
}

export interface PressLine {
  readonly port: number
  /** Shows the presses as they are now. */
  update(): void
  close(): Promise<void>
}

/**
 * A press line as an OPC UA server: `Objects/PressShop/Line1/Press1..N`, each with its variables (node ids
 * `s=Press1.temperature`), a writable `setpoint` (20 to 80) and a writable `fault` (none, overheating, jam, sensor,
 * comms), and the methods Hold, Unhold and Clear. A broken sensor is BadSensorFailure, lost communication BadNoCommunication;
 * what a state does not allow is BadInvalidState.
 */
export async function startPressLine(listen: Address, presses: readonly Press[], clock: Clock): Promise<PressLine> {
  const library = await loadServer()
  const shown: Shown[] = []
  const server = await startServer(library, listen, NAMESPACE, (namespace, objects) => {
    const shop = namespace.addFolder(objects, { browseName: 'PressShop', nodeId: 's=PressShop' })
    const line = namespace.addFolder(shop, { browseName: 'Line1', nodeId: 's=Line1' })
    presses.forEach((press, index) => shown.push(addPress(library, namespace, line, press, `Press${index + 1}`)))
  })
  const update = () => {
    const at = new Date(clock.now())
    for (const one of shown) show(library, one, at)
  }
  update()
  return { port: server.port, update, close: () => server.close() }
}

function addPress(
  library: typeof opcua,
  namespace: opcua.Namespace,
  line: opcua.UAObject,
  press: Press,
  name: string,
): Shown {
  const object = namespace.addObject({ organizedBy: line, browseName: name, nodeId: `s=${name}` })
  const variables = new Map<Tag, opcua.UAVariable>()
  const base = (tag: keyof PressValues) => ({
    componentOf: object,
    browseName: tag,
    nodeId: `s=${name}.${tag}`,
    minimumSamplingInterval: 50,
  })
  for (const tag of PLAIN) {
    variables.set(tag, namespace.addVariable({ ...base(tag), dataType: tag === 'state' ? 'String' : 'Int64' }))
  }
  for (const [tag, { unit, low, high }] of Object.entries(ANALOG) as [
    keyof typeof ANALOG,
    (typeof ANALOG)['energy'],
  ][]) {
    const engineeringUnits = library.makeEUInformation(unit[0], unit[1], unit[1])
    const engineeringUnitsRange = { low, high }
    variables.set(
      tag,
      namespace.addAnalogDataItem({ ...base(tag), dataType: 'Double', engineeringUnitsRange, engineeringUnits }),
    )
  }
  addWritable(
    library,
    namespace,
    { ...base('setpoint'), dataType: 'Double' },
    () => press.setpoint,
    (value) => {
      if (press.values().fault === 'comms') return 'BadNoCommunication'
      if (typeof value !== 'number' || !(value >= 20 && value <= 80)) return 'BadOutOfRange'
      press.setpoint = value
      return 'Good'
    },
  )
  addWritable(
    library,
    namespace,
    { ...base('fault'), dataType: 'String', description: FAULTS.join(', ') },
    () => press.values().fault,
    (value) => {
      if (!isFault(value)) return 'BadOutOfRange'
      press.inject(value)
      return 'Good'
    },
  )
  addMethod(library, namespace, object, press, 'Hold', () => press.hold())
  addMethod(library, namespace, object, press, 'Unhold', () => press.unhold())
  addMethod(library, namespace, object, press, 'Clear', () => press.clear())
  return { press, variables, last: new Map() }
}

/** A variable that lives in the press: clients may write what `take` accepts. */
function addWritable(
  library: typeof opcua,
  namespace: opcua.Namespace,
  options: opcua.AddVariableOptions,
  read: () => string | number,
  take: (value: unknown) => 'Good' | 'BadOutOfRange' | 'BadNoCommunication',
): void {
  const { StatusCodes, Variant } = library
  namespace.addVariable({
    ...options,
    accessLevel: 3,
    userAccessLevel: 3,
    value: {
      get: () => new Variant(variant(library, read())),
      set: (given: opcua.Variant) => StatusCodes[take(given.value)],
    },
  })
}

/** A method without arguments; `call` says whether the press could do it. */
function addMethod(
  library: typeof opcua,
  namespace: opcua.Namespace,
  object: opcua.UAObject,
  press: Press,
  name: string,
  call: () => boolean,
): void {
  const { StatusCodes } = library
  const method = namespace.addMethod(object, { browseName: name, nodeId: `s=${object.nodeId.value as string}.${name}` })
  method.bindMethod((_given, _context, answer) => {
    const isLost = press.values().fault === 'comms'
    const status = isLost ? StatusCodes.BadNoCommunication : call() ? StatusCodes.Good : StatusCodes.BadInvalidState
    answer(null, { statusCode: status })
  })
}

function show(library: typeof opcua, { press, variables, last }: Shown, at: Date): void {
  const { StatusCodes } = library
  const values = press.values()
  for (const [tag, variable] of variables) {
    const before = last.get(tag)
    const lost = values.fault === 'comms'
    // Without communication the last value stays, and only its status says that it is old.
    const value = lost && before !== undefined ? before.value : values[tag]
    const broken = values.fault === 'sensor' && tag === 'temperature'
    const status = lost ? StatusCodes.BadNoCommunication : broken ? StatusCodes.BadSensorFailure : StatusCodes.Good
    if (before?.value === value && before.status === status) continue
    const shown = tag === 'cycles' || tag === 'scrap' ? BigInt(value) : value
    variable.setValueFromSource(variant(library, shown), status, at)
    last.set(tag, { value, status })
  }
}
