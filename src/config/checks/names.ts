import { textOf } from '../environment/env-text.ts'
import { errorAt, type Finding, type Path, pathText } from '../report/problem.ts'
import { isMap, type Raw, select } from '../raw.ts'

/** Lists whose items must have unique names. */
const lists: readonly { readonly pattern: Path; readonly key: string; readonly word: string }[] = [
  { pattern: ['listeners'], key: 'name', word: 'listener' },
  { pattern: ['listeners', '*', 'routes'], key: 'name', word: 'route' },
  { pattern: ['listeners', '*', 'sni'], key: 'host', word: 'sni host' },
  { pattern: ['pools', '*', 'backends'], key: 'name', word: 'backend' }
]

/** Names must be unique where commands and metrics use them; a backend without a name is named by its address. */
export function checkNames(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const { pattern, key, word } of lists) {
    for (const { path, value } of select(root, pattern)) {
      if (!Array.isArray(value)) continue
      const seen = new Map<string, Path>()
      for (const [index, item] of (value as readonly Raw[]).entries()) {
        const here = [...path, index]
        const found = word === 'backend' ? backendName(item, here) : nameOf(item, key, here)
        if (found === undefined) continue
        const name = word === 'sni host' ? found.name.toLowerCase() : found.name
        const first = seen.get(name)
        if (first === undefined) seen.set(name, found.path)
        else findings.push(errorAt(found.path, `${word} "${name}" is already at ${pathText(first)}`))
      }
    }
  }
  return findings
}

function nameOf(item: Raw, key: string, path: Path): { name: string; path: Path } | undefined {
  const name = isMap(item) ? textOf(item[key]) : undefined
  return name === undefined ? undefined : { name, path: [...path, key] }
}

function backendName(item: Raw, path: Path): { name: string; path: Path } | undefined {
  const address = textOf(item)
  if (address !== undefined) return { name: address, path }
  return nameOf(item, 'name', path) ?? nameOf(item, 'address', path)
}
