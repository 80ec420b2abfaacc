// Who takes part, for the hub's operators: who may speak, whose words are void, and what waits to be released.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { now } from '../clock'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { usePages } from '../parts/pages'
import { goTo, query } from '../route'
import { counted, known, moment, number, percent, t } from '../words'

type Partner = components['schemas']['Partner']

export function PartnersPage() {
  const list = usePages<Partner>('partners', async () => ({
    rows: (await answered(hub.GET('/v1/admin/partners'))).partners,
  }))
  const chosen = list.rows?.find(({ id }) => id === query.value.get('id'))
  return (
    <div class="partners">
      <h1>{t('partners_title')}</h1>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      {!list.rows && !list.problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {list.rows && (
        <>
          <Summary partners={list.rows} />
          <div class={chosen ? 'partners-columns' : ''}>
            <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('page_partners')}>
              <table class="list">
                <caption class="unseen">{t('page_partners')}</caption>
                <thead>
                  <tr>
                    <th scope="col">{t('partner')}</th>
                    <th scope="col">{t('kind')}</th>
                    <th scope="col">{t('state')}</th>
                    {!chosen && (
                      <th scope="col" class="figure">
                        {t('weight')}
                      </th>
                    )}
                    {!chosen && (
                      <th scope="col" class="figure">
                        {t('keys')}
                      </th>
                    )}
                    <th scope="col">{t('watch')}</th>
                  </tr>
                </thead>
                <tbody>
                  {list.rows.map((one) => (
                    <tr key={one.id} class={one === chosen ? 'chosen' : ''}>
                      <th scope="row">
                        <button
                          type="button"
                          class="row-button"
                          aria-pressed={one === chosen}
                          onClick={() => goTo('partners', one === chosen ? {} : { id: one.id })}
                        >
                          {one.id}
                        </button>
                        <span class="hint">{one.name}</span>
                      </th>
                      <td>{known(`kind_${one.kind}`)}</td>
                      <td>
                        <span class={`badge ${one.state}`}>{t(`state_${one.state}`)}</span>
                      </td>
                      {!chosen && <td class="figure">{percent(one.weight)}</td>}
                      {!chosen && <td class="figure">{number(one.api_keys.length)}</td>}
                      <td>
                        {concerns(one).map((words) => (
                          <p key={words}>{words}</p>
                        ))}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {chosen && <Details partner={chosen} />}
          </div>
        </>
      )}
    </div>
  )
}

const open = (partner: Partner) => (partner.voids ?? []).filter(({ until }) => !until || new Date(until) > now.value)
const pending = (partner: Partner) => (partner.releases ?? []).filter(({ in_force }) => !in_force)
const ending = (partner: Partner) =>
  partner.api_keys.filter(
    ({ expires }) => expires && new Date(expires).getTime() - now.value.getTime() < 14 * 86_400_000,
  )

/** concerns is what an operator should look at. */
const concerns = (partner: Partner): string[] => [
  ...(open(partner).length ? [counted('voids', open(partner).length)] : []),
  ...(pending(partner).length ? [counted('releases', pending(partner).length)] : []),
  ...(ending(partner).length ? [counted('ending', ending(partner).length)] : []),
]

function Summary({ partners }: { partners: Partner[] }) {
  const sum = (of: (partner: Partner) => number) => number(partners.reduce((all, one) => all + of(one), 0))
  return (
    <dl class="summary">
      <div>
        <dt>{t('state_active')}</dt>
        <dd>{sum(({ state }) => Number(state === 'active'))}</dd>
      </div>
      <div>
        <dt>{t('state_shadow')}</dt>
        <dd>{sum(({ state }) => Number(state === 'shadow'))}</dd>
      </div>
      <div>
        <dt>{t('state_suspended')}</dt>
        <dd>{sum(({ state }) => Number(state === 'suspended'))}</dd>
      </div>
      <div>
        <dt>{t('open_voids')}</dt>
        <dd>{sum((one) => open(one).length)}</dd>
      </div>
      <div>
        <dt>{t('pending_releases')}</dt>
        <dd>{sum((one) => pending(one).length)}</dd>
      </div>
    </dl>
  )
}

const at = (time: string | undefined) => (time ? moment(new Date(time)) : '')

function Details({ partner }: { partner: Partner }) {
  return (
    <section class="sheet details" aria-label={partner.id}>
      <header>
        <h2>{partner.id}</h2>
        <button type="button" class="quiet" onClick={() => goTo('partners')}>
          {t('close')}
        </button>
      </header>
      <dl>
        <dt>{t('organisation')}</dt>
        <dd>{partner.organisation}</dd>
        <dt>{t('number')}</dt>
        <dd>{partner.number}</dd>
        <dt>{t('weight')}</dt>
        <dd>{percent(partner.weight)}</dd>
        {partner.sharing_groups && partner.sharing_groups.length > 0 && (
          <>
            <dt>{t('groups')}</dt>
            <dd>{partner.sharing_groups.join(', ')}</dd>
          </>
        )}
        {partner.mtls_subject && (
          <>
            <dt>{t('certificate')}</dt>
            <dd>
              <code>{partner.mtls_subject}</code>
            </dd>
          </>
        )}
        {partner.changed_at && (
          <>
            <dt>{t('changed_at')}</dt>
            <dd>{at(partner.changed_at)}</dd>
          </>
        )}
      </dl>
      <h3>{t('api_keys')}</h3>
      <ul>
        {partner.api_keys.map(({ id, scopes, expires }) => (
          <li key={id}>
            <code>{id}</code> {scopes.map((scope) => known(`scope_${scope}`)).join(', ')}
            {expires && <span class="hint"> {t('expires', { time: at(expires) })}</span>}
          </li>
        ))}
        {partner.api_keys.length === 0 && <li class="hint">{t('none')}</li>}
      </ul>
      <h3>{t('signing_keys')}</h3>
      <ul>
        {partner.signing_keys.map(({ id, not_after, reason }) => (
          <li key={id}>
            <code>{id}</code>
            {not_after && (
              <span class="hint">
                {' '}
                {t('until_time', { time: at(not_after) })}
                {reason && `: ${reason}`}
              </span>
            )}
          </li>
        ))}
        {partner.signing_keys.length === 0 && <li class="hint">{t('none')}</li>}
      </ul>
      {(partner.voids ?? []).length > 0 && (
        <>
          <h3>{t('voids')}</h3>
          <ul>
            {partner.voids!.map(({ id, since, until, key, reason }) => (
              <li key={id}>
                {t('since_until', { since: at(since), until: until ? at(until) : t('open_end') })}
                {key && (
                  <>
                    {' '}
                    <code>{key}</code>
                  </>
                )}
                <p class="hint">{reason}</p>
              </li>
            ))}
          </ul>
        </>
      )}
      {(partner.releases ?? []).length > 0 && (
        <>
          <h3>{t('releases')}</h3>
          <ul>
            {partner.releases!.map(({ id, since, until, reason, proposed_by, confirmed_by, in_force }) => (
              <li key={id}>
                <Icon name={in_force ? 'check' : 'dots'} size={14} />{' '}
                {t('since_until', { since: at(since), until: at(until) })}
                <p class="hint">
                  {reason} ·{' '}
                  {confirmed_by
                    ? t('two_keys', { one: proposed_by, other: confirmed_by })
                    : t('one_key', { one: proposed_by })}
                </p>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="hint">{t('partners_hint')}</p>
    </section>
  )
}
