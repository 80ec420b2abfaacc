import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

const place = 'waspada.theme'
const kept = localStorage.getItem(place)

export const theme = signal<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system')

const system = matchMedia('(prefers-color-scheme: dark)')
const systemDark = signal(system.matches)
system.addEventListener('change', (event) => (systemDark.value = event.matches))

/** dark is what the reader sees: charts are drawn anew when it changes. */
export const dark = (): boolean => theme.value === 'dark' || (theme.value === 'system' && systemDark.value)

effect(() => {
  localStorage.setItem(place, theme.value)
  document.documentElement.dataset.theme = dark() ? 'dark' : 'light'
})
