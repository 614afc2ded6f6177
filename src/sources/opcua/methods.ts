import { refused, type NotAccepted } from '../../component/command-answer.ts'
import type { Value } from '../../model/reading.ts'
import { Browser } from './browser.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import type { Machine } from './nodes.ts'
import { BuiltIn } from './values.ts'
import { variantOf, type Encoded, type WireType } from './variant-of.ts'

interface Argument extends WireType {
  readonly name: string
}

/** A method as one who calls it must know it. */
export interface Callable {
  readonly kind: 'method'
  readonly objectId: string
  readonly methodId: string
  readonly args: readonly Argument[]
}

/**
 * Finds the method of an asset, reads its arguments, and whether we may call it.
 * @throws where the connection breaks meanwhile
 */
export async function findMethod(
  machines: readonly Machine[],
  method: string,
  link: Link,
  library: Library,
): Promise<Callable | NotAccepted> {
  const browser = new Browser(link, library)
  for (const { nodeId, rule } of machines) {
    const found = await browser.method(nodeId, nameOnServer(rule.methods, method))
    if (found === undefined) continue
    const forbidden = await executableFault(found.methodId, method, link, library)
    if (forbidden !== undefined) return forbidden
    return { kind: 'method', ...found, args: await readArguments(found.methodId, link, library) }
  }
  return refused('BadMethodInvalid', `Cannot call "${method}": its object on the server has no such method`)
}

function nameOnServer(methods: { readonly [name: string]: string } | undefined, method: string): string {
  return methods !== undefined && Object.hasOwn(methods, method) ? methods[method]! : method
}

async function executableFault(
  methodId: string,
  method: string,
  link: Link,
  { AttributeIds }: Library,
): Promise<NotAccepted | undefined> {
  const [any, user] = await link.session.read([
    { nodeId: methodId, attributeId: AttributeIds.Executable },
    { nodeId: methodId, attributeId: AttributeIds.UserExecutable },
  ])
  if (any!.value?.value === false) {
    return refused('BadNotExecutable', `Cannot call "${method}": the server lets nobody call it now`)
  }
  if (user!.value?.value !== false) return undefined
  return refused('BadUserAccessDenied', `Cannot call "${method}": the server does not let our user call it`)
}

async function readArguments(methodId: string, link: Link, library: Library): Promise<Argument[]> {
  const { inputArguments } = await link.session.getArgumentDefinition(methodId)
  const args: Argument[] = []
  for (const { name, dataType, valueRank } of inputArguments ?? []) {
    args.push({
      name: name ?? `argument ${args.length + 1}`,
      dataType: await library.findBasicDataType(link.session, dataType),
      rank: valueRank,
    })
  }
  return args
}

/** The values of a call in the types that the method takes, or why they cannot be had. */
export function variantsOf(values: readonly Value[], { args }: Callable, library: Library): Encoded[] | NotAccepted {
  if (values.length !== args.length) {
    const code = values.length < args.length ? 'BadArgumentsMissing' : 'BadTooManyArguments'
    const names = args.length === 0 ? 'none' : args.map(({ name }) => name).join(', ')
    return refused(code, `Cannot call with ${values.length} arguments: want ${args.length} (${names})`)
  }
  const encoded: Encoded[] = []
  for (const [index, { name, ...type }] of args.entries()) {
    const value = values[index]!
    const dataType = type.dataType === BuiltIn.Variant ? openType(value) : type.dataType
    const one = variantOf(value, { ...type, dataType }, library)
    if (one.kind !== 'encoded') return { ...one, reason: `Argument "${name}": ${one.reason}` }
    encoded.push(one)
  }
  return encoded
}

/** An argument of any type gets the one that the value has by itself. */
function openType(value: Value): number {
  if (Array.isArray(value)) return openType((value[0] as Value | undefined) ?? '')
  switch (typeof value) {
    case 'boolean':
      return BuiltIn.Boolean
    case 'number':
      return BuiltIn.Double
    case 'bigint':
      return BuiltIn.Int64
    case 'string':
      return BuiltIn.String
    default:
      return BuiltIn.ByteString
  }
}
