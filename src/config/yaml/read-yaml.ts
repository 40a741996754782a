import { parseYaml } from './yaml-parse.ts'

/** The value of one YAML (or JSON) document other than the configuration. Throws when it is malformed. */
export function readYaml(text: string): unknown {
  const parsed = parseYaml(text)
  if (!('document' in parsed)) throw new Error(parsed.message)
  const [problem] = parsed.syntax
  if (problem !== undefined) throw new Error(problem.message)
  // Aliases can turn a small text into a huge value.
  return parsed.document.toJS({ maxAliasCount: 100 }) as unknown
}
