// Where one is stands behind the # of the address, which browsers send to nobody: #/trends?by=category&last=30d
import { computed, signal } from '@preact/signals'

const read = () => location.hash.replace(/^#\/?/, '')
const hash = signal(read())
addEventListener('hashchange', () => (hash.value = read()))

/** page is the name of the page, '' for none; query what its address says further. */
export const page = computed(() => hash.value.split('?')[0] ?? '')
export const query = computed(() => new URLSearchParams(hash.value.split('?')[1] ?? ''))

export const linkTo = (name: string, values: Record<string, string> = {}): string => {
  const search = new URLSearchParams(values).toString()
  return `#/${name}${search ? `?${search}` : ''}`
}

/** goTo goes to another page; with replace the browser's way back leads past this one. */
export function goTo(name: string, values: Record<string, string> = {}, replace = false): void {
  const target = linkTo(name, values)
  if (replace) history.replaceState(null, '', target)
  else history.pushState(null, '', target)
  hash.value = read()
}
