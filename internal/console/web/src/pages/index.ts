// The pages, in the order of the menu. A page says what its key must be allowed; what is not is not shown.
import type { ComponentType } from 'preact'
import { holds, type Right } from '../hub/session'
import type { Word } from '../words'
import type { IconName } from '../parts/icon'
import { AuditPage } from './audit'
import { PartnerBoardPage } from './board.partners'
import { PlatformBoardPage } from './board.platforms'
import { CampaignsPage } from './campaigns'
import { DisputesPage } from './disputes'
import { EmergingPage } from './emerging'
import { FeedPage } from './feed'
import { LookupPage } from './lookup'
import { MoversPage } from './movers'
import { PartnersPage } from './partners'
import { ReportsPage } from './reports'
import { ThenPage } from './then'
import { TrendsPage } from './trends'

export type Page = { name: string; title: Word; group: Word; icon: IconName; needs: Right; view: ComponentType }

export const pages: Page[] = [
  { name: 'lookup', title: 'page_lookup', group: 'group_ask', icon: 'search', needs: 'lookup', view: LookupPage },
  { name: 'then', title: 'page_then', group: 'group_ask', icon: 'clock', needs: 'lookup', view: ThenPage },
  { name: 'trends', title: 'page_trends', group: 'group_see', icon: 'trends', needs: 'analyse', view: TrendsPage },
  {
    name: 'emerging',
    title: 'page_emerging',
    group: 'group_see',
    icon: 'emerging',
    needs: 'analyse',
    view: EmergingPage,
  },
  { name: 'movers', title: 'page_movers', group: 'group_see', icon: 'movers', needs: 'analyse', view: MoversPage },
  {
    name: 'campaigns',
    title: 'page_campaigns',
    group: 'group_see',
    icon: 'campaigns',
    needs: 'analyse',
    view: CampaignsPage,
  },
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
    name: 'platform-board',
    title: 'page_platform_board',
    group: 'group_results',
    icon: 'board',
    needs: 'any',
    view: PlatformBoardPage,
  },
  {
    name: 'partner-board',
    title: 'page_partner_board',
    group: 'group_results',
    icon: 'exchange',
    needs: 'any',
    view: PartnerBoardPage,
  },
  { name: 'audit', title: 'page_audit', group: 'group_results', icon: 'audit', needs: 'supervise', view: AuditPage },
  {
    name: 'partners',
    title: 'page_partners',
    group: 'group_run',
    icon: 'partners',
    needs: 'admin',
    view: PartnersPage,
  },
]

export const allowedPages = (): Page[] => pages.filter(({ needs }) => holds(needs))
