import type * as opcua from 'node-opcua'
import type { Address } from '../../system/net.ts'
import type { Cell } from './csv.ts'
import { loadServer, startServer, variant } from './opcua-server.ts'
import type { ReplayMouth } from './replay.ts'

/** Namespace of replayed tables; node ids are `s=<object>.<tag>`. */
const NAMESPACE = 'urn:millrace:replay'

/**
 * An OPC UA server whose variables `Objects/Replay/<object>/<tag>` take the values of a table row by row, with their
 * source times. A variable appears with the first row that has a value for it.
 */
export async function startReplayServer(
  listen: Address,
  object: string,
  first: { readonly [tag: string]: Cell },
): Promise<ReplayMouth & { readonly port: number }> {
  const library = await loadServer()
  const variables = new Map<string, opcua.UAVariable>()
  let add = (_tag: string, _value: Cell): opcua.UAVariable => {
    throw new Error('no address space yet')
  }
  const server = await startServer(library, listen, NAMESPACE, (namespace, objects) => {
    const folder = namespace.addFolder(objects, { browseName: 'Replay', nodeId: 's=Replay' })
    const parent = namespace.addObject({ organizedBy: folder, browseName: object, nodeId: `s=${object}` })
    add = (tag, value) => {
      const dataType = library.DataType[variant(library, value).dataType as opcua.DataType]
      const options = {
        componentOf: parent,
        browseName: tag,
        nodeId: `s=${object}.${tag}`,
        minimumSamplingInterval: 10,
      }
      const variable = namespace.addVariable({ ...options, dataType })
      variables.set(tag, variable)
      return variable
    }
    for (const [tag, value] of Object.entries(first)) add(tag, value)
  })
  return {
    port: server.port,
    async say(time, values) {
      for (const [tag, value] of Object.entries(values)) {
        const variable = variables.get(tag) ?? add(tag, value)
        variable.setValueFromSource(variant(library, value), library.StatusCodes.Good, new Date(time))
      }
    },
    close: () => server.close(),
  }
}
