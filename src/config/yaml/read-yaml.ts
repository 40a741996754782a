import { parseYaml } from './yaml-parse.ts'

/** The value of one YAML (or JSON) document that is not the configuration. Throws when it is none. */
export function readYaml(text: string): unknown {
  const parsed = parseYaml(text)
  if (!('document' in parsed)) throw new Error(parsed.message)
  const [problem] = parsed.syntax
  if (problem !== undefined) throw new Error(problem.message)
  // Aliases may make a small text a huge value.
  return parsed.document.toJS({ maxAliasCount: 100 }) as unknown
}
