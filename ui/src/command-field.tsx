import type { Field } from './command-dialog.tsx'
import { unitText } from './format.ts'

interface CommandFieldProps {
  readonly field: Field
  readonly text: string
  readonly disabled: boolean
  readonly onText: (text: string) => void
}

/** A value of a command, typed or chosen by what it may be. */
export function CommandField({ field, text, disabled, onText }: CommandFieldProps) {
  const { name, unit, range } = field
  return (
    <label class="command-field">
      <span>{name}</span>
      <Input field={field} text={text} disabled={disabled} onText={onText} />
      <span class="unit">{unitText(unit)}</span>
      {range && (
        <span class="hint num">
          {range[0]} to {range[1]}
        </span>
      )}
    </label>
  )
}

function Input({ field: { type, oneOf, range }, text, disabled, onText }: CommandFieldProps) {
  const choices = oneOf ?? (type === 'boolean' ? ['true', 'false'] : undefined)
  if (choices !== undefined) {
    return (
      <select value={text} disabled={disabled} onChange={({ currentTarget }) => onText(currentTarget.value)}>
        {choices.map((one) => (
          <option key={one} value={String(one)}>
            {one}
          </option>
        ))}
      </select>
    )
  }
  const isNumber = type === 'number' || type === 'int64'
  return (
    <input
      value={text}
      disabled={disabled}
      autoFocus
      inputMode={isNumber ? 'decimal' : 'text'}
      {...(range && { 'aria-description': `${range[0]} to ${range[1]}` })}
      onInput={({ currentTarget }) => onText(currentTarget.value)}
    />
  )
}
