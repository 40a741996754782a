import { globSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export interface Block {
  /** `docs/tls.md:49`. */
  readonly place: string
  readonly language: string
  readonly code: string
}

/** Every fenced block of the README and of the pages in `docs/`, with where it begins. */
export function blocks(): Block[] {
  const pages = [
    ...readdirSync(root).filter((file) => file.endsWith('.md')),
    ...globSync('docs/*.md', { cwd: root })
  ]
  return pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8')
    return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
      place: `${page.replaceAll('\\', '/')}:${text.slice(0, match.index).split('\n').length}`,
      language: match[1]!,
      code: match[2]!
    }))
  })
}

/** Blocks of one page in one language. */
export function blocksOf(page: string, language: string): string[] {
  return blocks()
    .filter(({ place, language: name }) => place.startsWith(`${page}:`) && name === language)
    .map(({ code }) => code)
}
