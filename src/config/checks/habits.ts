import { textOf } from '../environment/env-text.ts'
import { type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, select } from '../raw.ts'

// Valid settings that mean something else in nginx, HAProxy, Traefik or Caddy.

const EDITS: readonly Path[] = [
  ['listeners', '*', 'headers'],
  ['listeners', '*', 'routes', '*', 'headers']
]

/** nginx removes a field by an empty value, and `always` is a word of its own there. */
export function* foreignEdits(root: Raw): Generator<Finding> {
  for (const pattern of EDITS) {
    for (const side of ['request', 'response']) {
      for (const { path, value } of select(root, [...pattern, side, 'set', '*'])) {
        const text = textOf(value)
        const name = String(path.at(-1))
        if (text === '' && !name.startsWith('-'))
          yield warningAt(
            path,
            `the field is sent, with nothing in it; to remove it name it under \`remove\`: [${name}]`
          )
        else if (side === 'response' && text !== undefined && /\S\s+always;?$/.test(text))
          yield warningAt(
            path,
            '"always" is sent as a part of the value; fields are set on every answer here: take it out'
          )
      }
    }
  }
}

/** `deny` is asked first here, whatever the order in the file. */
export function* nobodyAllowed(root: Raw): Generator<Finding> {
  for (const { path, value } of select(root, ['listeners', '*', 'deny', '*'])) {
    if (!/\/0+$/.test(textOf(value) ?? '')) continue
    yield warningAt(
      path,
      'this refuses every client, since `deny` is asked before `allow`; with `allow` all others are refused anyway: take it out'
    )
  }
}

/** `headers: { cookie: "a=b" }` holds for clients with that one cookie only. */
export function* wholeCookies(root: Raw): Generator<Finding> {
  for (const place of [[], ['any', '*'], ['not', '*']] as const) {
    for (const { path, value } of select(root, [
      'listeners',
      '*',
      'routes',
      '*',
      'match',
      ...place,
      'headers',
      '*'
    ])) {
      const pair = /^([\w.-]+)=([^;]*)$/.exec(textOf(value) ?? '')
      if (String(path.at(-1)).toLowerCase() !== 'cookie' || pair === null) continue
      yield warningAt(
        path,
        `this is compared with all cookies of the client together; one of them is \`cookies: { ${pair[1]}: ${JSON.stringify(pair[2])} }\``
      )
    }
  }
}

/** A prefix that no path of the route begins with stays where it is. */
export function* prefixNeverThere(root: Raw): Generator<Finding> {
  for (const { path, value: route } of select(root, ['listeners', '*', 'routes', '*'])) {
    if (!isMap(route) || !isMap(route['rewrite']) || !isMap(route['match'])) continue
    const strip = bare(textOf(route['rewrite']['stripPrefix']))
    const matched = bare(textOf(route['match']['pathPrefix']) ?? textOf(route['match']['path']))
    if (strip === undefined || matched === undefined || isUnder(strip, matched) || isUnder(matched, strip))
      continue
    yield warningAt(
      [...path, 'rewrite', 'stripPrefix'],
      `no path of this route begins with ${strip}, so nothing is removed; did you mean "${matched}"?`
    )
  }
}

function bare(path: string | undefined): string | undefined {
  return path?.replace(/(.)\/+$/, '$1')
}

function isUnder(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`)
}
