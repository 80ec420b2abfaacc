// The pages, in the order of the menu. A page says what its key must be allowed; what is not is not shown.
import type { ComponentType } from 'preact'
import { may, type Scope } from '../hub/session'
import type { Word } from '../words'
import type { IconName } from '../parts/icon'
import { DisputesPage } from './disputes'
import { FeedPage } from './feed'
import { LookupPage } from './lookup'
import { PartnersPage } from './partners'
import { ReportsPage } from './reports'
import { TrendsPage } from './trends'

export type Page = { name: string; title: Word; group: Word; icon: IconName; needs: Scope; view: ComponentType }

const pages: Page[] = [
  { name: 'lookup', title: 'page_lookup', group: 'group_ask', icon: 'search', needs: 'lookup', view: LookupPage },
  { name: 'trends', title: 'page_trends', group: 'group_see', icon: 'trends', needs: 'analyse', view: TrendsPage },
  { name: 'feed', title: 'page_feed', group: 'group_see', icon: 'feed', needs: 'lookup', view: FeedPage },
  { name: 'reports', title: 'page_reports', group: 'group_say', icon: 'reports', needs: 'report', view: ReportsPage },
  {
    name: 'disputes',
    title: 'page_disputes',
    group: 'group_say',
    icon: 'disputed',
    needs: 'report',
    view: DisputesPage,
  },
  {
    name: 'partners',
    title: 'page_partners',
    group: 'group_run',
    icon: 'partners',
    needs: 'admin',
    view: PartnersPage,
  },
]

export const allowedPages = (): Page[] => pages.filter(({ needs }) => may(needs))
