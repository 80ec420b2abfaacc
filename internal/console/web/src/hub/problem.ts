import type { components } from './schema'

type ProblemDocument = components['schemas']['Problem']

/** Problem is a refusal of the hub, or "unreachable" when there was no answer at all. */
export class Problem extends Error {
  constructor(
    readonly code: ProblemDocument['code'] | 'unreachable',
    readonly detail: string,
    readonly requestID = '',
    /** How many seconds to wait before the same request makes sense; 0 when it is not said. */
    readonly retryAfter = 0,
    readonly results: components['schemas']['EventResult'][] = [],
  ) {
    super(code)
  }

  static of(document: ProblemDocument | undefined, response: Response): Problem {
    if (!document?.code) return new Problem('internal', response.statusText)
    const wait = Number(response.headers.get('Retry-After') ?? 0)
    return new Problem(document.code, document.detail, document.request_id, wait || 0, document.results)
  }
}

/** problemOf is what went wrong, whatever was thrown. */
export const problemOf = (thrown: unknown): Problem =>
  thrown instanceof Problem ? thrown : new Problem('unreachable', String(thrown))
