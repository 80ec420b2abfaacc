// What a question is narrowed to stands in the address, under the names of the API: category=investment&region=MY-10.
import { useSignal } from '@preact/signals'
import { Icon } from '../parts/icon'
import { goTo, page, query } from '../route'
import { t } from '../words'
import { axes, filtersOf, keysOf, titleOf, type Axis } from './trends.measure'

/** narrow asks the same of one value of a dimension alone; of all again where the value is undefined. */
function narrow(axis: Axis, value: string | undefined): void {
  const next = new URLSearchParams(query.value)
  if (value === undefined) next.delete(axis)
  else next.set(axis, value)
  goTo(page.value, Object.fromEntries(next))
}

/** Filters shows what is asked about alone, and takes more of it. */
export function Filters() {
  const adding = useSignal<Axis | undefined>(undefined)
  const filters = filtersOf(query.value)
  const free = axes.filter((axis) => filters[axis] === undefined)
  const axis = adding.value
  return (
    <div class="filters" role="group" aria-label={t('filters')}>
      {axes.map((axis) => {
        const value = filters[axis]
        if (value === undefined) return null
        const name = value
          .split(',')
          .map((key) => titleOf(axis, key))
          .join(', ')
        return (
          <button
            key={axis}
            type="button"
            class="filter"
            title={t('filter_drop')}
            onClick={() => narrow(axis, undefined)}
          >
            <span>{t(`by_${axis}`)}</span> {name} <Icon name="cross" size={14} />
            <span class="unseen">: {t('filter_drop')}</span>
          </button>
        )
      })}
      <select
        aria-label={t('filter_add')}
        value={axis ?? ''}
        onChange={({ currentTarget }) => (adding.value = free.find((one) => one === currentTarget.value))}
      >
        <option value="">{t('filter_add')}</option>
        {free.map((one) => (
          <option key={one} value={one}>
            {t(`by_${one}`)}
          </option>
        ))}
      </select>
      {axis && (
        <select
          key={axis}
          aria-label={t('filter_value')}
          onChange={({ currentTarget }) => {
            if (currentTarget.selectedIndex < 1) return
            adding.value = undefined
            narrow(axis, currentTarget.value)
          }}
        >
          <option>{t('choose')}</option>
          <option value="">{titleOf(axis, '')}</option>
          {keysOf(axis).map((key) => (
            <option key={key} value={key}>
              {titleOf(axis, key)}
            </option>
          ))}
        </select>
      )}
    </div>
  )
}
