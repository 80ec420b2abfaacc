// The API key is kept in this module and, if its owner wishes, in sessionStorage, which ends with the tab. It is never in
// a URL, a cookie or localStorage.
import { signal } from '@preact/signals'
import type { components } from './schema'

export type Me = components['schemas']['Me']
export type Scope = Me['scopes'][number]

const place = 'waspada.key'
let key = ''

/** me is who is signed in; undefined while that is being found out, null for nobody. */
export const me = signal<Me | null | undefined>(undefined)

/** endedBecause is the code of the refusal that ended the last session, '' for none. */
export const endedBecause = signal('')

export const may = (scope: Scope): boolean => me.value?.scopes.includes(scope) ?? false

/** authority says whether the reader's organisation is the police or a regulator. */
export const authority = (): boolean => me.value?.kind === 'police' || me.value?.kind === 'regulator'

/** Right is a scope, or what the hub makes of scopes and kinds: any key; analyse of an authority; that, or admin. */
export type Right = Scope | 'any' | 'oversee' | 'supervise'

/** holds says whether the reader has a right. The hub decides: this only spares the reader what it would refuse. */
export function holds(right: Right): boolean {
  switch (right) {
    case 'any':
      return !!me.value
    case 'oversee':
      return may('analyse') && authority()
    case 'supervise':
      return may('admin') || holds('oversee')
  }
  return may(right)
}

export const currentKey = (): string => key

/** remembered is the key of this tab's last page, '' for none. */
export const remembered = (): string => sessionStorage.getItem(place) ?? ''

export function useKey(candidate: string): void {
  key = candidate
}

export function begin(who: Me, keep: boolean): void {
  if (keep) sessionStorage.setItem(place, key)
  endedBecause.value = ''
  me.value = who
}

const atEnd: (() => void)[] = []

/** whenSignedOut has forget called when a session ends: nothing of it stays. */
export const whenSignedOut = (forget: () => void): unknown => atEnd.push(forget)

export function signOut(because = ''): void {
  key = ''
  sessionStorage.removeItem(place)
  for (const forget of atEnd) forget()
  endedBecause.value = because
  me.value = null
}
