import { type Finding, pathText } from './problem.ts'

/** What is said of a mapping that lacks something, and the words that another finding's cure has for that. */
const LACKS: readonly (readonly [said: RegExp, cure: (found: RegExpExecArray) => RegExp])[] = [
  [/^missing key "pool": the pool that requests go to/, () => /\b(?:pool|routes|redirectToHttps)\b/],
  [/^missing key "methods"/, () => /an item of the list/],
  [/^an item of auth names one of/, () => /here it is|did you mean/],
  [/^missing key "(\w+)"/, ([, key]) => new RegExp(`\\b${key}\\b`)],
  [/^the route does nothing/, () => /\b(?:pool|split|redirect\w*|respond)\b/],
  [/^a pool needs `backends/, () => /\bbackends\b/]
]

/** Where a pool is named in a wrong way, that nothing uses it is no news. */
const NAMES_A_POOL =
  /(?:here it is|is) `(?:pool|pools|split|routes)\b|expected the name of a pool|each share is an item|^unknown key "(?:pool|split)"; it is a key of/
const UNUSED = /^pool "[^"]*" is not used by any listener/

/**
 * Leaves out that a key is missing where a key of another program is told to be that one here: `proxy_pass: http://web`
 * is the route's missing pool.
 */
export function withoutConsequences(findings: readonly Finding[]): readonly Finding[] {
  const cures = new Map<string, string>()
  if (findings.some(({ message }) => NAMES_A_POOL.test(message)))
    findings = findings.filter(({ message }) => !UNUSED.test(message))
  for (const { path, message } of findings) {
    // One level too deep: `match: { pool: web }`.
    const deep = /^unknown key "(\w+)"; it is a key of .*, beside `/.exec(message)
    if (deep !== null) {
      const above = pathText(path.slice(0, -2))
      cures.set(above, `${cures.get(above) ?? ''} ${deep[1]!}`)
    }
    if (
      !/^unknown key .*(?:here it is|did you mean|each (?:share|name) is an item)|^"[\w-]+" is (?:`|a part of `)/.test(
        message
      )
    )
      continue
    const parent = pathText(path.slice(0, -1))
    cures.set(parent, `${cures.get(parent) ?? ''} ${message}`)
  }
  if (cures.size === 0) return findings
  return findings.filter(({ path, message }) => {
    const cure = cures.get(pathText(path))
    if (cure === undefined) return true
    return !LACKS.some(([said, words]) => {
      const found = said.exec(message)
      return found !== null && words(found).test(cure)
    })
  })
}
