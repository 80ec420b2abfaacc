// The pages, in the order of the menu. A page says what its key must be allowed; what is not is not shown.
import type { ComponentType } from 'preact'
import { may, type Scope } from '../hub/session'
import type { Word } from '../words'
import type { IconName } from '../parts/icon'
import { LookupPage } from './lookup'

export type Page = { name: string; title: Word; group: Word; icon: IconName; needs: Scope; view: ComponentType }

const pages: Page[] = [
  { name: 'lookup', title: 'page_lookup', group: 'group_ask', icon: 'search', needs: 'lookup', view: LookupPage },
]

export const allowedPages = (): Page[] => pages.filter(({ needs }) => may(needs))
