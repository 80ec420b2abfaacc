// Follows what is said, as it is said: GET /v1/changes as a stream. EventSource cannot send a key,
// so the stream is read here.
import { answered, hub } from './client'
import { problemOf, type Problem } from './problem'
import type { components } from './schema'

export type Changes = components['schemas']['Changes']
export type Change = Changes['changes'][number]

export type Follower = {
  told: (page: Changes) => void
  /** A stream ended or could not be begun; it is begun again, from where it was, until the signal says otherwise. */
  cut: (problem: Problem | undefined) => void
}

/** follow begins with what the hub took since a time and goes on until the signal. */
export async function follow(since: Date, { told, cut }: Follower, signal: AbortSignal): Promise<void> {
  let cursor = ''
  let start = since
  for (let wait = 1000; !signal.aborted; wait = Math.min(2 * wait, 15_000)) {
    try {
      const query = cursor ? { cursor } : { since: start.toISOString() }
      const stream = await answered(
        hub.GET('/v1/changes', {
          params: { query },
          headers: { Accept: 'text/event-stream' },
          parseAs: 'stream',
          signal,
        }),
      )
      for await (const page of pagesOf(stream as unknown as ReadableStream<Uint8Array>)) {
        wait = 1000
        cursor = page.next
        told(page)
      }
      if (!signal.aborted) cut(undefined)
    } catch (thrown) {
      if (signal.aborted) return
      const problem = problemOf(thrown)
      cut(problem)
      if (problem.code === 'cursor_passed') [cursor, start] = ['', new Date()]
      if (problem.code === 'missing_scope' || problem.code === 'bad_parameter') return
    }
    await new Promise((wake) => setTimeout(wake, wait))
  }
}

/** pagesOf reads the data of a stream of events; lines that are not data only keep the connection. */
async function* pagesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Changes> {
  const reader = stream
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    .getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const events = (rest + value).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5))
        .join('\n')
      if (data) yield JSON.parse(data) as Changes
    }
  }
}
