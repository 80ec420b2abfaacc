import { useSignal } from '@preact/signals'
import { problemOf, type Problem } from '../hub/problem'
import { download } from '../parts/download'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { t } from '../words'

const media = { csv: 'text/csv', parquet: 'application/vnd.apache.parquet' } as const

/** Export saves what is seen as the hub tells it, in a table for other programs. The hub's audit keeps who took it. */
export function Export(props: { name: string; ask: (accept: string) => Promise<unknown> }) {
  const problem = useSignal<Problem | null>(null)
  const save = async (format: keyof typeof media) => {
    try {
      download(`${props.name}.${format}`, media[format], (await props.ask(media[format])) as Blob)
      problem.value = null
    } catch (thrown) {
      problem.value = problemOf(thrown)
    }
  }
  return (
    <>
      <div class="exports">
        <button type="button" class="plain" aria-label={t('export_csv')} onClick={() => void save('csv')}>
          <Icon name="download" size={16} /> CSV
        </button>
        <button type="button" class="plain" aria-label={t('export_parquet')} onClick={() => void save('parquet')}>
          <Icon name="download" size={16} /> Parquet
        </button>
      </div>
      {problem.value && <Notice problem={problem.value} />}
    </>
  )
}
