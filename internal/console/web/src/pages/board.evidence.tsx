// The evidence of a month, for supervisors: a page to print, and its numbers. Taking it is an act of the audit.
import { useSignal } from '@preact/signals'
import { answered, hub } from '../hub/client'
import { problemOf, type Problem } from '../hub/problem'
import { Choice } from '../parts/choice'
import { dayOf } from '../parts/days'
import { download } from '../parts/download'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { Select } from '../parts/select'
import { query } from '../route'
import { language, month, t, type Language } from '../words'
import { change, startOf } from './board.time'

/** offered is how many months one may choose from. */
const offered = 24

/** monthsUntil are the names of the months up to now, the newest first: 2026-11, 2026-10, … */
function monthsUntil(now: Date): string[] {
  const [year, last] = dayOf(now).split('-').map(Number) as [number, number]
  return Array.from({ length: offered }, (_, ago) =>
    new Date(Date.UTC(year, last - 1 - ago, 1)).toISOString().slice(0, 7),
  )
}

export function Evidence({ page }: { page: string }) {
  const months = monthsUntil(new Date())
  const asked = months.find((one) => one === query.value.get('month')) ?? months[1]!
  const wished = useSignal<Language | undefined>(undefined)
  const lang = wished.value ?? language.value
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const saved = useSignal('')
  const take = async (format: 'html' | 'csv') => {
    busy.value = true
    problem.value = null
    saved.value = ''
    try {
      const text = await answered(
        hub.GET('/v1/reports/evidence', {
          params: { query: { month: asked, lang, format } },
          parseAs: 'text',
        }),
      )
      const name = `waspada-evidence-${asked}${format === 'html' ? `-${lang}` : ''}.${format}`
      download(name, `text/${format};charset=utf-8`, text as string)
      saved.value = name
    } catch (thrown) {
      problem.value = problemOf(thrown)
    }
    busy.value = false
  }
  return (
    <section class="sheet evidence" aria-labelledby="evidence">
      <header>
        <h2 id="evidence">{t('pack_title')}</h2>
      </header>
      <p class="hint">{t('pack_hint')}</p>
      <div class="controls">
        <Select
          label={t('month')}
          value={asked}
          options={months.map((value) => ({ value, label: month(startOf(`${value}-01`)) }))}
          choose={(value) => change(page, { month: value })}
        />
        <Choice<Language>
          label={t('pack_language')}
          value={lang}
          choose={(value) => (wished.value = value)}
          options={[
            { value: 'en', label: <span lang="en">English</span> },
            { value: 'ms', label: <span lang="ms">Bahasa Melayu</span> },
          ]}
        />
        <div class="pair-of-buttons">
          <button type="button" class="plain" disabled={busy.value} onClick={() => void take('html')}>
            <Icon name="download" size={16} /> {t('pack_html')}
          </button>
          <button type="button" class="plain" disabled={busy.value} onClick={() => void take('csv')}>
            <Icon name="download" size={16} /> {t('pack_csv')}
          </button>
        </div>
      </div>
      {problem.value && <Notice problem={problem.value} />}
      <p class="hint" role="status">
        {saved.value && t('pack_saved', { name: saved.value })}
      </p>
    </section>
  )
}
