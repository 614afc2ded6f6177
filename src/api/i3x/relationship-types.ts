import { BASE_NAMESPACE } from './object-types.ts'

/** A Relationship Type of i3X 1.0; each has its reverse in the list. */
export interface RelationshipType {
  readonly elementId: string
  readonly displayName: string
  readonly namespaceUri: string
  /** Its name in its namespace. */
  readonly relationshipId: string
  /** elementId of the same relation seen from the other end. */
  readonly reverseOf: string
}

/** Of the relations that i3X itself names. */
export const RELATION_NAMESPACE = 'https://cesmii.org/i3x'

/** Those that hold the address space together. */
const BASE: readonly RelationshipType[] = [
  ...pair(RELATION_NAMESPACE, 'HasParent', 'HasChildren'),
  ...pair(RELATION_NAMESPACE, 'HasComponent', 'ComponentOf'),
]

/** How the relations that Millrace knows by name are called from the other end. */
const REVERSE: { readonly [type: string]: string } = { partOf: 'hasPart', feeds: 'fedBy', madeBy: 'makes' }

/** No word of a plant's own has a colon. */
const INVERSE = 'inverse:'
const OWN = 'own:'

/** Every relationship type there is: those of i3X, and those that machines of this plant have with each other. */
export function relationshipTypes(types: readonly string[]): RelationshipType[] {
  const known = new Set([...Object.keys(REVERSE), ...types])
  const graph = [...known].flatMap((type) => pair(BASE_NAMESPACE, relationId(type), relationId(type, true)))
  return [...BASE, ...graph]
}

/** elementId of a relation between machines, as the one that has it sees it, or from the other end. */
export function relationId(type: string, inverse?: boolean): string {
  const reverse = Object.hasOwn(REVERSE, type) ? REVERSE[type] : undefined
  const id = reverse === undefined && isTaken(type) ? `${OWN}${type}` : type
  return inverse ? (reverse ?? `${INVERSE}${id}`) : id
}

function isTaken(word: string): boolean {
  return BASE.some(({ elementId }) => elementId === word) || Object.values(REVERSE).includes(word)
}

function pair(namespaceUri: string, one: string, other: string): [RelationshipType, RelationshipType] {
  return [relation(namespaceUri, one, other), relation(namespaceUri, other, one)]
}

function relation(namespaceUri: string, name: string, reverseOf: string): RelationshipType {
  return { elementId: name, displayName: name, namespaceUri, relationshipId: name, reverseOf }
}
