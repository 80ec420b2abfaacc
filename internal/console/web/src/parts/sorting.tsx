// The head of a column that a table is ordered by when it is pressed: first with the most on top, then with the least.
import { t } from '../words'

/** Order is a column's name, with a minus before it for the most first. */
export type Order = string

/** sorted orders rows by one of their columns; rows without a value come last, and equals stay as they were. */
export function sorted<T>(
  rows: T[],
  order: Order,
  columns: Record<string, (row: T) => number | string | undefined>,
): T[] {
  const down = order.startsWith('-')
  const value = columns[order.replace('-', '')]
  if (!value) return rows
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)]
    if (x === y) return 0
    if (x === undefined || y === undefined) return x === undefined ? 1 : -1
    return (x < y ? -1 : 1) * (down ? -1 : 1)
  })
}

export function SortHead(props: {
  name: string
  label: string
  hint?: string
  order: Order
  choose: (order: Order) => void
  /** Words stand at the left and begin with the first; figures at the right, and begin with the most. */
  words?: boolean
  rowSpan?: number
}) {
  const { name, label, order } = props
  const [up, down] = [order === name, order === `-${name}`]
  const first = props.words ? name : `-${name}`
  const other = props.words ? `-${name}` : name
  return (
    <th
      scope="col"
      class={props.words ? '' : 'figure'}
      aria-sort={up ? 'ascending' : down ? 'descending' : undefined}
      rowSpan={props.rowSpan}
      title={props.hint}
    >
      <button type="button" class="sort" onClick={() => props.choose(order === first ? other : first)}>
        <span class="unseen">{t('sort_by')} </span>
        {(up || down) && (
          <span class="sort-mark" aria-hidden="true">
            {up ? '▴' : '▾'}
          </span>
        )}
        {label}
      </button>
    </th>
  )
}
