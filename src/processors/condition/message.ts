import type { RowView } from './row.ts'

/** A message with the names of tags in braces: `Cool the press: {temperature} Cel`. */
export type MessageTemplate = readonly ({ readonly text: string } | { readonly tag: string })[]

/** Reads the braces of a message; `{asset}` is the last part of the asset's path. */
export function parseMessage(text: string): MessageTemplate {
  return text
    .split(/(\{[^{}]+\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (/^\{.+\}$/.test(piece) ? { tag: piece.slice(1, -1) } : { text: piece }))
}

/** Tags that a message shows. */
export function tagsOfMessage(template: MessageTemplate): string[] {
  return template.flatMap((piece) => ('tag' in piece && piece.tag !== 'asset' ? [piece.tag] : []))
}

export interface Filling {
  /** Full path. */
  readonly asset: string
  readonly says: string
  /** Why nobody knows whether it still is so. */
  readonly fault: string | undefined
  readonly rows: RowView
}

/** What the operator reads. */
export function fillMessage(template: MessageTemplate | undefined, { asset, says, fault, rows }: Filling): string {
  const name = asset.slice(asset.lastIndexOf('/') + 1)
  const whole = template === undefined ? `Check "${name}": ${says}` : filled(template, name, rows)
  return fault === undefined ? whole : `${whole} (when last known; now ${fault})`
}

function filled(template: MessageTemplate, name: string, rows: RowView): string {
  return template
    .map((piece) => ('text' in piece ? piece.text : piece.tag === 'asset' ? name : shown(rows.get(piece.tag))))
    .join('')
}

/** A value as people read it: at most six digits that matter. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'unknown'
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))
  return typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : '...'
}
