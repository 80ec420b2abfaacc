// What both boards have around what they tell: the days asked about, what went wrong, and the evidence of a month.
import type { ComponentChildren } from 'preact'
import { holds } from '../hub/session'
import { useAnswer } from '../parts/answer'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { day, moment, t, type Word } from '../words'
import { Evidence } from './board.evidence'
import { BoardTime, bounds, days } from './board.time'

export type Asked = ReturnType<typeof bounds>

type Props<T> = {
  page: string
  title: Word
  ask: (asked: Asked) => Promise<T>
  /** What the board is without rows. */
  empty: (board: T) => Word | undefined
  children: (board: T) => ComponentChildren
}

export function BoardPage<T>({ page, title, ask, empty, children }: Props<T>) {
  const asked = bounds(days())
  const list = useAnswer(JSON.stringify(asked), () => ask(asked))
  const board = list.answer
  const nothing = board && empty(board)
  return (
    <div class={page}>
      <h1>{t(title)}</h1>
      <div class="controls">
        <BoardTime page={page} />
        <button type="button" class="quiet" onClick={list.again}>
          <Icon name="refresh" size={16} /> {t('refresh')}
        </button>
      </div>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      {!board && !list.problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {board && (
        <div class="stack" aria-busy={list.asking}>
          {nothing ? <p class="empty">{t(nothing)}</p> : children(board)}
        </div>
      )}
      {holds('oversee') && <Evidence page={page} />}
    </div>
  )
}

type Spanned = { board: { from: string; to: string; as_of: string } }

export const Heading = ({ board }: Spanned) => (
  <>{t('board_between', { from: day(new Date(board.from)), to: day(new Date(new Date(board.to).getTime() - 1)) })}</>
)

export const AsOf = ({ board }: Spanned) => (
  <p class="aside">{t('board_as_of', { time: moment(new Date(board.as_of)) })}</p>
)
