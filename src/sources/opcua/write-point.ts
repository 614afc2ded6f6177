import type { DataValue } from 'node-opcua-client'
import { notSent, refused, type NotAccepted } from '../../component/command-answer.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import { refusalOf } from './refusal.ts'
import { BuiltIn } from './values.ts'
import type { WireType } from './variant-of.ts'

/** Bit of AccessLevel and UserAccessLevel that allows writing the current value (OPC 10000-3 8.57). */
const CURRENT_WRITE = 2

/** A variable as one who writes it must know it. */
export interface WritePoint extends WireType {
  readonly kind: 'point'
  readonly nodeId: string
}

/**
 * Reads what a variable takes, and whether we may write it.
 * @throws where the connection breaks meanwhile
 */
export async function readWritePoint(nodeId: string, link: Link, library: Library): Promise<WritePoint | NotAccepted> {
  const { AttributeIds } = library
  const wanted = [AttributeIds.DataType, AttributeIds.ValueRank, AttributeIds.AccessLevel, AttributeIds.UserAccessLevel]
  const [type, rank, access, userAccess] = await link.session.read(
    wanted.map((attributeId) => ({ nodeId, attributeId })),
  )
  if (type!.statusCode.value !== 0) return refusalOf(type!.statusCode, `write "${nodeId}"`)
  if (forbids(access!)) return refused('BadNotWritable', `Cannot write "${nodeId}": the server lets nobody write it`)
  if (forbids(userAccess!)) {
    return refused('BadUserAccessDenied', `Cannot write "${nodeId}": the server does not let our user write it`)
  }
  const dataType = await builtInType(nodeId, type!.value.value as NodeIdOf<Library>, link, library)
  if (dataType === undefined) return notSent(`Cannot write "${nodeId}": its type is open, and it has no value yet`)
  return { kind: 'point', nodeId, dataType, rank: (rank!.value?.value as number | undefined) ?? -1 }
}

type NodeIdOf<L extends Library> = Parameters<L['findBasicDataType']>[1]

/** Whether an access level was told, and does not allow writing. */
function forbids({ statusCode, value }: DataValue): boolean {
  const level = value?.value as number | undefined
  return statusCode.value === 0 && typeof level === 'number' && (level & CURRENT_WRITE) === 0
}

/** The built-in type under a data type; where that is open (Number, BaseDataType), that of the value it has now. */
async function builtInType(
  nodeId: string,
  dataType: NodeIdOf<Library>,
  link: Link,
  library: Library,
): Promise<number | undefined> {
  const basic = await library.findBasicDataType(link.session, dataType)
  if ((basic as number) !== BuiltIn.Variant) return basic
  const now = await link.session.read({ nodeId, attributeId: library.AttributeIds.Value })
  return now.value?.dataType || undefined
}
