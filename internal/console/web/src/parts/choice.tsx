import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

type Option<T extends string> = { value: T; label: ComponentChildren; hint?: string }

/** Choice is one of a few, all in sight: radio buttons that look like a strip. */
export function Choice<T extends string>(props: {
  label: string
  hidden?: boolean
  options: Option<T>[]
  value: T | undefined
  choose: (value: T) => void
  kind?: 'strip' | 'chips'
}) {
  const group = useId()
  return (
    <fieldset class={`choice ${props.kind ?? 'strip'}`}>
      <legend class={props.hidden ? 'unseen' : ''}>{props.label}</legend>
      <div class="choice-options">
        {props.options.map(({ value, label, hint }) => (
          <label key={value} title={hint}>
            <input
              type="radio"
              name={group}
              value={value}
              checked={props.value === value}
              aria-label={hint}
              onChange={() => props.choose(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
