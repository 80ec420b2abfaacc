import { useId } from 'preact/hooks'

/** Select is one of many, with its label before it. */
export function Select<T extends string>(props: {
  label: string
  value: T
  options: { value: T; label: string }[]
  choose: (value: T) => void
}) {
  const id = useId()
  return (
    <div class="dates">
      <label for={id}>{props.label}</label>
      <select id={id} value={props.value} onChange={({ currentTarget }) => props.choose(currentTarget.value as T)}>
        {props.options.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  )
}
