// Who gives and who takes: a partner sees itself beside the median of its kind, supervisors all.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { holds, me } from '../hub/session'
import { Bar } from '../parts/bar'
import { sorted, SortHead } from '../parts/sorting'
import { query } from '../route'
import { known, number, percent, t, took, type Word } from '../words'
import { AsOf, BoardPage, Heading } from './board'
import { change } from './board.time'

type Board = components['schemas']['PartnerBoard']
type Row = Board['partners'][number]
type Peers = Board['peers']

const page = 'partner-board'

const share = (n: number, { given }: Row) => (given.indicators > 0 ? n / given.indicators : undefined)

const columns: Record<string, (row: Row) => number | string | undefined> = {
  partner: (row) => row.partner,
  reports: (row) => row.given.reports,
  indicators: (row) => row.given.indicators,
  first: (row) => row.given.first,
  lead: (row) => row.given.median_lead_hours,
  shared: (row) => row.given.shared,
  confirmed: (row) => row.given.confirmed,
  withdrawn: (row) => row.given.later_withdrawn,
  cleared: (row) => row.given.later_cleared,
  lookups: (row) => row.taken.lookups,
  hits: (row) => row.taken.hits,
  actions: (row) => row.taken.actions,
}

export const PartnerBoardPage = () => (
  <BoardPage<Board>
    page={page}
    title="partner_board_title"
    ask={(query) => answered(hub.GET('/v1/scoreboards/partners', { params: { query } }))}
    empty={(board) =>
      board.partners.length > 0 ? undefined : 'partner_board_empty'
    }
  >
    {(board) => <Told board={board} />}
  </BoardPage>
)

function Told({ board }: { board: Board }) {
  const order = query.value.get('sort') ?? '-reports'
  const rows = sorted(board.partners, order, columns)
  const own = !holds('oversee')
  const chosen = own ? rows[0] : rows.find(({ partner }) => partner === query.value.get('id'))
  const peers = chosen?.kind === me.value?.kind ? board.peers : undefined
  return (
    <>
      {own && chosen ? (
        <Details row={chosen} peers={peers} board={board} own />
      ) : (
        <>
          <Summary rows={rows} />
          {chosen && <Details row={chosen} peers={peers} board={board} />}
          <Table rows={rows} chosen={chosen} order={order} board={board} />
        </>
      )}
    </>
  )
}

function Summary({ rows }: { rows: Row[] }) {
  const figures: [Word, (row: Row) => number][] = [
    ['reports', (row) => row.given.reports],
    ['indicators_given', (row) => row.given.indicators],
    ['lookups', (row) => row.taken.lookups],
    ['hits', (row) => row.taken.hits],
    ['actions', (row) => row.taken.actions],
  ]
  return (
    <dl class="summary">
      {figures.map(([label, of]) => (
        <div key={label}>
          <dt>{t(label)}</dt>
          <dd data-sum={label}>{number(rows.reduce((all, row) => all + of(row), 0))}</dd>
        </div>
      ))}
    </dl>
  )
}

function Table(props: { rows: Row[]; chosen: Row | undefined; order: string; board: Board }) {
  const { rows, chosen, order, board } = props
  const head = (name: string, label: Word) => (
    <SortHead name={name} label={t(label)} order={order} choose={(next) => change(page, { sort: next })} />
  )
  const most = (of: (row: Row) => number) => Math.max(0, ...rows.map(of))
  const [mostReports, mostLookups] = [most((row) => row.given.reports), most((row) => row.taken.lookups)]
  const part = (n: number, row: Row) => (
    <td class="figure">
      {number(n)} {n > 0 && <span class="share">{percent(share(n, row) ?? 0)}</span>}
    </td>
  )
  return (
    <section class="sheet" aria-labelledby="board-of">
      <header>
        <h2 id="board-of">
          <Heading board={board} />
        </h2>
        <AsOf board={board} />
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('page_partner_board')}>
        <table class="list board">
          <caption class="unseen">{t('partner_board_title')}</caption>
          <colgroup />
          <colgroup span={6} class="given" />
          <colgroup span={2} />
          <colgroup span={3} class="taken" />
          <thead>
            <tr>
              <SortHead
                name="partner"
                label={t('partner')}
                order={order}
                words
                rowSpan={2}
                choose={(next) => change(page, { sort: next })}
              />
              <th scope="colgroup" colSpan={6} class="over">
                {t('given')}
              </th>
              <th scope="colgroup" colSpan={2} class="over">
                {t('later')}
              </th>
              <th scope="colgroup" colSpan={3} class="over">
                {t('taken')}
              </th>
            </tr>
            <tr>
              {head('reports', 'reports')}
              {head('indicators', 'indicators_given')}
              {head('first', 'first_to_report')}
              {head('lead', 'lead_time')}
              {head('shared', 'shared_with')}
              {head('confirmed', 'confirmed_given')}
              {head('withdrawn', 'later_withdrawn')}
              {head('cleared', 'later_cleared')}
              {head('lookups', 'lookups')}
              {head('hits', 'hits')}
              {head('actions', 'actions')}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.partner} data-row={row.partner} class={row === chosen ? 'chosen' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    class="row-button"
                    aria-pressed={row === chosen}
                    onClick={() => change(page, { id: row === chosen ? '' : row.partner })}
                  >
                    {row.partner}
                  </button>
                  <span class="hint">{known(`kind_${row.kind}`)}</span>
                </th>
                <td class="figure">
                  {number(row.given.reports)}
                  <Bar pieces={[{ of: row.given.reports, look: 'bar-given' }]} whole={mostReports} />
                </td>
                <td class="figure">{number(row.given.indicators)}</td>
                {part(row.given.first, row)}
                <td class="figure">{took(row.given.median_lead_hours)}</td>
                {part(row.given.shared, row)}
                {part(row.given.confirmed, row)}
                {part(row.given.later_withdrawn, row)}
                {part(row.given.later_cleared, row)}
                <td class="figure">
                  {number(row.taken.lookups)}
                  <Bar pieces={[{ of: row.taken.lookups, look: 'bar-taken' }]} whole={mostLookups} />
                </td>
                <td class="figure">{number(row.taken.hits)}</td>
                <td class="figure">{number(row.taken.actions)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint note">{t('partner_board_hint')}</p>
    </section>
  )
}

type Measure = { label: string; value: string; share?: string; peers?: string; note?: string }

/** Details is everything of one partner, beside the median of its kind where that is told. */
function Details({ row, peers, board, own }: { row: Row; peers: Peers; board: Board; own?: boolean }) {
  const { given, taken, corrections } = row
  const part = (n: number) => (given.indicators > 0 ? percent(n / given.indicators) : undefined)
  const plain = (label: Word, n: number, median?: number): Measure => ({
    label: t(label),
    value: number(n),
    peers: median === undefined ? undefined : number(median),
  })
  const shared = (label: Word, n: number, median?: number): Measure => ({
    ...plain(label, n),
    share: part(n),
    peers: median === undefined ? undefined : percent(median),
  })
  const groups: [Word, Measure[]][] = [
    [
      'given',
      [
        plain('reports', given.reports, peers?.reports),
        plain('indicators_given', given.indicators, peers?.indicators),
        shared('first_to_report', given.first, peers?.share_first),
        { ...plain('followed', given.followed) },
        { label: t('lead_time'), value: took(given.median_lead_hours) },
        shared('shared_with', given.shared, peers?.share_shared),
        shared('confirmed_given', given.confirmed, peers?.share_confirmed),
        shared('later_withdrawn', given.later_withdrawn),
        shared('later_cleared', given.later_cleared),
      ],
    ],
    [
      'taken',
      [
        plain('lookups', taken.lookups, peers?.lookups),
        plain('indicators_asked', taken.indicators),
        plain('hits', taken.hits),
        plain('actions', taken.actions),
      ],
    ],
    [
      'corrections',
      [
        plain('corrections_withdrawals', corrections.withdrawals),
        plain('corrections_clears', corrections.clears),
        plain('corrections_disputes', corrections.disputes),
        plain('corrections_upheld', corrections.upheld),
      ],
    ],
  ]
  return (
    <section class="sheet scorecard" aria-labelledby="score-of">
      <header>
        <h2 id="score-of">{own ? <Heading board={board} /> : `${row.partner} · ${known(`kind_${row.kind}`)}`}</h2>
        {own ? (
          <AsOf board={board} />
        ) : (
          <button type="button" class="quiet" onClick={() => change(page, { id: '' })}>
            {t('close')}
          </button>
        )}
      </header>
      <div class="scorecard-columns">
        {groups.map(([title, measures]) => (
          <table class="small" key={title}>
            <caption>{t(title)}</caption>
            <thead>
              <tr>
                <th scope="col">
                  <span class="unseen">{t('measure')}</span>
                </th>
                <th scope="col" class="figure">
                  {own ? t('you') : row.partner}
                </th>
                {title === 'given' && (
                  <th scope="col" class="figure">
                    {t('of_indicators')}
                  </th>
                )}
                {peers && (
                  <th scope="col" class="figure">
                    {t('peers')}
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {measures.map((one) => (
                <tr key={one.label}>
                  <th scope="row">{one.label}</th>
                  <td class="figure">{one.value}</td>
                  {title === 'given' && <td class="figure share">{one.share}</td>}
                  {peers && <td class="figure share">{one.peers ?? '–'}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        ))}
      </div>
      <p class="hint note">
        {t('partner_board_hint')} {own && (peers ? t('peers_hint', { n: number(peers.partners) }) : t('peers_none'))}
      </p>
    </section>
  )
}
