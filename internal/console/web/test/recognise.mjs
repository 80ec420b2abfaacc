// Holds the recogniser to the vectors that every language's implementation is held to: what the hub takes for a type is
// offered as that type.
import { readFileSync } from 'node:fs'
import { build } from 'esbuild'
import { tables } from '../tables.mjs'

const schemas = new URL('../../../../schemas/', import.meta.url)
const { outputFiles } = await build({
  stdin: { contents: "export * from './src/indicator/recognise'", resolveDir: new URL('..', import.meta.url).pathname },
  bundle: true,
  write: false,
  format: 'esm',
  plugins: [tables],
  logLevel: 'warning',
})
const { recognise, compose } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
)

const tell = (claim, wrong) => process.stdout.write(JSON.stringify({ claim, wrong }) + '\n')

for (const type of [
  'bank_account',
  'payment_id',
  'phone',
  'url',
  'domain',
  'email',
  'crypto_address',
  'social_account',
]) {
  const { vectors } = JSON.parse(readFileSync(new URL(`vectors/${type}.json`, schemas), 'utf8'))
  const valid = vectors.filter(({ canonical }) => canonical)
  const missed = valid.filter(({ raw }) => !recognise(raw).some((guess) => guess.type === type))
  tell(
    `${type} is recognised`,
    missed.length === 0 && valid.length > 0
      ? ''
      : `${missed.length} of ${valid.length}:\n${missed.map(({ name, raw }) => `${name}: ${raw} ▶ ${JSON.stringify(recognise(raw))}`).join('\n')}`,
  )
}

const likeliest = {
  '012-345 6789': 'phone',
  '+60 12 345 6789': 'phone',
  514012345678: 'bank_account',
  'Maybank 5140 1234 5678': 'bank_account',
  'hxxps://evil[.]example/pay': 'url',
  'evil.example': 'domain',
  'a@b.example': 'email',
  '@scammer': 'social_account',
  'https://www.facebook.com/some.shop': 'social_account',
  '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed': 'crypto_address',
  '900101-14-5678': 'payment_id',
  'tng:0123456789': 'payment_id',
}
for (const [raw, type] of Object.entries(likeliest)) {
  const [first] = recognise(raw)
  tell(`${raw} is first taken for ${type}`, first?.type === type ? '' : JSON.stringify(recognise(raw)))
}
tell(
  'nothing is guessed from words',
  recognise('hello there').length === 0 ? '' : JSON.stringify(recognise('hello there')),
)
tell(
  'what a value lacks is put before it',
  compose(' 5140 1234 ', 'bank', 'MBBEMYKL') === 'MBBEMYKL:5140 1234' ? '' : compose(' 5140 1234 ', 'bank', 'MBBEMYKL'),
)
