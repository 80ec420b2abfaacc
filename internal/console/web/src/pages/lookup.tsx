import { clock, t } from '../words'
import { Answer } from './lookup.answer'
import { AskBox } from './lookup.box'
import { ask, asking, current, forgetAll, past, show } from './lookup.state'

export function LookupPage() {
  return (
    <div class="lookup">
      <h1>{t('lookup_title')}</h1>
      <AskBox ask={ask} busy={asking.value} button={t(asking.value ? 'looking_up' : 'look_up')} />
      <div class="lookup-columns">
        <div class="lookup-answer" aria-live="polite" aria-busy={asking.value}>
          {current.value ? <Answer asked={current.value} /> : <Waiting />}
        </div>
        <History />
      </div>
    </div>
  )
}

const Waiting = () => (
  <div class="empty">
    <p>
      <strong>{t('lookup_first')}</strong>
    </p>
    <p>{t('lookup_first_hint')}</p>
    <p>{t('lookup_private')}</p>
    <p class="aside">{t('shortcut')}</p>
  </div>
)

function History() {
  if (past.value.length === 0) return null
  return (
    <aside class="history" aria-labelledby="history">
      <header>
        <h2 id="history">{t('history')}</h2>
        <button type="button" class="quiet" onClick={forgetAll}>
          {t('history_clear')}
        </button>
      </header>
      <ol>
        {past.value.map((asked) => (
          <li key={asked.id}>
            <button type="button" aria-pressed={asked.id === current.value?.id} onClick={() => show(asked)}>
              <span class={`dot ${asked.verdict?.verdict ?? 'fault'}`} aria-hidden="true" />
              <span class="history-value">{asked.text}</span>
              <span class="history-verdict">
                {asked.verdict
                  ? t(`verdict_${asked.verdict.verdict}`)
                  : t('bad_value', { type: t(`type_${asked.type}`) })}
              </span>
              <time dateTime={asked.at.toISOString()}>{clock(asked.at)}</time>
            </button>
          </li>
        ))}
      </ol>
      <p class="hint">{t('history_hint')}</p>
    </aside>
  )
}
