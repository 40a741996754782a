import { isMap, type Raw, type RawMap } from '../raw.ts'
import { suggestion } from '../report/nearest.ts'
import { type Finding, type Path, warningAt } from '../report/problem.ts'

/** Methods whose identities may have scopes and claims. */
const TOKENS = ['jwt', 'introspection', 'oidc']

/** What `require` asks for and no method of `auth` gives, so that nobody ever has it. */
export function* checkRequired(listener: RawMap, path: Path): Generator<Finding> {
  const routes = Array.isArray(listener['routes']) ? (listener['routes'] as readonly Raw[]) : []
  const inherits = routes.filter((route) => isMap(route) && !('require' in route)) as RawMap[]
  const place = { at: path, require: listener['require'], auths: [listener, ...inherits] }
  const own = [...routes.entries()].map(([index, route]) => ({
    at: [...path, 'routes', index],
    require: isMap(route) ? route['require'] : undefined,
    auths: isMap(route) ? [route] : []
  }))
  for (const { at, require, auths } of [place, ...own]) {
    // A plugin may say who somebody is.
    if (!isMap(require) || auths.some((each) => 'plugins' in each) || 'plugins' in listener) continue
    const methods = auths.flatMap((each) => methodsOf(each['auth'] ?? listener['auth']))
    if (methods.length > 0) yield* unreachable(require, [...at, 'require'], methods)
  }
}

function* unreachable(require: RawMap, at: Path, methods: readonly RawMap[]): Generator<Finding> {
  const roles = rolesOf(methods)
  const wanted = [require['roles'] ?? []].flat() as readonly Raw[]
  for (const role of wanted) {
    if (roles === undefined || typeof role !== 'string' || roles.has(role)) continue
    const cure = roles.size === 0 ? whyNone(methods) : suggestion(role, [...roles])
    yield warningAt([...at, 'roles'], `no method of \`auth\` gives anybody the role "${role}"${cure}`, 'key')
  }
  if (methods.some((method) => TOKENS.some((name) => name in method))) return
  for (const key of ['scopes', 'claims']) {
    if (require[key] === undefined) continue
    const message = `only tokens have ${key}, and no method of \`auth\` here takes them (${TOKENS.join(', ')})`
    yield warningAt([...at, key], message, 'key')
  }
}

/** All roles that methods can give; undefined: any, since they stand in a token, a file or an answer. */
function rolesOf(methods: readonly RawMap[]): ReadonlySet<string> | undefined {
  const roles = new Set<string>()
  for (const method of methods) {
    for (const [name, keys] of Object.entries(method)) {
      if (!isMap(keys)) return undefined
      // The claim, member or field that has them.
      if (typeof keys['roles'] === 'string') return undefined
      // `keys: file:…` lists roles too.
      if (name === 'apiKeys' && !isMap(keys['keys'])) return undefined
      const lists = name === 'clientCert' ? ['subjects', 'names', 'fingerprints'] : ['roles']
      const given = lists.flatMap((key) => Object.values(isMap(keys[key]) ? keys[key] : {}))
      for (const role of [...given, keys['any'] ?? []].flat() as readonly Raw[]) {
        if (typeof role !== 'string') return undefined
        roles.add(role)
      }
    }
  }
  return roles
}

function whyNone(methods: readonly RawMap[]): string {
  const token = methods.flatMap((method) => Object.keys(method)).find((name) => TOKENS.includes(name))
  if (token !== undefined)
    return `: name the claim that has them, \`roles: realm_access.roles\` in \`${token}\``
  return methods.some((method) => 'forward' in method)
    ? ': name the field of the answer that has them, `roles: x-auth-groups` in `forward`'
    : ': say who has which by `roles`'
}

function methodsOf(auth: Raw | undefined): readonly RawMap[] {
  const list = isMap(auth) ? auth['methods'] : auth
  return Array.isArray(list) ? (list as readonly Raw[]).filter(isMap) : []
}
