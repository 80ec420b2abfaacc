// One campaign: what it rests on, as a graph of up to 300 indicators, and always as a table.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { useAnswer } from '../parts/answer'
import { Choice } from '../parts/choice'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { ListEnd, usePages } from '../parts/pages'
import { goTo, linkTo, query } from '../route'
import { counted, day, known, moment, number, t } from '../words'
import { categoryTitle } from '../words/terms'
import { Digest } from './campaigns.digest'
import { joinsOf, placeOf, whoSays, type Node, type Whole } from './campaigns.evidence'
import { Graph, JoinSign } from './campaigns.graph'
import { Sign } from './campaigns.shape'
import { keysOf, titleOf } from './trends.measure'

type Summary = components['schemas']['CampaignSummary']
type View = 'graph' | 'table'

const ask = (id: string, cursor?: string) =>
  answered(hub.GET('/v1/campaigns/{id}', { params: { path: { id }, query: { cursor } } }))

export function OneCampaign({ id }: { id: string }) {
  const { answer, problem, again } = useAnswer<Whole>(id, () => ask(id))
  const whole = answer?.id === id ? answer : undefined
  return (
    <div class="campaigns">
      <p>
        <a class="with-icon" href={linkTo('campaigns')}>
          <Icon name="undo" size={16} /> <span>{t('campaigns_back')}</span>
        </a>
      </p>
      <h1>{t('campaign_title', { id })}</h1>
      {problem && <Notice problem={problem} again={again} />}
      {!whole && !problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {whole?.state === 'ended' && (
        <p class="empty">
          {t('campaign_ended')}{' '}
          {whole.into && (
            <a href={linkTo('campaigns', { id: whole.into })}>{t('campaign_into', { id: whole.into })}</a>
          )}
        </p>
      )}
      {whole?.campaign && <Active whole={whole} summary={whole.campaign} />}
    </div>
  )
}

function Active({ whole, summary }: { whole: Whole; summary: Summary }) {
  const large = whole.next !== undefined
  const view: View = large || query.value.get('view') === 'table' ? 'table' : 'graph'
  const show = (view: View) => goTo('campaigns', { id: whole.id, ...(view === 'table' && { view }) }, true)
  return (
    <>
      <Facts summary={summary} />
      {large ? (
        <p class="lead">{t('graph_too_large', { n: number(summary.members) })}</p>
      ) : (
        <Choice<View>
          label={t('view')}
          value={view}
          choose={show}
          options={[
            { value: 'graph', label: t('view_graph') },
            { value: 'table', label: t('view_table') },
          ]}
        />
      )}
      {view === 'graph' ? <Graph whole={whole} /> : <Table whole={whole} />}
    </>
  )
}

function Facts({ summary }: { summary: Summary }) {
  const losses = keysOf('loss_band')
    .map((band) => ({ band, n: summary.losses[band as keyof Summary['losses']] }))
    .filter(({ band, n }) => band !== 'none' && n)
    .map(({ band, n }) => `${titleOf('loss_band', band)}\u00a0×\u00a0${number(n!)}`)
  return (
    <>
      <p class="lead">{summary.categories.map(categoryTitle).join(' · ')}</p>
      <dl class="summary">
        <div>
          <dt>{t('members')}</dt>
          <dd>{number(summary.members)}</dd>
        </div>
        <div>
          <dt>{t('metric_reports')}</dt>
          <dd>{number(summary.reports)}</dd>
        </div>
        <div>
          <dt>{t('organisations_short')}</dt>
          <dd>{summary.partners ? number(summary.partners) : t('too_few')}</dd>
        </div>
        {summary.left_out > 0 && (
          <div title={t('left_out_hint')}>
            <dt>{t('left_out')}</dt>
            <dd>{number(summary.left_out)}</dd>
          </div>
        )}
        <div>
          <dt>{t('first_report')}</dt>
          <dd class="when">{moment(new Date(summary.first_reported))}</dd>
        </div>
        <div>
          <dt>{t('last_word')}</dt>
          <dd class="when">{moment(new Date(summary.last_reported))}</dd>
        </div>
      </dl>
      {losses.length > 0 && <p class="aside">{t('losses_told', { losses: losses.join(' · ') })}</p>}
    </>
  )
}

type Row = { node: Node; joins: ReturnType<typeof joinsOf> }

/** rowsOf are the nodes of a page of a campaign, each with what joins it. */
function rowsOf({ nodes = [], edges }: Whole): Row[] {
  const joins = joinsOf(nodes, edges)
  return nodes.map((node, i) => ({ node, joins: joins.filter((join) => join.nodes.includes(i)) }))
}

function Table({ whole }: { whole: Whole }) {
  const list = usePages<Row>(whole.id, async (cursor) => {
    const page = cursor ? await ask(whole.id, cursor) : whole
    return { rows: rowsOf(page), next: page.next }
  })
  return (
    <>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('campaign_members')}>
        <table class="list dense">
          <caption class="unseen">{t('campaign_members')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('place')}</th>
              <th scope="col">{t('by_type')}</th>
              <th scope="col">{t('verdict')}</th>
              <th scope="col">{t('joined_by')}</th>
              <th scope="col">{t('first_report')}</th>
              <th scope="col">{t('last_word')}</th>
              <th scope="col">{t('digest')}</th>
            </tr>
          </thead>
          <tbody>
            {list.rows?.map(({ node, joins }) => (
              <tr key={node.place}>
                <th scope="row">{placeOf(node)}</th>
                <td class="nowrap">
                  <Sign type={node.type} /> {known(`type_${node.type}`)}
                </td>
                <td>
                  <span class={`badge verdict ${node.verdict}`}>{t(`verdict_${node.verdict}`)}</span>
                </td>
                <td class="joined">
                  {joins.map((join, i) => (
                    <p key={i}>
                      <JoinSign kind={join.kind} /> {t(`joins_${join.kind}`)}{' '}
                      <span class="hint">
                        {counted('with_others', join.nodes.length + join.elsewhere - 1)}, {whoSays(join)}
                      </span>
                    </p>
                  ))}
                </td>
                <td class="nowrap" title={moment(new Date(node.first_reported))}>
                  {day(new Date(node.first_reported))}
                </td>
                <td class="nowrap" title={moment(new Date(node.last_reported))}>
                  {day(new Date(node.last_reported))}
                </td>
                <td>
                  <Digest node={node} whole={whole} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ListEnd list={list} of="nodes" />
    </>
  )
}
