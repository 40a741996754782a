import { existsSync } from 'node:fs'
import { type LoadHookContext, registerHooks } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Marks the URLs of the user's modules: `file:///etc/lb/tenant.ts?lb=<hash of its files>`. */
const MARK = /\?lb=([0-9a-f]+)$/

/** Hash to path to text: what is being imported in this thread. */
const served = new Map<string, ReadonlyMap<string, string>>()
let registered = false

/** Under these hashes the texts are taken in place of the files, which may have changed since. Returns how to end it. */
export function serve(hash: string, sources: ReadonlyMap<string, string>): () => void {
  register()
  served.set(hash, sources)
  return () => void served.delete(hash)
}

/**
 * One set of hooks per thread, once a module of the user's is there. They concern such modules only: what these import by a
 * relative path belongs to them and is known by the same hash; `fourseven` is this package, wherever the module lies.
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

/** The entries of this package, beside which stands `src/config/modules/` or `dist/config/modules/`. */
function ownEntry(specifier: string): string | undefined {
  const name = /^fourseven(?:\/(plugin))?$/.exec(specifier)
  // A bundler that writes CommonJS leaves nothing here.
  const here = import.meta.url as string | undefined
  if (name === null || here === undefined) return undefined
  const entry = new URL(`../../${name[1] ?? 'index'}.${here.endsWith('.ts') ? 'ts' : 'js'}`, here)
  return existsSync(entry) ? entry.href : undefined
}
