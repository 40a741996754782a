import { buildConfig } from './build/build.ts'
import { checkAcme } from './checks/acme/acme.ts'
import { checkAddresses } from './checks/addresses.ts'
import { checkAuth } from './checks/auth.ts'
import { checkRedis } from './checks/redis.ts'
import { checkL4Loops } from './checks/l4-loops.ts'
import { checkDoubtful } from './checks/doubtful.ts'
import { findHiddenRoutes } from './checks/routes/hidden-routes.ts'
import { checkUdp } from './checks/udp.ts'
import { checkListeners } from './checks/listeners.ts'
import { checkModes } from './checks/modes.ts'
import { checkNames } from './checks/names.ts'
import { checkPools } from './checks/pools.ts'
import { checkReferences } from './checks/references.ts'
import { checkRedirects } from './checks/routes/redirects.ts'
import { checkRegexes } from './checks/routes/regexes.ts'
import type { Config } from './model/model.ts'
import { foreignFile } from './report/foreign-file.ts'
import { refuseUdpMode } from './report/udp-mode.ts'
import { checkPlugins } from './plugins/check-plugins.ts'
import type { PluginSet } from './plugins/plugin-set.ts'
import { withoutConsequences } from './report/consequences.ts'
import { errorAt, type Finding, pathText } from './report/problem.ts'
import { anotherLanguage } from './yaml/likely-cause.ts'
import { isMap, type Raw } from './raw.ts'
import { normalise } from './schema/normalise.ts'
import { rootSchema } from './schema/root.ts'
import { checkSchema, type SourceOf } from './schema/schema-findings.ts'
import { shapeOf } from './schema/leaf/shape.ts'
import { readErrorPages } from './environment/error-pages.ts'
import { readSecrets } from './environment/secrets.ts'
import { findingWithoutSecrets } from './secrets/finding-without-secrets.ts'

export type Validated =
  | { readonly ok: true; readonly config: Config; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] }

/** A value that was written without its list has that one's path before it is normalised. */
function pathOfLone(path: Finding['path']): string {
  return path.at(-1) === 0 ? pathText(path.slice(0, -1)) : pathText(path)
}

const EXAMPLE = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]'

/**
 * Turns values into a configuration, or lists all problems. The schema and the checks read the same plain values, so
 * that a wrong type in one place does not hide a missing pool in another. Changes `root`.
 */
export function validate(
  root: Raw,
  before: readonly Finding[],
  directory: string,
  file: string | undefined,
  sourceOf: SourceOf,
  set?: PluginSet
): Validated {
  if (!isMap(root)) {
    const foreign = typeof root === 'string' ? anotherLanguage(root.replaceAll(' {', ' {\n')) : undefined
    const message =
      foreign !== undefined
        ? foreign.message
        : root === null
          ? `the configuration is empty; begin with "${EXAMPLE}"`
          : `a configuration is a mapping of keys such as "listeners:" and "pools:"; begin with "${EXAMPLE}"`
    return { ok: false, findings: [...before, errorAt([], message)] }
  }
  const foreign = foreignFile(root)
  if (foreign !== undefined) return { ok: false, findings: [...before, foreign] }
  // Keys for anchors.
  for (const key of Object.keys(root)) if (key.startsWith('x-')) delete root[key]
  // First of all, since every check expects lists where lists belong.
  const form = normalise(root, shapeOf(rootSchema))
  // The schema must not report again what these remove or replace.
  const early = [
    ...before,
    ...form.findings,
    ...refuseUdpMode(root),
    ...readSecrets(root, directory),
    ...readErrorPages(root, directory)
  ]
  const schema = checkSchema(root, sourceOf)
  const plugins = checkPlugins(root, set, sourceOf)
  const late = [
    ...(schema.ok ? [] : schema.findings),
    ...plugins.findings,
    ...checkReferences(root),
    ...checkAddresses(root),
    ...checkL4Loops(root),
    ...checkUdp(root),
    ...checkNames(root),
    ...checkPools(root),
    ...checkModes(root),
    ...checkListeners(root),
    ...checkRegexes(root),
    ...checkRedirects(root),
    ...checkAuth(root),
    ...checkRedis(root),
    ...checkAcme(root),
    ...checkDoubtful(root)
  ]
  const known = new Set(early.map((finding) => pathText(finding.path)))
  const all = withoutConsequences([
    ...early,
    ...late.filter(({ path }) => !known.has(pathText(path)) && !known.has(pathOfLone(path)))
  ])
  const findings = all.map((finding) => form.rewrite(findingWithoutSecrets(root, finding)))
  if (!schema.ok || findings.some((finding) => finding.severity === 'error')) return { ok: false, findings }
  const config = buildConfig(schema.data, plugins, directory, file)
  const hidden = config.listeners.flatMap((listener, index) => {
    const written = schema.data.listeners[index]!
    if (listener.mode !== 'l7' || written.mode !== 'l7') return []
    return findHiddenRoutes(listener, index, written.routes.length)
  })
  return { ok: true, config, findings: [...findings, ...hidden] }
}
