import { existsSync } from 'node:fs'
import { type LoadHookContext, registerHooks } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Marks the URLs of users' modules: `file:///etc/lb/tenant.ts?lb=<hash of its files>`. */
const MARK = /\?lb=([0-9a-f]+)$/

/** Hash → path → text: what this thread is importing. */
const served = new Map<string, ReadonlyMap<string, string>>()
let registered = false

/**
 * Makes imports with this hash use these texts instead of the files, which may have changed since. Returns a function
 * that ends it.
 */
export function serve(hash: string, sources: ReadonlyMap<string, string>): () => void {
  register()
  served.set(hash, sources)
  return () => void served.delete(hash)
}

/**
 * Installs one set of hooks per thread, when the first user's module is imported. They affect such modules only: their
 * relative imports get the same hash, and `fourseven` is this package, wherever the module is.
 */
function register(): void {
  if (registered) return
  registered = true
  registerHooks({
    resolve(specifier, context, next) {
      const mark = MARK.exec(context.parentURL ?? '')
      if (mark === null) return next(specifier, context)
      const own = ownEntry(specifier)
      if (own !== undefined) return { url: own, shortCircuit: true }
      const resolved = next(specifier, context)
      const inside = specifier.startsWith('.') && resolved.url.startsWith('file:')
      return inside && !MARK.test(resolved.url) ? { ...resolved, url: resolved.url + mark[0] } : resolved
    },
    load(url, context, next) {
      const mark = MARK.exec(url)
      const source = mark === null ? undefined : served.get(mark[1]!)?.get(pathOf(url))
      if (source === undefined) return next(url, context)
      return { format: formatOf(url), source, shortCircuit: true }
    }
  })
}

function pathOf(url: string): string {
  return fileURLToPath(url.replace(MARK, ''))
}

function formatOf(url: string): LoadHookContext['format'] {
  switch (extname(pathOf(url))) {
    case '.ts':
    case '.mts':
      return 'module-typescript'
    case '.json':
      return 'json'
    default:
      return 'module'
  }
}

/** The entry points of this package; `src/config/modules/` or `dist/config/modules/` is beside them. */
function ownEntry(specifier: string): string | undefined {
  const name = /^fourseven(?:\/(plugin))?$/.exec(specifier)
  // Undefined in a bundle of CommonJS.
  const here = import.meta.url as string | undefined
  if (name === null || here === undefined) return undefined
  const entry = new URL(`../../${name[1] ?? 'index'}.${here.endsWith('.ts') ? 'ts' : 'js'}`, here)
  return existsSync(entry) ? entry.href : undefined
}
