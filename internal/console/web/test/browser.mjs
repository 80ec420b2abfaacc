// What the scripts share: a browser that may speak to the hub alone, and claims that are told to the Go test.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const input = JSON.parse(process.env.WASPADA_VISIT)
mkdirSync(input.screenshots, { recursive: true })

export const browser = await chromium.launch({
  executablePath: input.chromium,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})

const tell = (claim, wrong, began) =>
  process.stdout.write(JSON.stringify({ claim, wrong, took: Date.now() - began }) + '\n')

/** claim runs a check; what it throws is what is wrong. */
export async function claim(words, check) {
  const began = Date.now()
  try {
    await check()
    tell(words, '', began)
  } catch (thrown) {
    for (const page of browser.contexts().flatMap((context) => context.pages()))
      await shoot(page, 'failed').catch(() => {})
    tell(
      words,
      String(thrown.stack ?? thrown)
        .replace(/\u001b\[\d+m/g, '')
        .slice(0, 2000),
      began,
    )
  }
}

export const must = (is, otherwise) => {
  if (!is) throw new Error(otherwise)
}

const elsewhere = []
const complaints = []

/** newPage opens the console as somebody who has never been there. A slow machine gets its time. */
export async function newPage(options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 960 },
    locale: 'en-MY',
    reducedMotion: 'reduce',
    ...options,
  })
  context.setDefaultTimeout(30_000)
  await context.route('**/*', (route) => {
    const url = route.request().url()
    if (
      url.startsWith(`${input.hub}/`) ||
      (input.strict && url.startsWith(`${input.strict}/`)) ||
      url.startsWith('data:') ||
      url.startsWith('blob:')
    )
      return route.continue()
    elsewhere.push(url)
    return route.abort()
  })
  const page = await context.newPage()
  page.on('websocket', (socket) => elsewhere.push(socket.url()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // That the hub refused something is what some claims are about; everything else is a fault, a broken policy first.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text())
  })
  return page
}

/** quiet claims, at the end, what held all the time. */
export async function quiet() {
  await claim('no request goes anywhere but to the hub', () => must(elsewhere.length === 0, elsewhere.join('\n')))
  await claim('the page has no error and keeps to its policy', () =>
    must(complaints.length === 0, complaints.join('\n')),
  )
}

/** signIn goes through the form. */
export async function signIn(page, role, hash = '', hub = input.hub) {
  await page.goto(`${hub}/console${hash}`)
  await page.locator('#key').fill(input.keys[role])
  await page.locator('form button[type=submit]').click()
  await page.locator('.console').waitFor()
}

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

/** accessible holds what is seen to WCAG 2.2 AA. */
export async function accessible(page) {
  await page.evaluate(`${axe}; undefined`)
  // Colours are judged as they come to be, not on their way there.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((one) => one.effect?.getTiming().iterations !== Infinity)
        .map((one) => one.finished.catch(() => {})),
    ),
  )
  const violations = await page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] })
    return violations.map(
      ({ id, impact, help, nodes }) =>
        `${impact} ${id}: ${help}\n${nodes
          .slice(0, 4)
          .map((n) => `  ${n.html.slice(0, 160)}\n  ${n.failureSummary}`)
          .join('\n')}`,
    )
  })
  must(violations.length === 0, violations.join('\n'))
}

export const shoot = (page, name) => page.screenshot({ path: join(input.screenshots, `${name}.png`) })

const themes = ['light', 'dark']
const languages = ['en', 'ms']

/** everywhere holds a page to its claims in both languages and themes. */
export async function everywhere(page, name) {
  for (const language of languages) {
    await page.locator(`.preferences input[value=${language}]`).check({ force: true })
    for (const theme of themes) {
      await page.locator(`.preferences input[value=${theme}]`).check({ force: true })
      await claim(`${name} is accessible in ${language}, ${theme}`, () => accessible(page))
      if ((language === 'en') === (theme === 'light')) await shoot(page, `${name}-${language}-${theme}`)
    }
  }
  await page.locator('.preferences input[value=en]').check({ force: true })
  await page.locator('.preferences input[value=light]').check({ force: true })
}
