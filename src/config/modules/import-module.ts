import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ModuleFiles } from './module-files.ts'
import { serve } from './module-hooks.ts'

/** A module may use await at its top level, but not for ever. */
const IMPORT_MS = 10_000

/**
 * The default export of a user's module. For one hash it is imported once per thread; Node never unloads a module, so
 * each version of its content stays in memory.
 */
export async function importModule(
  files: Pick<ModuleFiles, 'sources' | 'hash'> & { path: string }
): Promise<unknown> {
  const { path, hash, sources } = files
  const stop = serve(hash, sources)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`it was not ready within ${IMPORT_MS / 1e3} s`)),
    IMPORT_MS
  )
  try {
    const url = `${pathToFileURL(path).href}?lb=${hash}`
    const module = (await Promise.race([import(url), late.promise])) as { readonly default?: unknown }
    return module.default
  } catch (error) {
    throw new Error(reasonOf(error, path), { cause: error })
  } finally {
    clearTimeout(timer)
    stop()
  }
}

/** The message, with the position in the module where Node gives one. */
function reasonOf(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message.replaceAll(/\?lb=[0-9a-f]+/g, '').split('\n')[0]!
  const place = new RegExp(`([^/\\s(]+)\\?lb=[0-9a-f]+:(\\d+)`).exec(error.stack ?? '')
  const where = place === null ? basename(path) : `${place[1]}:${place[2]}`
  return message.includes(where) ? message : `${message} (${where})`
}
