// What belongs together: campaigns that go on, and behind #/campaigns?id=… one of them.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { Choice } from '../parts/choice'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { ListEnd, usePages } from '../parts/pages'
import { Select } from '../parts/select'
import { goTo, linkTo, query } from '../route'
import { known, moment, number, t } from '../words'
import { categoryTitle, topCategories } from '../words/terms'
import { OneCampaign } from './campaigns.one'
import { Sign, types } from './campaigns.shape'
import { oneOf } from './trends.measure'

type Summary = components['schemas']['CampaignSummary']

const spans = { '7d': 7, '30d': 30, all: undefined } as const
type Span = keyof typeof spans
const orders = ['recent', 'size'] as const
type Order = (typeof orders)[number]
const sizes = ['2', '5', '20', '100'] as const

export function CampaignsPage() {
  const id = query.value.get('id')
  return id ? <OneCampaign key={id} id={id} /> : <List />
}

function List() {
  const values = query.value
  const last = oneOf(Object.keys(spans) as Span[], values.get('last')) ?? '30d'
  const order = oneOf(orders, values.get('order')) ?? 'recent'
  const type = oneOf(types, values.get('type'))
  const category = values.get('category') ?? ''
  const size = oneOf(sizes, values.get('min_members')) ?? '2'
  const change = (next: Record<string, string>) => {
    const merged = { last, order, type: type ?? '', category, min_members: size, ...next }
    goTo('campaigns', Object.fromEntries(Object.entries(merged).filter(([, value]) => value)))
  }
  const list = usePages<Summary>([last, order, type, category, size].join(' '), async (cursor) => {
    const days = spans[last]
    const query = {
      since: days && new Date(Date.now() - days * 86_400_000).toISOString(),
      type,
      category: category || undefined,
      min_members: Number(size),
      order,
      cursor,
    }
    const { campaigns, next } = await answered(hub.GET('/v1/campaigns', { params: { query } }))
    return { rows: campaigns, next }
  })
  return (
    <div class="campaigns">
      <h1>{t('campaigns_title')}</h1>
      <p class="lead">{t('campaigns_lead')}</p>
      <div class="controls">
        <Choice<Order>
          label={t('order')}
          value={order}
          choose={(value) => change({ order: value })}
          options={orders.map((value) => ({ value, label: t(`order_${value}`) }))}
        />
        <Choice<Span>
          label={t('last_word')}
          value={last}
          choose={(value) => change({ last: value })}
          options={(Object.keys(spans) as Span[]).map((value) => ({ value, label: t(`last_${value}`) }))}
        />
        <Select<string>
          label={t('by_type')}
          value={type ?? ''}
          choose={(value) => change({ type: value })}
          options={[
            { value: '', label: t('any') },
            ...types.map((value) => ({ value, label: t(`type_${value}`) })),
          ]}
        />
        <Select<string>
          label={t('by_category')}
          value={category}
          choose={(value) => change({ category: value })}
          options={[
            { value: '', label: t('any') },
            ...topCategories.flatMap((top) => [top, ...top.below].map(({ name }) => name)).map((value) => ({
              value,
              label: categoryTitle(value),
            })),
          ]}
        />
        <Select<string>
          label={`${t('members')}: ${t('members_least')}`}
          value={size}
          choose={(value) => change({ min_members: value })}
          options={sizes.map((value) => ({ value, label: value }))}
        />
        <button type="button" class="quiet" onClick={list.again}>
          <Icon name="refresh" size={16} /> {t('refresh')}
        </button>
      </div>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      {!list.rows && !list.problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {list.rows?.length === 0 && <p class="empty">{t('campaigns_empty')}</p>}
      {list.rows && list.rows.length > 0 && (
        <>
          <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('page_campaigns')}>
            <table class="list">
              <caption class="unseen">{t('page_campaigns')}</caption>
              <thead>
                <tr>
                  <th scope="col">{t('campaign')}</th>
                  <th scope="col">{t('by_category')}</th>
                  <th scope="col">{t('by_type')}</th>
                  <th scope="col" class="figure">
                    {t('members')}
                  </th>
                  <th scope="col" class="figure">
                    {t('metric_reports')}
                  </th>
                  <th scope="col" class="figure">
                    {t('organisations_short')}
                  </th>
                  <th scope="col" class="figure">
                    {t('with_loss')}
                  </th>
                  <th scope="col">{t('last_word')}</th>
                </tr>
              </thead>
              <tbody>
                {list.rows.map((one) => (
                  <Row key={one.id} one={one} />
                ))}
              </tbody>
            </table>
          </div>
          <ListEnd list={list} of="campaigns" />
        </>
      )}
    </div>
  )
}

/** named is how many categories of a campaign a list names. */
const named = 3

function Row({ one }: { one: Summary }) {
  const more = one.categories.length - named
  const losses = Object.entries(one.losses).filter(([band]) => band !== 'none')
  return (
    <tr>
      <th scope="row">
        <a href={linkTo('campaigns', { id: one.id })}>
          <code>{one.id}</code>
        </a>
      </th>
      <td>
        {one.categories.slice(0, named).map(categoryTitle).join(' · ')}
        {more > 0 && <span class="hint"> {t('others', { n: more })}</span>}
      </td>
      <td class="signs">
        {one.types.map((type) => (
          <span key={type} title={known(`type_${type}`)}>
            <Sign type={type} />
            <span class="unseen">{known(`type_${type}`)} </span>
          </span>
        ))}
      </td>
      <td class="figure">{number(one.members)}</td>
      <td class="figure">{number(one.reports)}</td>
      <td class="figure">
        {one.partners ? number(one.partners) : <span title={t('too_few_told')}>{t('too_few')}</span>}
      </td>
      <td class="figure">{losses.length > 0 ? number(losses.reduce((all, [, n]) => all + (n ?? 0), 0)) : '–'}</td>
      <td class="nowrap">{moment(new Date(one.last_reported))}</td>
    </tr>
  )
}
