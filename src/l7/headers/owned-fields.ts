import type { HeaderBlock } from '../message/header-block.ts'
import { variableName } from './field-names.ts'

/** A part that owns request fields, such as a stage. */
interface Owner {
  readonly owns?: readonly string[]
}

/** The names that stages own, as CGI servers read them; undefined: none. */
export function ownedFields(stages: readonly Owner[]): ReadonlySet<string> | undefined {
  const names = stages.flatMap(({ owns = [] }) => owns.map((name) => variableName(name.toLowerCase())))
  return names.length === 0 ? undefined : new Set(names)
}

/** Removes all that a client sent under an owned name: `X-User`, `x_user`, `X.User`. */
export function dropOwned(headers: HeaderBlock, owned: ReadonlySet<string>): void {
  const { text } = headers
  let kept = ''
  let from = 0
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('\n', at) + 1
    if (next === 0) break
    if (owned.has(variableName(text.slice(at, text.indexOf(':', at)).toLowerCase()))) {
      kept += text.slice(from, at)
      from = next
    }
    at = next
  }
  if (from > 0) headers.text = kept + text.slice(from)
}
