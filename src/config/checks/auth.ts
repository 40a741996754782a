import { checkAuthMethods } from './auth-methods.ts'
import { checkRequired } from './required.ts'
import { errorAt, type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, select } from '../raw.ts'

const METHODS = ['apiKeys', 'basic', 'jwt', 'introspection', 'forward', 'oidc', 'clientCert'] as const
const listener: Path = ['listeners', '*']
const route: Path = [...listener, 'routes', '*']

/** Checks of `auth`, `require` and `identity` that the schema cannot express. */
export function checkAuth(root: Raw): Finding[] {
  return [...lists(root), ...withoutAuth(root), ...methods(root)]
}

function* methods(root: Raw): Generator<Finding> {
  for (const { path, value } of select(root, listener)) {
    if (!isMap(value)) continue
    yield* checkAuthMethods(value, path)
    yield* checkRequired(value, path)
  }
}

/** Each item of the list must name exactly one method. */
function* lists(root: Raw): Generator<Finding> {
  for (const place of [listener, route]) {
    for (const tail of [
      ['auth', '*'],
      ['auth', 'methods', '*']
    ]) {
      for (const { path, value } of select(root, [...place, ...tail])) {
        if (!isMap(value) || typeof path.at(-1) !== 'number') continue
        const named = METHODS.filter((name) => name in value)
        if (named.length === 1) yield* checkMethod(path, value)
        else if (named.length === 0) yield errorAt(path, `an item of auth names one of ${METHODS.join(', ')}`)
        else {
          const message = `"${named.join('" and "')}" are in one item; each needs an item of its own: "- ${named[1]!}:"`
          yield errorAt(path, message)
        }
      }
    }
  }
}

function* checkMethod(path: Path, item: RawMap): Generator<Finding> {
  const apiKeys = item['apiKeys']
  if (isMap(apiKeys) && 'prefix' in apiKeys && !('header' in apiKeys)) {
    yield errorAt([...path, 'apiKeys', 'prefix'], 'a prefix stands in a field: say which by `header`', 'key')
  }
}

function* withoutAuth(root: Raw): Generator<Finding> {
  for (const { path, value } of select(root, listener)) {
    if (!isMap(value)) continue
    const routes = Array.isArray(value['routes']) ? (value['routes'] as readonly Raw[]) : []
    const somewhere = [value, ...routes].some((each) => isMap(each) && isOn(each['auth']))
    if (!somewhere) yield* unproven(path, value)
    for (const [index, each] of routes.entries()) {
      if (!isMap(each)) continue
      if (!isOn(each['auth'] ?? value['auth'])) yield* unproven([...path, 'routes', index], each)
    }
  }
}

function* unproven(path: Path, place: RawMap): Generator<Finding> {
  if (isOn(place['require'])) {
    yield errorAt([...path, 'require'], 'nobody can have what is required: there is no `auth` here', 'key')
  }
  if (isOn(place['identity'])) {
    yield warningAt([...path, 'identity'], 'there is no `auth` here, so there is never an identity', 'key')
  }
}

function isOn(value: Raw | undefined): boolean {
  return value !== undefined && value !== null && value !== false
}
