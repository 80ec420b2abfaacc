// Walks through the console as its readers do, against a real hub.
import { accessible, browser, claim, input, must, newPage, quiet, shoot, signIn } from './browser.mjs'

const themes = ['light', 'dark']
const languages = ['en', 'ms']

/** everywhere holds a page to its claims in both languages and themes. */
async function everywhere(page, name) {
  for (const language of languages) {
    await page.locator(`input[value=${language}]`).check({ force: true })
    for (const theme of themes) {
      await page.locator(`input[value=${theme}]`).check({ force: true })
      await claim(`${name} is accessible in ${language}, ${theme}`, () => accessible(page))
      await shoot(page, `${name}-${language}-${theme}`)
    }
  }
  await page.locator('input[value=en]').check({ force: true })
  await page.locator('input[value=light]').check({ force: true })
}

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
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href)
  must(!kept.includes('nonsense'), kept)
  await everywhere(page, 'signin')
  await page.context().close()
})

const bank = await newPage()
await signIn(bank, 'bank')

await claim('a key is kept in memory alone unless its owner wishes', async () => {
  const kept = await bank.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href)
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

await claim('what is typed is recognised, looked up, reported and taken back, live', async () => {
  await bank.locator('#value').fill('012-345 6789')
  must(await bank.locator('input[value=phone]').isChecked(), 'it is not taken for a phone number')
  await bank.keyboard.press('Enter')
  await verdict(bank, '012-345 6789', 'Not listed')
  await shoot(bank, 'lookup-not-listed')

  await bank.getByRole('button', { name: 'Report it' }).click()
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

await claim('an account is asked for its bank, and what is asked stays in the page', async () => {
  await bank.locator('#value').fill('5140 1234 5678')
  await bank.locator('#lacking').selectOption({ label: 'Maybank' })
  await bank.locator('#value').press('Enter')
  await verdict(bank, '5140 1234 5678', 'Not listed')
  must((await bank.locator('.history li').count()) === 2, 'the session’s look-ups are not there')
  const kept = await bank.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href)
  must(!/5140|6789/.test(kept), kept)
})

await everywhere(bank, 'lookup')
await bank.context().close()
await quiet()
await browser.close()
