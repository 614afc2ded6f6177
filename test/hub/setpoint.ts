import { DataType, StatusCodes, Variant, type UAObject } from 'node-opcua'
import { NAMESPACE, type TestServer } from '../../src/sources/opcua/test-server.ts'

/** A setpoint, with what was written to it. */
export interface Machine {
  value: number
  readonly written: number[]
  /** How long it takes to answer a write, ms. */
  slowMs: number
}

/** A setpoint below Press1 that clients may write. */
export function addSetpoint(server: TestServer): Machine {
  const machine: Machine = { value: 20, written: [], slowMs: 0 }
  const space = server.server.engine.addressSpace!
  space.getNamespace(NAMESPACE).addVariable({
    componentOf: space.findNode(server.object('Press1')) as UAObject,
    browseName: 'setpoint',
    nodeId: 's=Press1.setpoint',
    dataType: DataType.Double,
    value: {
      get: () => new Variant({ dataType: DataType.Double, value: machine.value }),
      set: (given: Variant, done: (error: Error | null, status: typeof StatusCodes.Good) => void) => {
        machine.value = given.value as number
        machine.written.push(machine.value)
        setTimeout(() => done(null, StatusCodes.Good), machine.slowMs).unref()
      },
    },
  })
  return machine
}
