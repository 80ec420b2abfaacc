// Walks through the console as its readers do, against a real hub.
import { accessible, browser, claim, everywhere, input, must, newPage, quiet, shoot, signIn } from './browser.mjs'

/** verdict waits for the answer about what was typed. */
const verdict = (page, typed, words) =>
  page.locator('.answer', { hasText: typed }).locator('h2', { hasText: words }).waitFor()

await claim('the hub’s own address leads to the console', async () => {
  const page = await newPage()
  await page.goto(input.hub)
  must(page.url() === `${input.hub}/console`, page.url())
  await page.context().close()
})

await claim('a key that is none is told so, and stays nowhere', async () => {
  const page = await newPage()
  await page.goto(`${input.hub}/console`)
  await page.locator('#key').fill('wsp_live_bank_nonsense')
  await page.keyboard.press('Enter')
  await page.locator('.notice').waitFor()
  const kept = await page.evaluate(
    () => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href,
  )
  must(!kept.includes('nonsense'), kept)
  await everywhere(page, 'signin')
  await page.context().close()
})

const bank = await newPage()
await claim('a bank signs in', () => signIn(bank, 'bank'))

await claim('a key is kept in memory alone unless its owner wishes', async () => {
  const kept = await bank.evaluate(
    () => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href,
  )
  must(!kept.includes('wsp_'), kept)
  await bank.reload()
  await bank.locator('#key').waitFor()
  await bank.locator('#key').fill(input.keys.bank)
  await bank.locator('.tick input').check()
  await bank.keyboard.press('Enter')
  await bank.locator('.console').waitFor()
  await bank.reload()
  await bank.locator('.console').waitFor()
})

const watcher = await newPage()
await claim('a platform signs in and watches', async () => {
  await signIn(watcher, 'platform', '#/feed')
  await watcher.locator('.feed-state.live').waitFor()
})

await claim('what is typed is recognised, looked up, reported and taken back, live', async () => {
  await bank.locator('#value').fill('012-345 6789')
  must(await bank.locator('input[value=phone]').isChecked(), 'it is not taken for a phone number')
  await bank.keyboard.press('Enter')
  await verdict(bank, '012-345 6789', 'Not listed')
  await shoot(bank, 'lookup-not-listed')

  await bank.getByRole('button', { name: 'Report it' }).click()
  await accessible(bank)
  await shoot(bank, 'lookup-dialog')
  await bank.getByRole('button', { name: 'Send report' }).click()
  await bank.locator('dialog .error').waitFor() // it needs a category
  await bank.locator('#category').selectOption('macau_scam')
  await bank.getByLabel('Confirmed loss').check()
  await bank.locator('#advice').selectOption('hold')
  await bank.getByRole('button', { name: 'Send report' }).click()
  await bank.locator('.steps', { hasText: 'Seen in look-ups' }).waitFor()
  await verdict(bank, '012-345 6789', 'Suspected')
  await bank.locator('.steps', { hasText: 'In the ledger' }).waitFor()
  await shoot(bank, 'lookup-reported')

  await bank.getByRole('button', { name: 'Take our report back' }).click()
  await bank.getByRole('button', { name: 'Take it back' }).click()
  await verdict(bank, '012-345 6789', 'Not listed')
})

await claim('who watches sees the report and its withdrawal at once, and never by whom', async () => {
  const row = (stance) =>
    watcher.locator('table.list tbody tr', { hasText: stance }).filter({ hasText: 'Phone number' })
  await row('Listed').filter({ hasText: 'Macau scam' }).first().waitFor()
  await row('Withdrawn').first().waitFor()
  must(!(await watcher.locator('main').textContent()).includes('bank-harimau'), 'the feed names who reported')
})
await everywhere(watcher, 'feed')
await watcher.context().close()

await claim('an account is asked for its bank, and what is asked stays in the page', async () => {
  await bank.locator('#value').fill('5140 1234 5678')
  await bank.locator('#lacking').selectOption({ label: 'Maybank' })
  await bank.locator('#value').press('Enter')
  await verdict(bank, '5140 1234 5678', 'Not listed')
  must((await bank.locator('.history li').count()) === 2, 'the session’s look-ups are not there')
  const kept = await bank.evaluate(
    () => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href,
  )
  must(!/5140|6789/.test(kept), kept)
})

await everywhere(bank, 'lookup')

await claim('my reports tell what became of each', async () => {
  await bank.getByRole('link', { name: 'My reports' }).click()
  await bank.locator('table.list tbody tr', { hasText: 'Withdrawal' }).filter({ hasText: 'Counts' }).waitFor()
  await bank.locator('table.list tbody tr', { hasText: 'Macau scam' }).waitFor()
  await bank.locator('table.list tbody tr', { hasText: 'dated more than 7 days ago' }).waitFor()
  await bank.locator('input[value=refused]').check({ force: true })
  await bank.waitForFunction(() => document.querySelectorAll('table.list tbody tr').length === 1)
  must(bank.url().includes('state=refused'), bank.url())
  await bank.locator('input[name][value=""]').check({ force: true })
  await bank.waitForFunction(() => document.querySelectorAll('table.list tbody tr').length === 3)
})
await everywhere(bank, 'reports')

await claim('who signs out leaves nothing behind', async () => {
  await bank.getByRole('link', { name: 'Look up' }).click()
  await bank.locator('.history').waitFor()
  await bank.getByRole('button', { name: 'Sign out' }).click()
  await bank.locator('#key').waitFor()
  must((await bank.evaluate(() => sessionStorage.length)) === 0, 'the key is still there')
  await signIn(bank, 'bank')
  must((await bank.locator('.history').count()) === 0, 'what was asked is still there')
})

await claim('pages that a key may not use are not there', async () => {
  must((await bank.getByRole('link', { name: 'Trends' }).count()) === 0, 'a bank without the scope analyse sees trends')
  await bank.goto(`${input.hub}/console#/trends`)
  await bank.locator('.refused', { hasText: 'analyse' }).waitFor()
  must((await bank.locator('.trends').count()) === 0, 'trends are seen by their address')
  for (const name of ['emerging', 'movers', 'campaigns']) {
    await bank.goto(`${input.hub}/console#/${name}`)
    await bank.locator('.refused', { hasText: 'analyse' }).waitFor()
    must((await bank.locator(`nav a[href="#/${name}"]`).count()) === 0, `a bank is led to ${name}`)
  }
  await accessible(bank)
})
await bank.context().close()

const analyst = await newPage()
await claim('an analyst signs in', () => signIn(analyst, 'analyst'))

await claim('trends show the hub’s numbers, and each is the same in the chart’s table', async () => {
  const asked = analyst.waitForResponse((response) => response.url().includes('bucket=day') && response.ok())
  await analyst.goto(`${input.hub}/console#/trends?by=class&last=90d`)
  const answer = await (await asked).json()
  const sum = answer.series.flatMap(({ points }) => points).reduce((all, { value }) => all + value, 0)
  await analyst.locator('.trends-sheet').waitFor()
  const shown = (await analyst.locator('.trends-sheet h2 b').textContent()).replaceAll(',', '')
  must(sum > 1000 && Number(shown) === sum, `${shown} is shown, ${sum} was answered`)
  await analyst.locator('.heat').waitFor()
})

await everywhere(analyst, 'trends')

await claim('a time that is marked in the chart stands in the address, and the way back leads back', async () => {
  const before = analyst.url()
  let box = null
  while (!box)
    box = await analyst
      .locator('.u-over')
      .boundingBox()
      .catch(() => null) // it is drawn anew when the theme changes
  await analyst.mouse.move(box.x + box.width * 0.8, box.y + 60)
  await analyst.mouse.down()
  await analyst.mouse.move(box.x + box.width * 0.9, box.y + 80, { steps: 4 })
  await analyst.mouse.up()
  await analyst.waitForFunction(() => /from=.*to=/.test(location.hash))
  await analyst.getByRole('button', { name: 'Back to 30 days' }).waitFor()
  await analyst.goBack()
  must(analyst.url() === before, `${analyst.url()}, not ${before}`)
})

await claim('the chart is read by the keyboard', async () => {
  await analyst.locator('.chart').focus()
  await analyst.keyboard.press('Home')
  await analyst.keyboard.press('ArrowRight')
  must(/: .* \d/.test(await analyst.locator('.trends-sheet [role=status]').textContent()), 'nothing is told')
})

await claim('what is seen is saved as CSV', async () => {
  const saved = analyst.waitForEvent('download')
  await analyst.getByRole('button', { name: 'CSV' }).click()
  const text = await (await (await saved).createReadStream()).toArray().then((parts) => Buffer.concat(parts).toString())
  const rows = text.trim().split(/\r?\n/)
  must(rows[0] === 'at,key,value,suppressed' && rows.length > 85 && /\+08:00,\w*,\d/.test(rows[1]), text.slice(0, 300))
})
await analyst.context().close()
const police = await newPage()
await claim('the police acknowledge a dispute and decide it', async () => {
  await signIn(police, 'police', '#/disputes')
  await police.locator('table.list .row-button').first().click()
  await police.locator('.details', { hasText: 'bank-kenari' }).waitFor() // who listed it is told to authorities
  await police.getByRole('button', { name: 'Acknowledge' }).click()
  await police.locator('.details-do').getByRole('button', { name: 'Decide' }).click()
  await accessible(police)
  await police.locator('input[name=outcome]').nth(2).check()
  await police.locator('#reason').selectOption('victim_not_mule')
  await police.locator('dialog').getByRole('button', { name: 'Decide' }).click()
  await police.locator('.details .badge', { hasText: 'Cleared' }).waitFor()
  await police.locator('.details', { hasText: 'on its way' }).waitFor({ state: 'detached' })
})
await everywhere(police, 'disputes')
await police.context().close()

const operator = await newPage()
await claim('an operator signs in', () => signIn(operator, 'admin', '#/partners'))
await claim('operators see who takes part', async () => {
  await operator.locator('table.list tbody tr').nth(5).waitFor()
  await operator.getByRole('button', { name: 'regulator-bank' }).click()
  await operator.locator('.details', { hasText: 'regulator' }).waitFor()
})
await everywhere(operator, 'partners')
await operator.context().close()

await claim('a screen of 320 pixels shows every page without scrolling sideways', async () => {
  const narrow = await newPage({ viewport: { width: 320, height: 720 } })
  await signIn(narrow, 'admin')
  for (const name of ['lookup', 'trends', 'feed', 'reports', 'disputes', 'partners']) {
    await narrow.goto(`${input.hub}/console#/${name}`)
    await narrow.locator(`main .${name}`).waitFor()
    if (name === 'lookup') {
      await narrow.locator('#value').fill('https://bonus-kl.example/claim')
      await narrow.keyboard.press('Enter')
      await narrow.locator('.answer').waitFor()
    }
    if (name === 'trends') await narrow.locator('.heat').waitFor()
    if (name === 'partners') await narrow.locator('table.list').waitFor()
    const width = await narrow.evaluate(() => document.documentElement.scrollWidth)
    await narrow.screenshot({ path: `${input.screenshots}/narrow-${name}.png`, fullPage: true })
    must(width <= 320, `${name} is ${width} pixels wide`)
  }
  await narrow.context().close()
})

await claim('a hub that takes no values says so in plain words', async () => {
  const page = await newPage()
  await signIn(page, 'bank', '', input.strict)
  await page.locator('#value').fill('012-345 6789')
  await page.keyboard.press('Enter')
  await page.locator('.notice', { hasText: 'takes no raw values' }).waitFor()
  await page.context().close()
})
await quiet()
await browser.close()
