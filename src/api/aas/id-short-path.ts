import { modelReference } from './element.ts'
import { objectsOf, textOf, type JsonObject } from './json.ts'

/** An element and all that it lies in, from the submodel's own one inwards. */
type Chain = readonly { readonly element: JsonObject; readonly key: string }[]

/** Where the elements inside an element are, by its type. */
const CHILDREN: { readonly [modelType: string]: string } = {
  Submodel: 'submodelElements',
  SubmodelElementCollection: 'value',
  SubmodelElementList: 'value',
  Entity: 'statements',
  AnnotatedRelationshipElement: 'annotations',
}

/** The name of the member in which an element holds others; undefined: it cannot. */
export function childrenMember(element: JsonObject): string | undefined {
  return CHILDREN[textOf(element, 'modelType') ?? '']
}

export function childrenOf(element: JsonObject): readonly JsonObject[] {
  const member = childrenMember(element)
  return member === undefined ? [] : objectsOf(element[member])
}

/**
 * The element at an idShort path (IDTA-01002-3-0, annex on the grammar): `a.b` of collections, `a[0]` of lists.
 * Undefined: there is none.
 */
export function findElement(submodel: JsonObject, path: string): Chain | undefined {
  const keys = keysOf(path)
  if (keys === undefined) return undefined
  const chain: { element: JsonObject; key: string }[] = []
  let parent = submodel
  for (const key of keys) {
    const element = childAt(parent, key)
    if (element === undefined) return undefined
    chain.push({ element, key: String(key) })
    parent = element
  }
  return chain
}

/** Paths of elements and of all that lies in them. */
export function pathsOf(elements: readonly JsonObject[], isDeep: boolean): readonly string[] {
  return elements.flatMap((element) => pathsAt(element, textOf(element, 'idShort') ?? '', isDeep))
}

/** Paths of one element, whose own path is known, and of what lies in it: all of that, or only directly. */
export function pathsAt(element: JsonObject, path: string, isDeep: boolean): readonly string[] {
  if (!isDeep) return [path]
  return [path, ...inside(element, path).flatMap(([child, at]) => pathsAt(child, at, true))]
}

/** The paths of the elements that lie directly in one. */
function inside(element: JsonObject, path: string): readonly (readonly [JsonObject, string])[] {
  const isList = element['modelType'] === 'SubmodelElementList'
  return childrenOf(element).map((child, index) => [
    child,
    isList ? `${path}[${index}]` : `${path}.${textOf(child, 'idShort') ?? ''}`,
  ])
}

/** The reference that names an element from its submodel on. */
export function referenceTo(submodel: JsonObject, chain: Chain): JsonObject {
  return modelReference(
    ['Submodel', textOf(submodel, 'id') ?? ''],
    ...chain.map(({ element, key }) => [textOf(element, 'modelType') ?? '', key] as const),
  )
}

function childAt(parent: JsonObject, key: string | number): JsonObject | undefined {
  const isList = parent['modelType'] === 'SubmodelElementList'
  if (isList !== (typeof key === 'number')) return undefined
  const children = childrenOf(parent)
  return typeof key === 'number' ? children[key] : children.find((child) => child['idShort'] === key)
}

/** Deepest path that is looked up. */
const MOST_KEYS = 64

function keysOf(path: string): readonly (string | number)[] | undefined {
  if (!/^[^.[\]]+(\[\d{1,9}\])*(\.[^.[\]]+(\[\d{1,9}\])*)*$/.test(path)) return undefined
  const keys = [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([name, index]) =>
    index === undefined ? name : Number(index),
  )
  return keys.length > MOST_KEYS ? undefined : keys
}
