// What platforms did about what they were told: a platform sees its own, supervisors all.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { holds } from '../hub/session'
import { Bar, type Piece } from '../parts/bar'
import { sorted, SortHead } from '../parts/sorting'
import { query } from '../route'
import { number, percent, t, took, type Word } from '../words'
import { platformTitle } from '../words/terms'
import { AsOf, BoardPage, Heading } from './board'
import { change } from './board.time'

type Board = components['schemas']['PlatformBoard']
type Row = Board['platforms'][number]

const page = 'platform-board'

const columns: Record<string, (row: Row) => number | string | undefined> = {
  platform: (row) => platformTitle(row.platform),
  signals: (row) => row.signals,
  acted: (row) => row.share_acted,
  median: (row) => row.median_hours,
  p90: (row) => row.p90_hours,
  withdrawn: (row) => row.withdrawn,
  open: (row) => row.open,
  overdue: (row) => row.overdue,
}

/** pieces are what the signals of a row came to; what is overdue is open, too. */
const pieces = (row: Pick<Row, 'acted' | 'withdrawn' | 'open' | 'overdue'>): Piece[] => [
  { of: row.acted, look: 'bar-acted' },
  { of: row.withdrawn, look: 'bar-withdrawn' },
  { of: row.open - row.overdue, look: 'bar-open' },
  { of: row.overdue, look: 'bar-overdue' },
]

export const PlatformBoardPage = () => (
  <BoardPage<Board>
    page={page}
    title="platform_board_title"
    ask={(query) => answered(hub.GET('/v1/scoreboards/platforms', { params: { query } }))}
    empty={(board) =>
      board.platforms.length > 0 ? undefined : holds('oversee') ? 'platform_board_empty' : 'platform_board_empty_own'
    }
  >
    {(board) => <Told board={board} />}
  </BoardPage>
)

function Told({ board }: { board: Board }) {
  const order = query.value.get('sort') ?? '-signals'
  const rows = sorted(board.platforms, order, columns)
  const chosen =
    rows.find(({ platform }) => platform === query.value.get('id')) ?? (rows.length === 1 ? rows[0] : undefined)
  const head = (name: string, label: Word, words = false) => (
    <SortHead
      name={name}
      label={t(label)}
      order={order}
      words={words}
      choose={(next) => change(page, { sort: next })}
    />
  )
  return (
    <>
      <Summary board={board} />
      <div class={chosen ? 'partners-columns' : ''}>
        <section class="sheet" aria-labelledby="board-of">
          <header>
            <h2 id="board-of">
              <Heading board={board} />
            </h2>
            <AsOf board={board} />
          </header>
          <div class="scroll" tabIndex={0} role="region" aria-label={t('page_platform_board')}>
            <table class="list board">
              <caption class="unseen">{t('platform_board_title')}</caption>
              <thead>
                <tr>
                  {head('platform', 'platform', true)}
                  {head('signals', 'signals')}
                  {head('acted', 'acted')}
                  {head('median', 'median_time')}
                  {head('p90', 'p90_time')}
                  {!chosen && head('withdrawn', 'withdrawn')}
                  {head('open', 'open_signals')}
                  {head('overdue', 'overdue')}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.platform} data-row={row.platform} class={row === chosen ? 'chosen' : ''}>
                    <th scope="row">
                      <button
                        type="button"
                        class="row-button"
                        aria-pressed={row === chosen}
                        onClick={() => change(page, { id: row === chosen ? '' : row.platform })}
                      >
                        {platformTitle(row.platform)}
                      </button>
                      <Bar pieces={pieces(row)} whole={row.signals} />
                    </th>
                    <td class="figure">{number(row.signals)}</td>
                    <td class="figure">
                      {number(row.acted)}{' '}
                      <span class="share">{row.signals > row.withdrawn ? percent(row.share_acted) : '–'}</span>
                    </td>
                    <td class="figure">{took(row.median_hours)}</td>
                    <td class="figure">{took(row.p90_hours)}</td>
                    {!chosen && <td class="figure">{number(row.withdrawn)}</td>}
                    <td class="figure">{number(row.open)}</td>
                    <td class={`figure${row.overdue > 0 ? ' late' : ''}`}>{number(row.overdue)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="key" aria-hidden="true">
            {(['acted', 'withdrawn', 'open', 'overdue'] as const).map((look) => (
              <span key={look}>
                <i class={`bar-${look}`} /> {t(`key_${look}`)}
              </span>
            ))}
          </p>
          <p class="hint note">{t('platform_board_hint', { hours: took(board.overdue_after_hours) })}</p>
        </section>
        {chosen && <Details row={chosen} alone={rows.length === 1} />}
      </div>
    </>
  )
}

function Summary({ board: { platforms, peers } }: { board: Board }) {
  const sum = (of: (row: Row) => number) => platforms.reduce((all, row) => all + of(row), 0)
  const standing = sum(({ signals, withdrawn }) => signals - withdrawn)
  const acted = sum((row) => row.acted)
  const overdue = sum((row) => row.overdue)
  return (
    <dl class="summary">
      <div>
        <dt>{t('signals')}</dt>
        <dd data-sum="signals">{number(sum((row) => row.signals))}</dd>
      </div>
      <div>
        <dt>{t('acted')}</dt>
        <dd data-sum="acted">
          {number(acted)} {standing > 0 && <small>{percent(acted / standing)}</small>}
        </dd>
      </div>
      <div>
        <dt>{t('open_signals')}</dt>
        <dd data-sum="open">{number(sum((row) => row.open))}</dd>
      </div>
      <div>
        <dt>{t('overdue')}</dt>
        <dd data-sum="overdue" class={overdue > 0 ? 'late' : ''}>
          {number(overdue)}
        </dd>
      </div>
      {peers && (
        <div>
          <dt>{t('peers_platform', { n: number(peers.organisations) })}</dt>
          <dd>
            {percent(peers.share_acted)} <small>{took(peers.median_hours)}</small>
          </dd>
        </div>
      )}
    </dl>
  )
}

const actions = ['removed', 'blocked', 'held', 'refunded', 'no_action', 'disagreed'] as const
const ages = ['under_3_days', '3_to_7_days', '7_to_30_days', 'over_30_days'] as const

/** Details is how a platform acted, and how long what is overdue has waited. */
function Details({ row, alone }: { row: Row; alone: boolean }) {
  const name = platformTitle(row.platform)
  return (
    <section class="sheet details" aria-label={name}>
      <header>
        <h2>{name}</h2>
        {!alone && (
          <button type="button" class="quiet" onClick={() => change(page, { id: '' })}>
            {t('close')}
          </button>
        )}
      </header>
      <dl>
        <dt>{t('run_by')}</dt>
        <dd>{row.run_by.join(', ') || t('run_by_nobody')}</dd>
        <dt>{t('withdrawn')}</dt>
        <dd>{number(row.withdrawn)}</dd>
      </dl>
      <Small
        caption={t('first_action')}
        whole={row.acted}
        rows={actions.map((action) => [t(`action_${action}`), row.actions[action] ?? 0, 'bar-acted'])}
      />
      <Small
        caption={t('overdue_by_age')}
        whole={row.overdue}
        rows={ages.map((age) => [t(`age_${age}`), row.overdue_by_age[age], 'bar-overdue'])}
      />
      <p class="hint">
        {row.declared > 0
          ? t('declared', { n: number(row.declared), time: took(row.declared_median_hours) })
          : t('declared_none')}
      </p>
    </section>
  )
}

/** Small is a table of a few figures, with bars. */
const Small = (props: { caption: string; whole: number; rows: [label: string, n: number, look: string][] }) => (
  <table class="small">
    <caption>{props.caption}</caption>
    <tbody>
      {props.rows.map(([label, n, look]) => (
        <tr key={label}>
          <th scope="row">{label}</th>
          <td class="bars">
            <Bar pieces={[{ of: n, look }]} whole={props.whole} />
          </td>
          <td class="figure">{number(n)}</td>
        </tr>
      ))}
    </tbody>
  </table>
)
