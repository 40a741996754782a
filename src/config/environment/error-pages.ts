import { own } from '../../core/own.ts'
import { readFileSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { EnvText } from './env-text.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'
import { isMap, type Raw, select, valueAt } from '../raw.ts'
import { systemReason } from '../report/system-reason.ts'

const MAX_PAGE_BYTES = 262_144

const places: readonly Path[] = [
  ['listeners', '*', 'errorPages', '*'],
  ['listeners', '*', 'routes', '*', 'errorPages', '*']
]

const types: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.xml': 'application/xml'
}

/** Adds the content of a file beside its name; relative names are relative to `directory`. */
export function readErrorPages(root: Raw, directory: string): Finding[] {
  const findings: Finding[] = []
  for (const pattern of places) {
    for (const { path, value } of select(root, pattern)) {
      const given = isMap(value) ? value['file'] : value
      const written = given instanceof EnvText ? given.text : given
      const parent = valueAt(root, path.slice(0, -1))
      if (typeof written !== 'string' || !isMap(parent)) continue
      const other = notAFile(written)
      if (other !== undefined) findings.push(errorAt(path, other))
      const file = resolve(directory, written)
      const page = readPage(file)
      if (page.error !== undefined && other === undefined) findings.push(errorAt(path, page.error))
      const type = own(types, extname(file).toLowerCase()) ?? 'text/html; charset=utf-8'
      parent[String(path.at(-1))] = { type, ...(isMap(value) && value), body: page.text, file }
    }
  }
  return findings
}

/** A page itself, a URL, or a word for the built-in page, where a file name is expected. */
function notAFile(written: string): string | undefined {
  if (/^(?:built-?in|default|internal|standard|html|json)$/i.test(written))
    return 'errors without a page of their own get the built-in one; take it out'
  if (/^https?:\/\//.test(written)) return 'pages are read from files; save it beside this one and name it'
  return /<\w+[^>]*>/.test(written)
    ? 'a text goes under `body`: { body: "…" }; a text alone names a file'
    : undefined
}

function readPage(file: string): { text: string; error?: string } {
  try {
    if (statSync(file).size > MAX_PAGE_BYTES)
      return { text: '', error: `${file} is too large for a page; at most 256 kB` }
    return { text: readFileSync(file, 'utf8') }
  } catch (error) {
    return { text: '', error: `cannot read the page ${file}: ${systemReason(error)}` }
  }
}
