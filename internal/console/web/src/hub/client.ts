// Every request of the console goes through here, and to the hub that served the page alone.
import createClient from 'openapi-fetch'
import type { components, paths } from './schema'
import { Problem } from './problem'
import { begin, currentKey, me, remembered, signOut, useKey } from './session'

export type Verdict = components['schemas']['Verdict']
export type IndicatorType = components['schemas']['Type']
export type SaidEvent = components['schemas']['Event']
export type EventResult = components['schemas']['EventResult']
export type EventFate = components['schemas']['EventFate']

/** patient repeats what a busy hub turned away, when the hub says; all that the console sends may be sent twice. */
async function patient(request: Request): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(request.clone())
    const wait = Number(response.headers.get('Retry-After') || Infinity)
    if (response.status !== 503 || tries === 4 || wait > 3) return response
    await new Promise((wake) => setTimeout(wake, wait * 1000))
  }
}

export const hub = createClient<paths>({
  baseUrl: location.origin,
  credentials: 'omit',
  cache: 'no-store',
  fetch: patient,
})

hub.use({
  onRequest({ request }) {
    request.headers.set('Authorization', `Bearer ${currentKey()}`)
    return request
  },
})

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** answered gives what the hub answered, or throws a Problem. A key that has ended ends the session. */
export async function answered<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await request
  } catch (thrown) {
    throw new Problem('unreachable', String(thrown))
  }
  if (answer.response.ok) return answer.data as T
  const problem = Problem.of(answer.error as components['schemas']['Problem'], answer.response)
  if (answer.response.status === 401 && me.value) signOut(problem.code)
  throw problem
}

/** signIn asks the hub whose key this is. keep stores it for the life of the tab. */
export async function signIn(key: string, keep: boolean): Promise<void> {
  useKey(key)
  try {
    begin(await answered(hub.GET('/v1/me')), keep)
  } catch (thrown) {
    useKey('')
    throw thrown
  }
}

/** resume signs in with the key that this tab remembers, if it does. */
export async function resume(): Promise<void> {
  const key = remembered()
  if (!key) {
    me.value = null
    return
  }
  await signIn(key, true).catch((thrown: Problem) => signOut(thrown.code))
}
