import { loadConfig } from '../config/load-config.ts'
import { knownPlugin } from '../config/plugins/known-plugins.ts'
import { formatProblems } from '../config/report/format-problems.ts'
import { jsonSchema } from '../config/schema/json/json-schema.ts'
import { exitCode } from './exit-code.ts'

/** `lb schema`: prints the JSON Schema of the YAML; with a file, including the keys of its plugins. */
export async function printSchema(file: string | undefined): Promise<void> {
  const plugins = []
  if (file !== undefined) {
    const loaded = await loadConfig(file, process.env)
    if (!loaded.ok) {
      process.stderr.write(`${formatProblems(loaded.problems)}\n`)
      process.exitCode = exitCode.usage
      return
    }
    plugins.push(...loaded.config.plugins.map((config) => knownPlugin(config)!.plugin))
  }
  process.stdout.write(`${JSON.stringify(jsonSchema(plugins), null, 2)}\n`)
}
