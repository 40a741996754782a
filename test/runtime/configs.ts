import type { Config } from '../../src/config/model/model.ts'
import { configFromObject } from '../../src/config/parse-config.ts'

/** A validated configuration from an object of the YAML's shape. */
export function configOf(yaml: object): Config {
  const result = configFromObject(yaml)
  if (!result.ok)
    throw new Error(result.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  return result.config
}
