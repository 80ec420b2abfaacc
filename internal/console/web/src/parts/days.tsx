import { t } from '../words'

/** dayOf is the day of a moment in Malaysia, as date fields write it. */
export const dayOf = (at: Date): string => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 10)

/** Days are two fields for a span of whole days of Malaysia; to is not included. */
export function Days(props: { from: Date; to: Date; choose: (from: Date, to: Date) => void }) {
  const [first, until] = [dayOf(props.from), dayOf(new Date(props.to.getTime() - 1))]
  const between = (one: string, other: string) => {
    const from = new Date(`${one}T00:00:00+08:00`)
    const to = new Date(new Date(`${other}T00:00:00+08:00`).getTime() + 86_400_000)
    if (from < to) props.choose(from, to)
  }
  return (
    <div class="dates">
      <label for="from">{t('from')}</label>
      <input
        id="from"
        type="date"
        value={first}
        max={until}
        onChange={({ currentTarget }) => between(currentTarget.value, until)}
      />
      <label for="until">{t('until')}</label>
      <input
        id="until"
        type="date"
        value={until}
        min={first}
        onChange={({ currentTarget }) => between(first, currentTarget.value)}
      />
    </div>
  )
}
