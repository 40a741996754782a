import type { Config } from '../../../config/model/model.ts'
import type { Clock } from '../../../core/clock.ts'
import { materialFiles } from '../reload/material.ts'
import { watchFiles } from './watch-files.ts'

interface Report {
  readonly errors?: readonly string[]
}

interface Taking {
  reload(plan: boolean, strict: boolean): Promise<Report>
  apply(config: Config, strict: boolean): Promise<Report>
}

/**
 * Applies changed certificates always, and with `watch` changes of the configuration's file and plugins. Returns a
 * function that stops it.
 */
export function followFiles(
  options: { readonly configPath?: string; readonly watch?: boolean },
  clock: Clock,
  inForce: () => Config,
  taking: Taking,
  refused: (error: unknown) => void
): () => void {
  const file = options.watch === true ? options.configPath : undefined
  const files = () => {
    const config = inForce()
    const modules = [...(config.imports ?? []), ...config.plugins.flatMap((plugin) => plugin.files)]
    return [...(file === undefined ? [] : [file, ...modules]), ...materialFiles(config)]
  }
  return watchFiles(files, clock, async () => {
    try {
      const { errors } = await (file === undefined
        ? taking.apply(inForce(), false)
        : taking.reload(false, false))
      return errors === undefined
    } catch (error) {
      refused(error)
      return false
    }
  })
}
