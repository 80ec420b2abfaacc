// Builds the console: node build.mjs [FOLDER], by default into ../dist. The same sources give the same bytes everywhere:
// what is bundled is pinned by package-lock.json, and nothing of the machine or of the moment goes in.
//
//	hub.v1.yaml ──▶ src/hub/schema.d.ts ──tsc──▶ fits │ taxonomy, banks ──▶ small tables ──esbuild──▶ FOLDER
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import openapiTS, { astToString } from 'openapi-typescript'
import { tables } from './tables.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const schemas = join(here, '../../../schemas')
const out = resolve(process.argv[2] ?? join(here, '../dist'))
process.chdir(here)

writeFileSync('src/hub/schema.d.ts', astToString(await openapiTS(new URL(`file://${schemas}/openapi/hub.v1.yaml`))))
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', '.'], { stdio: 'inherit' })

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  outdir: out,
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  entryNames: '[name]-[hash]',
  legalComments: 'none', // LICENSES.txt has them whole
  charset: 'utf8',
  metafile: true,
  logLevel: 'warning',
  plugins: [tables],
}).then((result) => {
  mkdirSync(out, { recursive: true })
  for (const name of readdirSync(out)) rmSync(join(out, name))
  for (const file of result.outputFiles) writeFileSync(join(out, basename(file.path)), file.contents)
  return result
})

const built = Object.keys(metafile.outputs).map((path) => basename(path))
const page = readFileSync('src/index.html', 'utf8').replace(/\/console\/app\.(js|css)/g, (_, kind) => {
  return `/console/${built.find((name) => name.endsWith(`.${kind}`))}`
})
writeFileSync(join(out, 'index.html'), page)

// The notices of what was bundled, which its licences ask for.
const bundled = new Set()
for (const input of Object.keys(metafile.inputs)) {
  const [, name] = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//) ?? []
  if (name) bundled.add(name)
}
const notices = [...bundled].sort().map((name) => {
  const folder = join('node_modules', name)
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f))
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : license
  return `${name} ${version}\n\n${text}\n`
})
writeFileSync(join(out, 'LICENSES.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`))
