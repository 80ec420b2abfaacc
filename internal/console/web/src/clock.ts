import { signal } from '@preact/signals'

/** now moves once a second while the page is seen: ages are told by it. */
export const now = signal(new Date())

setInterval(() => {
  if (!document.hidden) now.value = new Date()
}, 1000)
