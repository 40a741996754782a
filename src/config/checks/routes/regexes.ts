import { regexRisk } from '../../../core/regex-risk.ts'
import { textOf } from '../../environment/env-text.ts'
import { type Finding, type Path, warningAt } from '../../report/problem.ts'
import { type Raw, select } from '../../raw.ts'

const route: Path = ['listeners', '*', 'routes', '*']
const matches: readonly Path[] = [
  [...route, 'match'],
  [...route, 'match', 'any', '*'],
  [...route, 'match', 'not', '*']
]
const patterns: readonly Path[] = [
  ...matches.flatMap((match) => [
    [...match, 'pathRegex'],
    ...['headers', 'query', 'cookies'].map((key) => [...match, key, '*', 'regex'])
  ]),
  [...route, 'rewrite', 'path', 'regex']
]

/** Warns of expressions that a request can make run for minutes, during which the thread serves no other request. */
export function checkRegexes(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const pattern of patterns) {
    for (const { path, value } of select(root, pattern)) {
      const risk = regexRisk(textOf(value) ?? '')
      if (risk !== undefined) findings.push(warningAt(path, `${risk}; write it another way`))
    }
  }
  return findings
}
