import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const schemas = join(here, '../../../schemas')

// What the console needs of the hub's own tables: "hub:category" is the taxonomy of categories, "hub:banks" the banks.
export const tables = {
  name: 'tables',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^hub:/ }, ({ path }) => ({ path: path.slice('hub:'.length), namespace: 'hub' }))
    onLoad({ filter: /.*/, namespace: 'hub' }, ({ path }) => {
      const table = { banks, platforms }[path]?.() ?? terms(path)
      return { contents: JSON.stringify(table), loader: 'json' }
    })
  },
}

const terms = (taxonomy) =>
  JSON.parse(readFileSync(`${schemas}/taxonomy/${taxonomy}.json`, 'utf8')).terms.map(({ name, parent, title }) => ({
    name,
    parent,
    en: title.en,
    ms: title.ms,
  }))

const rows = (file) =>
  readFileSync(join(here, '../../../pkg/indicator', file), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
const list = (cell) => (cell ? cell.split(';') : [])

const banks = () =>
  rows('banks.csv').map(([bic, name, , codes, , aliases]) => ({
    bic,
    name,
    aliases: [...list(codes), ...list(aliases)],
  }))
const platforms = () =>
  rows('platforms.csv').map(([name, , aliases, hosts]) => ({ name, aliases: list(aliases), hosts: list(hosts) }))
