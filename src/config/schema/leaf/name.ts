import { text } from './leaves.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** The name of a listener, route, pool, backend or cache in logs, metrics and commands. */
export function name(expected: string) {
  return text(expected, {
    json: { title: 'name', pattern: NAME.source },
    max: 64,
    reject: (value) =>
      NAME.test(value)
        ? undefined
        : `"${value}" is not a name; use letters, digits, ".", "_" and "-", at most 64, a letter or digit first`
  })
}
