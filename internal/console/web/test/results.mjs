// Walks through what supervisors and platforms see of results: the boards, the evidence of a month, the history of an
// indicator and the audit.
import { accessible, browser, claim, everywhere, input, must, newPage, quiet, shoot, signIn } from './browser.mjs'

const figure = async (place) => Number((await place.first().textContent()).replace(/[^\d]/g, ''))

/** open goes to a page and gives what the hub answered there. */
async function open(page, hash, path) {
  const asked = page.waitForResponse((response) => response.url().includes(path) && response.ok())
  await page.goto(`${input.hub}/console#/${hash}`)
  return (await asked).json()
}

/** ask asks the hub without the console. */
const ask = (role, path) => fetch(input.hub + path, { headers: { Authorization: `Bearer ${input.keys[role]}` } })

const same = (shown, wanted, what) =>
  must(
    JSON.stringify(shown) === JSON.stringify(wanted),
    `${what}: ${JSON.stringify(shown)}, not ${JSON.stringify(wanted)}`,
  )

/** cells are the figures of a row. */
const cells = async (row) =>
  (await row.locator('td.figure').allTextContents()).map((text) => text.trim().split(/\s/)[0].replaceAll(',', ''))

const saved = async (page, button) => {
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: button }).click()
  const parts = await (await (await download).createReadStream()).toArray()
  return Buffer.concat(parts).toString()
}

const regulator = await newPage()
await claim('a regulator signs in', () => signIn(regulator, 'regulator'))

await claim('the platforms’ board shows the hub’s numbers, and they are those of the ledger', async () => {
  const { platforms } = await open(regulator, 'platform-board', '/v1/scoreboards/platforms')
  const sum = (of) => platforms.reduce((all, row) => all + of(row), 0)
  await regulator.locator('table.board tbody tr').first().waitFor()
  const shown = {}
  for (const name of ['signals', 'acted', 'open', 'overdue']) {
    const text = await regulator.locator(`[data-sum=${name}]`).textContent()
    shown[name] = Number(text.trim().split(/\s/)[0].replaceAll(',', ''))
  }
  const told = { signals: sum((r) => r.signals), acted: sum((r) => r.acted), open: sum((r) => r.open) }
  same(shown, { ...told, overdue: sum((r) => r.overdue) }, 'the page and the hub')
  same([shown.signals, shown.acted], [input.signals, input.acted], 'the page and the ledger')
  for (const row of platforms) {
    const line = regulator.locator(`tr[data-row="${row.platform}"]`)
    const [signals, acted, , , withdrawn, still, overdue] = await cells(line)
    same(
      [signals, acted, withdrawn, still, overdue].map(Number),
      [row.signals, row.acted, row.withdrawn, row.open, row.overdue],
      row.platform,
    )
  }
})

await claim('the board is ordered by a column, by keyboard, and its address says so', async () => {
  await regulator.getByRole('button', { name: 'Sort by Overdue' }).focus()
  await regulator.keyboard.press('Enter')
  await regulator.locator('th[aria-sort=descending]', { hasText: 'Overdue' }).waitFor()
  must(regulator.url().includes('sort=-overdue'), regulator.url())
  const overdue = await regulator.locator('table.board tbody td:last-child').allTextContents()
  const numbers = overdue.map((text) => Number(text.replaceAll(',', '')))
  same(
    numbers,
    [...numbers].sort((a, b) => b - a),
    'the order',
  )
})
await everywhere(regulator, 'platform-board')

await claim('a platform’s row opens, and adds up', async () => {
  await regulator.locator('tr[data-row=facebook] .row-button').click()
  const details = regulator.locator('.details', { hasText: 'platform-wau' })
  await details.waitFor()
  must(regulator.url().includes('id=facebook'), regulator.url())
  const [actions] = [await details.locator('table.small').first().locator('td.figure').allTextContents()]
  const acted = (await cells(regulator.locator('tr[data-row=facebook]')))[1]
  same(
    actions.reduce((all, n) => all + Number(n), 0),
    Number(acted),
    'the actions of Facebook',
  )
  await accessible(regulator)
  await shoot(regulator, 'platform-board-one')
  await details.getByRole('button', { name: 'Close' }).click()
})

await claim('the evidence of a month is saved, as a page and as the board’s own numbers, and audited', async () => {
  await regulator.locator('.evidence select').selectOption({ index: 0 })
  const month = new URL(regulator.url()).hash.match(/month=(\d{4}-\d\d)/)[1]
  const page = await saved(regulator, 'Page to print')
  must(/<!doctype html>/i.test(page) && !/<script/i.test(page), page.slice(0, 200))
  const csv = await saved(regulator, 'Numbers (CSV)')
  must(csv.includes('\nseal,sha256,'), csv.slice(-300))
  const next = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString().slice(0, 7)
  const board = await (
    await ask('regulator', `/v1/scoreboards/platforms?from=${month}-01T00:00:00%2B08:00&to=${next}-01T00:00:00%2B08:00`)
  ).json()
  for (const { platform, signals } of board.platforms)
    must(
      csv.includes(`,${platform},signals,${signals}\n`),
      `${platform} has ${signals} signals, not as in ${csv.slice(0, 900)}`,
    )
  must(board.platforms.length > 0, 'no platform has signals in this month')
})

await claim('the partners’ board shows the hub’s numbers, and they are those of the ledger', async () => {
  const { partners } = await open(regulator, 'partner-board', '/v1/scoreboards/partners')
  await regulator.locator('table.board tbody tr').first().waitFor()
  const shown = await figure(regulator.locator('[data-sum=reports]'))
  same(
    shown,
    partners.reduce((all, { given }) => all + given.reports, 0),
    'reports, the page and the hub',
  )
  for (const { partner, given, taken } of partners) {
    const [reports, indicators, first, , shared, confirmed, withdrawn, cleared, lookups, hits, actions] = await cells(
      regulator.locator(`tr[data-row="${partner}"]`),
    )
    same(
      [reports, indicators, first, shared, confirmed, withdrawn, cleared, lookups, hits, actions].map(Number),
      [
        given.reports,
        given.indicators,
        given.first,
        given.shared,
        given.confirmed,
        given.later_withdrawn,
        given.later_cleared,
        taken.lookups,
        taken.hits,
        taken.actions,
      ],
      partner,
    )
  }
  const [kenari] = await cells(regulator.locator('tr[data-row="bank-kenari"]'))
  same(Number(kenari), input.reports, 'the reports of bank-kenari, the page and the ledger')
})
await everywhere(regulator, 'partner-board')

await claim('a partner’s row opens', async () => {
  await regulator.locator('tr[data-row="bank-kenari"] .row-button').click()
  await regulator.locator('.scorecard', { hasText: 'Followed by another' }).waitFor()
  await accessible(regulator)
  await shoot(regulator, 'partner-board-one')
})

const field = (at) => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 16)
const paid = field(new Date(Date.now() - 10 * 86_400_000))

await claim('an authority sees that it was listed when we paid, and who said what', async () => {
  await regulator.getByRole('link', { name: 'Point in time' }).click()
  await regulator.locator('#value').fill(input.phone)
  await regulator.locator('#at').fill(paid)
  const asked = regulator.waitForResponse((response) => response.url().endsWith('/v1/indicators') && response.ok())
  await regulator.keyboard.press('Enter')
  const { then, verdict, events } = await (await asked).json()
  await regulator.locator('.then-card', { hasText: 'Then:' }).locator('h2', { hasText: 'Yes' }).waitFor()
  await regulator.locator('.then-card', { hasText: 'Now' }).locator('h2', { hasText: 'Not listed' }).waitFor()
  same([then.verdict.reporters, verdict.verdict], [2, 'not_listed'], 'the hub')
  const rows = await regulator.locator('table.list tbody tr:not(.moment)').count()
  same([rows, rows], [events.length, input.sayings], 'the page, the hub and the ledger')
  await regulator.locator('table.list', { hasText: 'bank-kenari' }).waitFor()
  const order = await regulator.locator('table.list tbody tr').evaluateAll((all) => all.map((row) => row.className))
  same(order.indexOf('moment'), 2, 'where the time stands among what was said')
  must(regulator.url().includes(`at=${encodeURIComponent(paid)}`), regulator.url())
  must(!/016|7001234/.test(regulator.url()), 'what was typed stands in the address')
})
await everywhere(regulator, 'then')

await claim('the audit shows who did what, and as much as the ledger holds', async () => {
  await open(regulator, 'audit?kind=refusal&last=30d', '/v1/audit')
  await regulator.locator('table.list tbody tr').first().waitFor()
  same(await regulator.locator('table.list tbody tr').count(), input.refusals, 'refusals')
  await open(regulator, 'audit?kind=act&what=export_evidence', '/v1/audit')
  await regulator.locator('table.list tbody tr', { hasText: 'Evidence taken' }).first().waitFor()
  same(await regulator.locator('table.list tbody tr').count(), 2, 'what was taken')
})

await claim('the audit is cut to one partner and goes on page by page', async () => {
  await open(regulator, 'audit?kind=event&last=30d', '/v1/audit')
  await regulator.locator('#audit-partner').fill('bank-kenari')
  await regulator.keyboard.press('Enter')
  await regulator.waitForFunction(() => location.hash.includes('partner=bank-kenari'))
  await regulator.locator('.list-end [role=status]', { hasText: '100 records' }).waitFor()
  await regulator.getByRole('button', { name: 'Show more' }).click()
  await regulator.waitForFunction(() => document.querySelectorAll('table.list tbody tr').length > 100)
  while (await regulator.getByRole('button', { name: 'Show more' }).count()) {
    const before = await regulator.locator('table.list tbody tr').count()
    await regulator.getByRole('button', { name: 'Show more' }).click()
    await regulator.waitForFunction((n) => document.querySelectorAll('table.list tbody tr').length > n, before)
  }
  same(await regulator.locator('table.list tbody tr').count(), input.events, 'the events of bank-kenari')
})
await claim('the audit is saved as CSV', async () => {
  const csv = await saved(regulator, 'CSV')
  same(csv.trim().split('\n').length, 1 + input.events, 'lines')
})
await open(regulator, 'audit', '/v1/audit')
await regulator.locator('table.list tbody tr').first().waitFor()
await everywhere(regulator, 'audit')
await regulator.context().close()

const platform = await newPage()
await claim('a platform sees its own board and no other’s', async () => {
  await signIn(platform, 'platform', '#/platform-board')
  await platform.locator('tr[data-row=facebook]').waitFor()
  const rows = await platform.locator('table.board tbody tr').evaluateAll((all) => all.map((row) => row.dataset.row))
  same(rows.sort(), ['facebook', 'instagram'], 'its platforms')
  must((await platform.locator('.evidence').count()) === 0, 'it may take the evidence')
  await shoot(platform, 'platform-board-own')
})
await claim('a partner sees itself, in figures', async () => {
  const { partners } = await open(platform, 'partner-board', '/v1/scoreboards/partners')
  same(
    partners.map(({ partner }) => partner),
    ['platform-wau'],
    'whom the hub tells of',
  )
  await platform.locator('.scorecard').waitFor()
  const actions = platform.locator('.scorecard tr', { hasText: 'Actions' }).locator('td.figure')
  same(await figure(actions), partners[0].taken.actions, 'its actions')
  await accessible(platform)
  await shoot(platform, 'partner-board-own')
})
await claim('a partner sees what was said, and nobody’s name', async () => {
  await platform.goto(`${input.hub}/console#/lookup`)
  await platform.locator('#value').fill(input.phone)
  await platform.keyboard.press('Enter')
  await platform.locator('.answer').getByRole('button', { name: 'Was it listed then?' }).click()
  await platform.locator('table.list tbody tr', { hasText: 'Organisation 1' }).first().waitFor()
  must(!/bank-(kenari|penyu)/.test(await platform.locator('main').textContent()), 'the history names who reported')
  await platform.locator('#at').fill(paid)
  await platform.keyboard.press('Enter')
  await platform.locator('.then-card', { hasText: 'Then:' }).waitFor()
  await accessible(platform)
  await shoot(platform, 'then-partner')
})
await claim('who may not see the audit has no link to it, and is refused by the page and by the hub', async () => {
  must((await platform.getByRole('link', { name: 'Audit' }).count()) === 0, 'there is a link')
  await platform.goto(`${input.hub}/console#/audit`)
  await platform.locator('.refused', { hasText: 'may not see this page' }).waitFor()
  await accessible(platform)
  await shoot(platform, 'refused')
  const refused = await ask('platform', '/v1/audit')
  same([refused.status, (await refused.json()).code], [403, 'missing_scope'], 'the hub')
  same((await ask('platform', '/v1/reports/evidence?month=2026-10')).status, 403, 'the evidence')
})
await platform.context().close()

await claim('a screen of 320 pixels shows the results without scrolling sideways', async () => {
  const narrow = await newPage({ viewport: { width: 320, height: 720 } })
  await signIn(narrow, 'admin')
  for (const name of ['platform-board', 'partner-board', 'then', 'audit']) {
    await narrow.goto(`${input.hub}/console#/${name}`)
    await narrow.locator(`main .${name}`).waitFor()
    if (name === 'then') {
      await narrow.locator('#value').fill(input.phone)
      await narrow.locator('#at').fill(paid)
      await narrow.keyboard.press('Enter')
    }
    await narrow.locator('table.list').first().waitFor()
    const width = await narrow.evaluate(() => document.documentElement.scrollWidth)
    await narrow.screenshot({ path: `${input.screenshots}/narrow-${name}.png`, fullPage: true })
    must(width <= 320, `${name} is ${width} pixels wide`)
  }
  await narrow.context().close()
})
await quiet()
await browser.close()
