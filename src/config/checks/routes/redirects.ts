import { textOf } from '../../environment/env-text.ts'
import { errorAt, type Finding, type Path, warningAt } from '../../report/problem.ts'
import { isMap, type Raw, type RawMap, select } from '../../raw.ts'

/** Groups in the target of a redirect, and redirects that lead to themselves. */
export function checkRedirects(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const { path: at, value: listener } of select(root, ['listeners', '*'])) {
    if (!isMap(listener)) continue
    for (const { path, value: route } of select(listener, ['routes', '*'])) {
      if (!isMap(route) || !isMap(route['redirect'])) continue
      const to = textOf(route['redirect']['to'])
      if (to === undefined) continue
      const place = [...at, ...path, 'redirect', 'to']
      findings.push(...groupsOf(to, route, place), ...circles(to, listener, place))
      if (path.at(-1) === 0 && takesItsTarget(route['match'], to)) findings.push(warningAt(place, FOR_EVER))
    }
  }
  return findings
}

function* groupsOf(to: string, route: RawMap, place: Path): Generator<Finding> {
  const other = /\$(?:0|&|<\w+>)/.exec(to)
  if (other !== null)
    yield errorAt(
      place,
      `"${other[0]}" is sent as it stands: groups go by their number, "$1", and the whole path is {path}`
    )
  const used = [...to.matchAll(/\$([1-9])/g)].map(([, digit]) => Number(digit))
  if (used.length === 0) return
  const regex = isMap(route['match']) ? textOf(route['match']['pathRegex']) : undefined
  const groups = regex === undefined ? undefined : groupCount(regex)
  const most = Math.max(...used)
  if (regex === undefined) {
    const message = `"$${most}" is a group of the route's \`match: { pathRegex: "^/old/(.*)$" }\`, which it does not have`
    yield errorAt(place, message)
  } else if (groups !== undefined && groups < most) {
    const has = groups === 0 ? 'no group; put round brackets around what is meant' : `no more than $${groups}`
    yield errorAt(place, `"$${most}" is a group of \`pathRegex\`, which has ${has}`)
  } else if (/^https?:\/\/[^/?]*\$[1-9]/.test(to)) {
    const message = `a part of the path would stand in the name of the host, and clients could choose another one; put a slash before "$"`
    yield errorAt(place, message)
  }
}

function groupCount(regex: string): number | undefined {
  try {
    return new RegExp(`${regex}|`).exec('')!.length - 1
  } catch {
    return undefined
  }
}

const FOR_EVER =
  'this route takes the new path too, so the client is sent there for ever; put a route for that path before it, or name another path or host'

/** Whether the first route of a listener, which goes by the path alone, matches the path that it sends clients to. */
function takesItsTarget(match: Raw | undefined, to: string): boolean {
  if (!/^\/(?!\/)[^{$]*$/.test(to)) return false
  const keys = isMap(match) ? match : {}
  if (!Object.keys(keys).every((key) => key === 'path' || key === 'pathPrefix')) return false
  const target = to.replace(/[?#].*$/, '')
  const [path, prefix] = [textOf(keys['path'] ?? null), textOf(keys['pathPrefix'] ?? null)]
  if (path !== undefined) return path === target
  return prefix === undefined || target === prefix || target.startsWith(`${prefix.replace(/\/$/, '')}/`)
}

function* circles(to: string, listener: RawMap, place: Path): Generator<Finding> {
  const same = /^\{path\}(?:\{query\})?$/.test(to)
  const https = /^https:\/\/\{host\}\{path\}/.test(to) && listener['tls'] !== undefined
  if (!same && !https) return
  const cure = https
    ? 'it belongs to the listener without `tls`, where it is `redirectToHttps: true`'
    : 'name another path or host'
  yield warningAt(place, `the client is sent to the address that it asked for, for ever; ${cure}`)
}
