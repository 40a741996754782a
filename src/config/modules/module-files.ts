import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { systemReason } from '../report/system-reason.ts'

/** A user's module with its relative imports: everything that decides its behaviour. */
export interface ModuleFiles {
  /** Absolute; the module itself first. */
  readonly files: readonly string[]
  /** Path to text. */
  readonly sources: ReadonlyMap<string, string>
  /** Hash of all paths and texts. */
  readonly hash: string
}

const MAX_FILES = 200
const MAX_BYTES = 4 * 1024 * 1024

/** It matches more than imports, text in comments for example: files that do not exist are ignored. */
const IMPORTS = /\b(?:from|import)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]+)\1/g

/** Files that Node can load from text. */
const READABLE = ['.ts', '.mts', '.js', '.mjs', '.json']

/**
 * Reads a module and its relative imports; throws an error with a readable message where the module itself cannot be
 * read.
 */
export function readModuleFiles(path: string): ModuleFiles {
  const sources = new Map<string, string>()
  const waiting = [path]
  let bytes = 0
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    if (sources.has(file)) continue
    const text = readText(file, file === path)
    if (text === undefined) continue
    bytes += text.length
    sources.set(file, text)
    if (bytes > MAX_BYTES || sources.size > MAX_FILES) {
      throw new Error(`it imports over ${MAX_FILES} files or 4 MB; bundle it, or make it a package`)
    }
    for (const [, , specifier] of text.matchAll(IMPORTS)) {
      const imported = resolve(dirname(file), specifier!.replace(/[?#].*$/, ''))
      if (READABLE.includes(extname(imported))) waiting.push(imported)
    }
  }
  const hash = createHash('sha256')
  for (const [file, text] of sources) hash.update(`${file}\0${text.length}\0${text}`)
  return { files: [...sources.keys()], sources, hash: hash.digest('hex').slice(0, 16) }
}

function readText(file: string, itself: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (itself) throw new Error(systemReason(error), { cause: error })
    return undefined
  }
}
