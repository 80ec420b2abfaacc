// Walks through what analysts work with, and holds each page's numbers to a count over the ledger.
import { accessible, browser, claim, everywhere, input, must, newPage, quiet, shoot, signIn } from './browser.mjs'

/** ledger asks ClickHouse itself, past all of the hub's code. */
const ledger = async (sql) => {
  const answer = await fetch(input.ledger, { method: 'POST', body: sql })
  must(answer.ok, `${sql}: ${answer.status}`)
  return (await answer.text()).trim()
}
const moment = (at) => `toDateTime(${Math.floor(new Date(at).getTime() / 1000)}, 'UTC')`
const within = (from, to) => `hour >= ${moment(from)} AND hour < ${moment(to)}`
const numbers = (text) => Number(text.replaceAll(/[^\d.]/g, ''))

/** answer waits for what the hub answers to the next question whose address has all of some parts. */
const answer = async (page, parts, going) => {
  const asked = page.waitForResponse(
    (response) => response.ok() && parts.every((part) => response.url().includes(part)),
  )
  await going()
  return (await asked).json()
}
const go = (page, hash) => page.goto(`${input.hub}/console#/${hash}`)
const sum = (page) => page.locator('.trends-sheet h2 b')

/** shows waits until an element shows a number; it may show an earlier one before. */
async function shows(locator, number, what) {
  let text = ''
  for (let tries = 0; tries < 100; tries++) {
    text = await locator.textContent()
    if (numbers(text) === number) return
    await new Promise((wake) => setTimeout(wake, 100))
  }
  throw new Error(`${what}: “${text}” is shown, ${number} is counted`)
}

const analyst = await newPage()
await claim('an analyst signs in', () => signIn(analyst, 'analyst'))

await claim('reports by state are those of the ledger', async () => {
  const { from, to } = await answer(analyst, ['/v1/trends/series', 'bucket=day'], () =>
    go(analyst, 'trends?metric=reports&by=region&bucket=day&last=7d'),
  )
  const counted = await ledger(`SELECT uniqExact(event_id) FROM events WHERE kind = 'report' AND ${within(from, to)}`)
  must(Number(counted) > 250, `only ${counted} reports are there`)
  await shows(sum(analyst), Number(counted), 'reports')
  const selangor = await ledger(
    `SELECT uniqExact(event_id) FROM events WHERE kind = 'report' AND region = 10 AND ${within(from, to)}`,
  )
  await shows(analyst.locator('.legend tr', { hasText: 'Selangor' }).locator('td').last(), Number(selangor), 'Selangor')
})
await everywhere(analyst, 'trends-region')

await claim('a filter stands in the address, and narrows what is counted', async () => {
  await analyst.getByLabel('Add a filter').selectOption('region')
  const { from, to } = await answer(analyst, ['region=MY-10', 'bucket=day'], () =>
    analyst.getByLabel('Value of the filter').selectOption('MY-10'),
  )
  must(/by=region.*region=MY-10/.test(analyst.url()), analyst.url())
  const counted = await ledger(
    `SELECT uniqExact(event_id) FROM events WHERE kind = 'report' AND region = 10 AND ${within(from, to)}`,
  )
  await shows(sum(analyst), Number(counted), 'reports of Selangor')
  await analyst.locator('.filter', { hasText: 'Selangor' }).click()
  await analyst.waitForFunction(() => !location.hash.includes('region=MY'))
})

await claim('what was lost at least is the sum of the lower bounds of its bands', async () => {
  const { from, to } = await answer(analyst, ['metric=losses', 'bucket=day'], () =>
    go(analyst, 'trends?metric=losses&by=loss_band&bucket=day&last=7d'),
  )
  const lost = await ledger(`SELECT sum(transform(toString(loss_band), ['1k_10k', '10k_100k', '100k_1m', 'over_1m'],
    [1000, 10000, 100000, 1000000], 0)) FROM (SELECT event_id, any(loss_band) AS loss_band FROM events
    WHERE kind = 'report' AND ${within(from, to)} GROUP BY event_id)`)
  await shows(sum(analyst), Number(lost), 'losses')
})

await claim('different indicators are not added up, and the most of a day is that of the ledger', async () => {
  const { from, to } = await answer(analyst, ['metric=indicators', 'bucket=day'], () =>
    go(analyst, 'trends?metric=indicators&by=platform&bucket=day&last=7d'),
  )
  const most = await ledger(`SELECT max(n) FROM (SELECT uniqExact(digest) AS n FROM events WHERE platform = 202 AND
    ${within(from, to)} GROUP BY toStartOfDay(hour, 'Asia/Kuala_Lumpur'))`)
  const row = analyst.locator('.legend tr', { hasText: 'Telegram' })
  await shows(row.locator('td').last(), Number(most), 'indicators met on Telegram')
  must((await sum(analyst).count()) === 0, 'a sum of different indicators is shown')
  must((await analyst.locator('.heat').count()) === 0, 'hours of different indicators are summed up')
  await accessible(analyst)
})

await claim('the table for other programs says what the page says', async () => {
  const { from, to } = await answer(analyst, ['metric=events', 'bucket=day'], () =>
    go(analyst, 'trends?metric=events&by=platform&bucket=day&last=7d'),
  )
  const save = async (name) => {
    const saved = analyst.waitForEvent('download')
    await analyst.getByRole('button', { name }).click()
    return Buffer.concat(await (await (await saved).createReadStream()).toArray())
  }
  const rows = (await save('Save as CSV')).toString().trim().split(/\r?\n/).slice(1)
  const counted = await ledger(`SELECT uniqExact(event_id) FROM events WHERE ${within(from, to)}`)
  const saved = rows.reduce((all, row) => all + Number(row.split(',')[2]), 0)
  must(saved === Number(counted), `${saved} in the file, ${counted} in the ledger`)
  const parquet = await save('Save as Parquet')
  must(parquet.subarray(0, 4).toString() === 'PAR1', 'this is no Parquet file')
})

await claim('what rises is told with the numbers of the ledger, and leads to the trends', async () => {
  const { as_of, alarms } = await answer(analyst, ['/v1/trends/emerging'], () =>
    go(analyst, 'emerging?by=category&across=region'),
  )
  const alarm = analyst.locator('.alarm', { hasText: 'Selangor' }).first()
  await alarm.waitFor()
  const { keys, window_hours: hours } = alarms.find((one) => one.keys[1] === 'MY-10')
  must(keys[0] === 'crypto_investment', keys.join())
  const since = new Date(new Date(as_of).getTime() - hours * 3_600_000)
  const where = `kind = 'report' AND category = 302 AND region = 10`
  const counted = await ledger(`SELECT uniqExact(event_id) FROM events WHERE ${where} AND ${within(since, as_of)}`)
  await shows(alarm.locator('dd').first(), Number(counted), 'reports of the alarm')
  must((await alarm.locator('footer').textContent()).includes(`${counted} reports`), 'the reason does not say so')
  must((await analyst.locator('.alarm').count()) === alarms.length, 'not all alarms are shown')
  await alarm.locator('svg.spark').waitFor()
  await everywhere(analyst, 'emerging')
  await alarm.getByRole('link').click()
  await analyst.waitForFunction(() => /category=crypto_investment&region=MY-10/.test(location.hash))
  const week = new Date(new Date(as_of).getTime() - 168 * 3_600_000)
  const all = await ledger(`SELECT uniqExact(event_id) FROM events WHERE ${where} AND ${within(week, as_of)}`)
  await shows(sum(analyst), Number(all), 'what the alarm leads to')
})

await claim('what moved is a difference of two counts over the ledger', async () => {
  const day = 86_400_000
  const ahead = 8 * 3_600_000
  const today = Math.floor((Date.now() + ahead) / day) * day - ahead
  const [from, to] = [today - day, today + day].map((at) => new Date(at).toISOString())
  const told = await answer(analyst, ['/v1/trends/top'], () =>
    go(analyst, `movers?metric=reports&by=region&from=${from}&to=${to}`),
  )
  await analyst.locator('.movers-list tbody tr').first().waitFor()
  const where = (from, to) => `kind = 'report' AND region = 10 AND ${within(from, to)}`
  const now = Number(await ledger(`SELECT uniqExact(event_id) FROM events WHERE ${where(told.from, told.to)}`))
  const before = Number(
    await ledger(`SELECT uniqExact(event_id) FROM events WHERE ${where(told.baseline_from, told.baseline_to)}`),
  )
  const cells = analyst.locator('.movers-list tr', { hasText: 'Selangor' }).locator('td')
  await shows(cells.nth(1), now, 'reports of Selangor now')
  await shows(cells.nth(2), before, 'reports of Selangor before')
  await shows(cells.nth(3), Math.abs(now - before), 'their change')
  const rows = await analyst.locator('.movers-list tbody tr').count()
  must(rows === told.movers.length, `${rows} rows of ${told.movers.length}`)
})
await claim('movers lead to the trends of what moved', async () => {
  await analyst.locator('.movers-list tr', { hasText: 'Selangor' }).getByRole('link').click()
  await analyst.waitForFunction(() => /#\/trends\?metric=reports.*region=MY-10/.test(location.hash))
  await analyst.goBack()
  await go(analyst, 'movers')
  await analyst.locator('.movers-list svg.spark').first().waitFor()
})
await everywhere(analyst, 'movers')

await claim('campaigns are listed with how many indicators they have', async () => {
  await go(analyst, 'campaigns?order=size')
  await analyst.locator('table.list tbody tr').nth(1).waitFor()
  for (const { id, members } of input.campaigns) {
    const row = analyst.locator('table.list tbody tr', { hasText: id })
    const counted = await ledger(
      `SELECT count() FROM (SELECT digest FROM campaign_members GROUP BY digest
        HAVING argMax(campaign, version) = '${id}')`,
    )
    must(Number(counted) === members, `${id} has ${counted} members in the ledger, ${members} were joined`)
    await shows(row.locator('td').nth(2), members, `members of ${id}`)
  }
})
await everywhere(analyst, 'campaigns')

const [large, mixed] = input.campaigns
await claim('a campaign is a graph of its indicators and what joins them', async () => {
  const whole = await answer(analyst, [`/v1/campaigns/${mixed.id}`], () =>
    analyst.getByRole('link', { name: mixed.id }).click(),
  )
  await analyst.locator('.graph .body').first().waitFor()
  const bodies = await analyst.locator('.graph .body').count()
  must(whole.nodes.length === mixed.members, `${whole.nodes.length} nodes of ${mixed.members}`)
  must(bodies === whole.nodes.length + whole.edges.length, `${bodies} bodies are drawn`)
  for (const kind of ['case', 'bundle', 'host']) {
    must(whole.edges.some((edge) => edge.kind === kind), `nothing is joined by a ${kind}`)
    await analyst.locator(`.graph-legend .join.${kind}`).waitFor({ state: 'attached' })
  }
  const drawn = await analyst.locator('.graph .join').evaluateAll((all) => all.map((one) => one.outerHTML).join())
  await analyst.reload()
  await analyst.locator('#key').fill(input.keys.analyst)
  await analyst.locator('form button[type=submit]').click()
  await analyst.locator('.graph .body').first().waitFor()
  const again = await analyst.locator('.graph .join').evaluateAll((all) => all.map((one) => one.outerHTML).join())
  must(drawn === again, 'the same graph is another picture')
})

await claim('the keyboard goes to every indicator, and each tells what joins it', async () => {
  await analyst.locator('.graph .body[tabindex="0"]').focus()
  await analyst.keyboard.press('End')
  await analyst.keyboard.press('Home')
  const seen = new Set()
  const all = await analyst.locator('.graph .body').count()
  for (let i = 0; i < all; i++) {
    const label = await analyst.evaluate(() => document.activeElement.getAttribute('aria-label'))
    seen.add(
      await analyst.evaluate(() => [...document.querySelectorAll('.graph .body')].indexOf(document.activeElement)),
    )
    if (i === 0) {
      must(/joined by \d/.test(label), label)
      await analyst.locator('.details h3', { hasText: 'Joined by' }).waitFor()
    }
    await analyst.keyboard.press('ArrowRight')
  }
  must(seen.size === all, `${seen.size} of ${all} are reached`)
  const join = analyst.locator('.graph .mark-of.case').first()
  await join.focus()
  await analyst.locator('.details', { hasText: 'organisation' }).waitFor()
  must(/Same case, \d+ indicators, /.test(await join.getAttribute('aria-label')), 'the evidence is not told')
})
await everywhere(analyst, 'campaign')

await claim('the table has the same as the graph', async () => {
  await analyst.locator('input[value=table]').check({ force: true })
  must(analyst.url().includes('view=table'), analyst.url())
  await analyst.waitForFunction((n) => document.querySelectorAll('table.list tbody tr').length === n, mixed.members)
})
await everywhere(analyst, 'campaign-table')

await claim('more than 300 indicators stand in a table, all of them', async () => {
  await go(analyst, `campaigns?id=${large.id}`)
  await analyst.locator('.campaigns', { hasText: 'up to 300' }).waitFor()
  must((await analyst.locator('.graph').count()) === 0, 'it is drawn')
  await analyst.getByRole('button', { name: 'Show more' }).click()
  await analyst.waitForFunction((n) => document.querySelectorAll('table.list tbody tr').length === n, large.members)
})

await claim('a campaign that never was is said to be none', async () => {
  await go(analyst, 'campaigns?id=0000000000000000')
  await analyst.locator('.notice').waitFor()
})
await analyst.context().close()

const bank = await newPage()
await claim('who is no authority is told no small groups', async () => {
  await signIn(bank, 'bank-analyst')
  const { series } = await answer(bank, ['/v1/trends/series', 'bucket=day'], () =>
    go(bank, 'trends?metric=reports&by=institution&region=MY-01&bucket=day&last=7d'),
  )
  const points = series.flatMap(({ points }) => points)
  must(points.some(({ suppressed }) => suppressed), 'nothing is suppressed')
  const told = points.reduce((all, { value = 0 }) => all + value, 0)
  const words = await sum(bank).textContent()
  must(words === (told > 0 ? `≥ ${told}` : 'not told'), `“${words}” is shown of ${told} and what is not told`)
  await bank.locator('.hint', { hasText: 'multiples of five' }).waitFor()
  await bank.locator('.numbers summary').click()
  const few = await bank.locator('.numbers td', { hasText: '< 5' }).evaluateAll(
    (all) => all.filter((one) => one.nextElementSibling).length, // the last is of all lines
  )
  const hidden = points.filter(({ suppressed }) => suppressed).length
  must(few === hidden, `${few} of ${hidden} small groups are shown as such`)
})
await claim('a page of suppressed groups is accessible', () => accessible(bank))
await shoot(bank, 'trends-suppressed')
await claim('movers of small groups have no numbers', async () => {
  await go(bank, 'movers?metric=reports&by=institution&region=MY-01&last=1d')
  await bank.locator('.movers-list td', { hasText: 'too few to be told' }).first().waitFor()
  await shoot(bank, 'movers-suppressed')
})
await bank.context().close()

await claim('a screen of 320 pixels shows the analysts’ pages without scrolling sideways', async () => {
  const narrow = await newPage({ viewport: { width: 320, height: 720 } })
  await signIn(narrow, 'analyst')
  for (const [name, ready] of Object.entries({
    'trends?metric=reports&by=region&region=MY-10': '.trends-sheet',
    'emerging?by=category&across=region': '.alarm',
    movers: '.movers-list',
    campaigns: 'table.list',
    [`campaigns?id=${mixed.id}`]: '.graph',
  })) {
    await go(narrow, name)
    await narrow.locator(ready).first().waitFor()
    const width = await narrow.evaluate(() => document.documentElement.scrollWidth)
    await narrow.screenshot({
      path: `${input.screenshots}/narrow-${name.replace(/\W.*/, name.includes('id=') ? '-one' : '')}.png`,
      fullPage: true,
    })
    must(width <= 320, `${name} is ${width} pixels wide`)
  }
  await narrow.context().close()
})
await quiet()
await browser.close()
