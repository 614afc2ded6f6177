import type { JsonValue } from '../contract.ts'
import type { AddressSpace, AssetElement } from './address-space.ts'
import type { Budget } from './budget.ts'
import { elementId, lastSegment, parentPath, type Element } from './element-ids.ts'
import { BASE_NAMESPACE, modelNamespace, PLACE_TYPE, tagSchema, tagType, UNKNOWN_TYPE } from './object-types.ts'

/** An Object of i3X 1.0 ("Object Endpoints"), without its value. */
export interface ObjectView {
  readonly elementId: string
  readonly displayName: string
  readonly typeElementId: string
  readonly parentId: string | null
  /** It has tags: HasComponent. */
  readonly isComposition: boolean
  /** It has tags that its type does not declare; `metadata.schemaExtensions` says which. */
  readonly isExtended: boolean
  readonly metadata?: MetadataView
}

interface MetadataView {
  readonly typeNamespaceUri: string
  readonly sourceTypeId: string
  /** Unit of a tag, as a UCUM code. */
  readonly engUnit?: string
  /** Outgoing, by type: one elementId where there can be no more, else a list. */
  readonly relationships: { readonly [type: string]: string | readonly string[] }
  readonly schemaExtensions?: { readonly [tag: string]: JsonValue }
  readonly system: { readonly [name: string]: JsonValue }
}

export interface ObjectOptions {
  readonly site: string
  readonly space: AddressSpace
  readonly includeMetadata: boolean
  /** Each object and each edge in metadata takes one. */
  readonly budget: Budget
}

/** An element as an Object. Whoever calls looks at the budget afterwards. */
export function objectView(element: Element, options: ObjectOptions): ObjectView {
  options.budget.take()
  if (element.kind === 'asset') return assetView(element, options)
  const { path } = element
  const isTag = element.kind === 'tag'
  const tag = isTag ? options.space.asset(path)?.tags.get(element.tag) : undefined
  const above = isTag ? path : parentPath(path)
  const typeElementId = typeOf(element, options.space)
  return {
    elementId: element.id,
    displayName: isTag ? element.tag : lastSegment(path),
    typeElementId,
    parentId: above === undefined ? null : elementId(above),
    isComposition: false,
    isExtended: false,
    ...(options.includeMetadata && {
      metadata: {
        typeNamespaceUri: BASE_NAMESPACE,
        sourceTypeId: typeElementId,
        ...(tag?.unit !== undefined && { engUnit: tag.unit }),
        relationships: relationships(element, options),
        system: { kind: element.kind },
      },
    }),
  }
}

function assetView(element: Element, options: ObjectOptions): ObjectView {
  const { path, id } = element
  const asset = options.space.asset(path)
  const extensions = asset === undefined ? [] : undeclared(asset)
  const typeElementId = typeOf(element, options.space)
  return {
    elementId: id,
    displayName: lastSegment(path),
    typeElementId,
    parentId: elementId(parentPath(path)!),
    isComposition: asset !== undefined && asset.twin.tags.length > 0,
    isExtended: extensions.length > 0,
    ...(options.includeMetadata && {
      metadata: {
        typeNamespaceUri: asset?.model === undefined ? BASE_NAMESPACE : modelNamespace(options.site),
        sourceTypeId: typeElementId,
        relationships: relationships(element, options),
        ...(extensions.length > 0 && {
          schemaExtensions: Object.fromEntries(extensions.map((tag): [string, JsonValue] => [tag.tag, tagSchema(tag)])),
        }),
        system: {
          kind: 'asset',
          ...(asset?.twin.source !== undefined && { source: asset.twin.source }),
          ...(asset?.twin.meta !== undefined && { meta: asset.twin.meta }),
        },
      },
    }),
  }
}

/** elementId of the type of an element: of a machine its model, where the config declares it. */
export function typeOf(element: Element, space: AddressSpace): string {
  if (element.kind === 'tag') return tagType(space.asset(element.path)?.tags.get(element.tag)?.type ?? 'number')
  return element.kind === 'place' ? PLACE_TYPE : (space.asset(element.path)?.model?.id ?? UNKNOWN_TYPE)
}

function undeclared({ twin, model }: AssetElement) {
  const declared = new Set(model?.tags.map(({ tag }) => tag))
  return twin.tags.filter(({ tag }) => !declared.has(tag))
}

/** Of these there is one at the most. */
const SINGLE = new Set(['HasParent', 'ComponentOf'])

function relationships(element: Element, { space, budget }: ObjectOptions): MetadataView['relationships'] {
  const found = new Map<string, string[]>()
  for (const { type, target } of space.edges(element)) {
    if (!budget.take()) break
    const ids = found.get(type)
    if (ids === undefined) found.set(type, [target.id])
    else ids.push(target.id)
  }
  return Object.fromEntries([...found].map(([type, ids]) => [type, SINGLE.has(type) ? ids[0]! : ids]))
}
