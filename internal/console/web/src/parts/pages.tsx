import { useSignal, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { problemOf, type Problem } from '../hub/problem'
import { counted, t } from '../words'

export type Listed<T> = {
  rows: T[] | undefined
  problem: Problem | null
  asking: boolean
  /** Where there is more: it adds the rows that follow. */
  more: (() => void) | undefined
  again: () => void
}

/** usePages reads a list page by page, anew when the question is another one; what comes for an earlier one is dropped. */
export function usePages<T>(
  asked: string,
  ask: (cursor: string | undefined) => Promise<{ rows: T[]; next?: string }>,
): Listed<T> {
  const state: Signal<{ asked: string; rows?: T[]; next?: string; problem?: Problem; asking: boolean }> = useSignal({
    asked: '',
    asking: true,
  })
  const fetch = async (cursor?: string) => {
    const before = cursor ? state.peek().rows : undefined
    state.value = { ...state.peek(), asked, asking: true, problem: undefined }
    try {
      const { rows, next } = await ask(cursor)
      if (state.peek().asked === asked) state.value = { asked, rows: [...(before ?? []), ...rows], next, asking: false }
    } catch (thrown) {
      if (state.peek().asked === asked) state.value = { asked, rows: before, problem: problemOf(thrown), asking: false }
    }
  }
  useEffect(() => void fetch(), [asked])
  const { rows, next, problem, asking } = state.value
  return {
    rows,
    problem: problem ?? null,
    asking,
    more: next ? () => void fetch(next) : undefined,
    again: () => void fetch(),
  }
}

/** ListEnd says how many rows are there, and asks for more where there are. */
export const ListEnd = <T,>({ list, of }: { list: Listed<T>; of: Parameters<typeof counted>[0] }) => (
  <p class="list-end">
    <span class="aside" role="status">
      {list.rows && counted(of, list.rows.length)}
    </span>
    {list.more && (
      <button type="button" class="plain" disabled={list.asking} onClick={list.more}>
        {t('show_more')}
      </button>
    )}
  </p>
)
