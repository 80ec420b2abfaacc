import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { problemOf, type Problem } from '../hub/problem'

export type Answer<T> = {
  /** The last answer; while another question is asked, still that of the one before. */
  answer: T | undefined
  problem: Problem | null
  asking: boolean
  again: () => void
}

/** useAnswer asks when the question is another one; what comes for an earlier one is dropped. */
export function useAnswer<T>(asked: string, ask: () => Promise<T>): Answer<T> {
  const state = useSignal<Omit<Answer<T>, 'again'>>({ answer: undefined, problem: null, asking: true })
  const times = useSignal(0)
  useEffect(() => {
    let current = true
    state.value = { ...state.peek(), asking: true }
    ask().then(
      (answer) => current && (state.value = { answer, problem: null, asking: false }),
      (thrown) => current && (state.value = { ...state.peek(), problem: problemOf(thrown), asking: false }),
    )
    return () => void (current = false)
  }, [asked, times.value])
  return { ...state.value, again: () => times.value++ }
}
