// The frame: who is signed in decides which pages there are, and the address which of them is seen.
import { useEffect, useRef } from 'preact/hooks'
import { me, signOut } from './hub/session'
import { allowedPages, pages as allPages, type Page } from './pages'
import { SignInPage } from './pages/signin'
import { Icon, Mark } from './parts/icon'
import { Preferences } from './parts/preferences'
import { goTo, linkTo, page } from './route'
import { known, t } from './words'

export function App() {
  if (me.value === undefined)
    return (
      <p class="waiting" role="status">
        {t('loading')}
      </p>
    )
  if (me.value === null) return <SignedOut />
  return <Console />
}

function SignedOut() {
  useEffect(() => void (document.title = `${t('signin_title')} · Waspada`))
  return <SignInPage />
}

function Console() {
  const pages = allowedPages()
  const refused = allPages.find((one) => one.name === page.value && !pages.includes(one))
  const current = refused ?? pages.find(({ name }) => name === page.value) ?? pages[0]
  const main = useRef<HTMLElement>(null)
  const seen = useRef(current?.name)

  useEffect(() => {
    document.title = `${current ? t(current.title) : t('hub')} · Waspada`
    if (seen.current === current?.name) return
    seen.current = current?.name
    main.current?.focus() // who reads by ear hears that the page is another one
    scrollTo(0, 0)
  })
  useEffect(() => {
    const shortcut = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k') return
      if (!pages.some(({ name }) => name === 'lookup')) return
      event.preventDefault()
      goTo('lookup')
      setTimeout(() => document.getElementById('value')?.focus())
    }
    addEventListener('keydown', shortcut)
    return () => removeEventListener('keydown', shortcut)
  })

  return (
    <div class="console">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        {t('skip')}
      </a>
      <header class="rail">
        <p class="brand">
          <Mark /> <span>Waspada</span>
        </p>
        <Menu pages={pages} current={current} />
        <Account />
      </header>
      <main id="main" ref={main} tabIndex={-1} aria-label={current && t(current.title)}>
        {refused && <Refused page={refused} first={pages[0]} />}
        {!refused && (current ? <current.view /> : <p class="empty">{t('nothing_allowed')}</p>)}
      </main>
    </div>
  )
}

/** Refused is seen by who follows an address to a page that their key may not see. */
const Refused = ({ page, first }: { page: Page; first: Page | undefined }) => (
  <div class="refused">
    <h1>{t(page.title)}</h1>
    <div class="notice" role="alert">
      <p>{t('refused_page', { right: known(`right_${page.needs}`) })}</p>
      {first && (
        <p>
          <a href={linkTo(first.name)}>{t('refused_go', { page: t(first.title) })}</a>
        </p>
      )}
    </div>
  </div>
)

function Menu({ pages, current }: { pages: Page[]; current: Page | undefined }) {
  const groups = [...new Set(pages.map(({ group }) => group))]
  return (
    <nav aria-label={t('menu')}>
      {groups.map((group) => (
        <div class="menu-group" key={group}>
          <p id={group}>{t(group)}</p>
          <ul aria-labelledby={group}>
            {pages
              .filter((one) => one.group === group)
              .map((one) => (
                <li key={one.name}>
                  <a href={linkTo(one.name)} aria-current={one === current ? 'page' : undefined}>
                    <Icon name={one.icon} size={18} /> <span>{t(one.title)}</span>
                  </a>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </nav>
  )
}

function Account() {
  const who = me.value
  if (!who) return null
  return (
    <section class="account" aria-label={t('settings')}>
      <p class="who">
        <span class="unseen">{t('signed_in_as')} </span>
        <strong>{who.partner}</strong>
        <span>
          {known(`kind_${who.kind}`)} · {who.scopes.map((scope) => known(`scope_${scope}`)).join(', ')}
        </span>
        <span>{t('node', { node: who.node, epoch: who.epoch })}</span>
      </p>
      <Preferences />
      <button type="button" class="rail-button" onClick={() => signOut()}>
        <Icon name="leave" size={16} /> {t('sign_out')}
      </button>
    </section>
  )
}
