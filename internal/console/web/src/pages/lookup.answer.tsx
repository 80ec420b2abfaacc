import { useSignal } from '@preact/signals'
import { now } from '../clock'
import { may } from '../hub/session'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { ago, clock, counted, moment, number, t } from '../words'
import { categoryTitle } from '../words/terms'
import { ReportDialog, WithdrawDialog } from './lookup.say'
import { askAgain, asking, said, type Asked } from './lookup.state'
import { askThen } from './then.state'

/** Answer tells in plain words what the hub knows. */
export function Answer({ asked }: { asked: Asked }) {
  if (asked.problem) return <Notice problem={asked.problem} again={() => void askAgain(asked)} />
  if (!asked.verdict) {
    return (
      <section class="answer fault">
        <Question asked={asked} />
        <h2>{t('bad_value', { type: t(`type_${asked.type}`) })}</h2>
        <p class="means">
          <span>{t('hub_says')}</span> <span lang="en">{asked.fault?.replace(/ \([a-z_/]+\)$/, '')}.</span>
        </p>
      </section>
    )
  }
  return <Told asked={asked} verdict={asked.verdict} />
}

const Question = ({ asked }: { asked: Asked }) => (
  <p class="answer-question">
    <span>{t(`type_${asked.type}`)}</span> <bdi>{asked.text}</bdi>
  </p>
)

function Told({ asked, verdict }: { asked: Asked; verdict: NonNullable<Asked['verdict']> }) {
  const word = verdict.verdict
  const listed = verdict.reporters > 0
  const dialog = useSignal<'report' | 'withdraw' | ''>('')
  const leave = () => (dialog.value = '')
  return (
    <>
      <section class={`answer ${word}`}>
        <Question asked={asked} />
        <h2>
          <Icon name={word} size={28} /> {t(`verdict_${word}`)}
        </h2>
        <p class="means">{t(`means_${word}`)}</p>
        <div class="do">
          <h3>{t('what_to_do')}</h3>
          <p>
            {word === 'confirmed' && <strong>{t(verdict.advice ? `do_${verdict.advice}` : 'stop')} </strong>}
            {word === 'suspected' && <strong>{t(verdict.advice ? `do_${verdict.advice}` : 'look_closer')} </strong>}
            {t(`do_${word}`)}
          </p>
        </div>
        <dl class="facts">
          {listed && (
            <Fact name={t('how_sure')}>
              <Strength score={verdict.score} /> {t(`sure_${levelOf(verdict.score)}`)},{' '}
              {t('strength', { n: verdict.score })}
              <br />
              {counted('organisations', verdict.reporters)}
            </Fact>
          )}
          {verdict.categories.length > 0 && (
            <Fact name={t('about')}>{verdict.categories.map(categoryTitle).join(' · ')}</Fact>
          )}
          {verdict.first_reported && (
            <Fact name={t('since')}>
              <When at={verdict.first_reported} />
            </Fact>
          )}
          {verdict.last_reported && (
            <Fact name={t('last_word')}>
              <When at={verdict.last_reported} />
            </Fact>
          )}
          {verdict.matched && <Fact name={t('matched')}>{t(`matched_${verdict.matched}`)}</Fact>}
          <Fact name={t('knowledge')}>
            {verdict.as_of ? <Age at={verdict.as_of} /> : t('as_of_never')}
            {verdict.answered_by && (
              <>
                <br />
                <span class="aside">{t(`by_${verdict.answered_by}`)}</span>
              </>
            )}
          </Fact>
        </dl>
        <footer>
          <button type="button" class="quiet" disabled={asking.value} onClick={() => void askAgain(asked)}>
            <Icon name="refresh" size={16} /> {t('ask_again')}
          </button>
          <button type="button" class="quiet" onClick={() => askThen(asked)}>
            <Icon name="clock" size={16} /> {t('ask_then')}
          </button>
          {may('report') && (
            <>
              <button type="button" class="plain" onClick={() => (dialog.value = 'report')}>
                <Icon name="flag" size={16} /> {t('report_it')}
              </button>
              <button type="button" class="plain" onClick={() => (dialog.value = 'withdraw')}>
                <Icon name="undo" size={16} /> {t('take_back')}
              </button>
            </>
          )}
          <span class="aside">{t('asked_at', { time: clock(asked.at) })}</span>
        </footer>
        {said.value?.asked.id === asked.id && <Steps />}
      </section>
      {dialog.value === 'report' && <ReportDialog asked={asked} leave={leave} />}
      {dialog.value === 'withdraw' && <WithdrawDialog asked={asked} leave={leave} />}
    </>
  )
}

const Fact = ({ name, children }: { name: string; children: preact.ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

export const levelOf = (score: number) => (score === 0 ? 0 : score < 40 ? 1 : score < 65 ? 2 : score < 85 ? 3 : 4)

/** Strength is ten small boxes; the words beside it say the same. */
export const Strength = ({ score }: { score: number }) => (
  <span class="strength" aria-hidden="true">
    {Array.from({ length: 10 }, (_, i) => (
      <i key={i} class={score > i * 10 ? 'full' : ''} />
    ))}
  </span>
)

const When = ({ at }: { at: string }) => {
  const date = new Date(at)
  return (
    <>
      <time dateTime={at}>{moment(date)}</time>
      <br />
      <span class="aside">{ago(date, now.value)}</span>
    </>
  )
}

/** Age is told anew each second, and by ear once: a live region would never be silent. */
const Age = ({ at }: { at: string }) => {
  const date = new Date(at)
  return (
    <span aria-live="off">
      <time dateTime={at}>{t('as_of', { time: clock(date) })}</time> · {ago(date, now.value)}
    </span>
  )
}

/** Steps shows what the reader said on its way through the hub. */
function Steps() {
  const { kind, seconds, stored } = said.value!
  const step = (done: boolean, words: string) => (
    <li class={done ? 'done' : 'open'}>
      <Icon name={done ? 'check' : 'dots'} size={16} /> {words}
    </li>
  )
  return (
    <div class="steps" role="status">
      <p>{t(kind === 'report' ? 'said_report' : 'said_withdraw')}</p>
      <ol>
        {step(true, t('step_accepted'))}
        {seconds === undefined && step(false, t('step_waiting'))}
        {seconds === null && step(false, t('step_unchanged'))}
        {typeof seconds === 'number' &&
          step(true, t('step_seen', { seconds: number(Number(seconds.toFixed(seconds < 1 ? 2 : 1))) }))}
        {stored && step(true, t('step_stored'))}
      </ol>
    </div>
  )
}
