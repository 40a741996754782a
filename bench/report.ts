/**
 * `node bench/report.ts [results.json]`: docs/benchmarks.md and its charts, from a result of `npm run bench`. A file that
 * is named becomes bench/results/latest.json, the one that is kept in the repository.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Results } from './harness/results.ts'
import { report } from './report/markdown.ts'

const docs = join(import.meta.dirname, '..', 'docs')
const images = join(docs, 'images')
const latest = join(import.meta.dirname, 'results', 'latest.json')

const given = process.argv[2]
if (given !== undefined && resolve(given) !== latest) copyFileSync(given, latest)

const made = report(JSON.parse(readFileSync(latest, 'utf8')) as Results)
mkdirSync(images, { recursive: true })
for (const name of readdirSync(images)) if (/^bench-.*\.svg$/.test(name)) rmSync(join(images, name))
for (const [name, svg] of Object.entries(made.images)) writeFileSync(join(images, name), svg)
writeFileSync(join(docs, 'benchmarks.md'), made.markdown)
console.log(`docs/benchmarks.md and ${Object.keys(made.images).length} charts written`)
