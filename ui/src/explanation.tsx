import type { JsonValue } from '../../src/api/contract.ts'
import { momentText } from './alarm-words.ts'
import { valueText } from './format.ts'

/** Entries of a list that are shown; the API has all. */
const SHOWN = 12

interface Fields {
  readonly [name: string]: JsonValue
}

/**
 * What led to an alarm, as its processor says it: values, limits, which tags contribute how much. The shape is the
 * processor's own, so this shows any: fields by name, lists of objects as a table.
 */
export function Explanation({ detail, now }: { readonly detail: JsonValue; readonly now: number }) {
  const fields = fieldsOf(detail)
  if (fields === undefined || Object.keys(fields).length === 0) return null
  return (
    <dl class="explanation">
      {Object.entries(fields).map(([name, value]) => (
        <div key={name}>
          <dt>{nameText(name)}</dt>
          <dd>
            <Part name={name} value={value} now={now} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Part({ name, value, now }: { readonly name: string; readonly value: JsonValue; readonly now: number }) {
  if (TIMES.has(name) && typeof value === 'number') return <>{momentText(value, now)}</>
  if (isRows(value)) return <Rows rows={value} />
  const fields = fieldsOf(value)
  if (fields === undefined) return <span class="num">{text(value)}</span>
  return <Rows rows={Object.entries(fields).map(([tag, one]) => ({ tag, ...(fieldsOf(one) ?? { value: one }) }))} />
}

/** Fields that are times, in ms since the epoch. */
const TIMES = new Set(['since', 'from', 'until', 'at', 'time'])

function Rows({ rows }: { readonly rows: readonly Fields[] }) {
  const names = [...new Set(rows.slice(0, SHOWN).flatMap((row) => Object.keys(row)))]
  return (
    <table class="explanation-rows">
      {names.length > 2 && (
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col">
                {nameText(name)}
              </th>
            ))}
          </tr>
        </thead>
      )}
      <tbody>
        {rows.slice(0, SHOWN).map((row, index) => (
          <tr key={index}>
            {names.map((name) => (
              <td key={name} class={typeof row[name] === 'number' ? 'num' : undefined}>
                {row[name] === undefined ? '' : text(row[name])}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
      {rows.length > SHOWN && <caption>and {rows.length - SHOWN} more</caption>}
    </table>
  )
}

function fieldsOf(value: JsonValue): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

function isRows(value: JsonValue): value is readonly Fields[] {
  return Array.isArray(value) && value.length > 0 && value.every((one: JsonValue) => fieldsOf(one) !== undefined)
}

/** At most four digits that matter. */
function text(value: JsonValue): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)))
  if (Array.isArray(value)) return value.map((one: JsonValue) => text(one)).join(', ')
  return valueText(value, 3)
}

/** `perMinute` as `Per minute`. */
function nameText(name: string): string {
  const words = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
