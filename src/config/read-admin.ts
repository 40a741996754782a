import { dirname, resolve } from 'node:path'
import { parseBind } from './addresses.ts'
import { readConfigFile } from './config-file.ts'
import type { Environment } from './environment/environment.ts'
import { textOf } from './environment/env-text.ts'
import { readSecrets } from './environment/secrets.ts'
import type { AddressBind } from './model/bind.ts'
import { errorAt, type Problem } from './report/problem.ts'
import { isMap, type Raw, valueAt } from './raw.ts'
import { parseYaml } from './yaml/yaml-parse.ts'
import { YamlSource } from './yaml/yaml-source.ts'
import { yamlValues } from './yaml/yaml-values.ts'

export interface AdminOfFile {
  readonly bind?: AddressBind
  readonly token?: string
}

/**
 * The `admin` part of a file, whatever is wrong with the rest of it: an operator must be able to reach a running `lb`
 * while the file is being edited. Returns problems, or a string, when even that part cannot be read.
 */
export function readAdmin(path: string, env: Environment): AdminOfFile | readonly Problem[] {
  const text = readConfigFile(path)
  if (typeof text !== 'string') return [{ severity: 'error', file: path, path: '', ...text }]
  const source = new YamlSource(text, path, env)
  const root = source.syntax.length > 0 ? readable(text, env) : source.value
  const admin = isMap(root) ? valueAt(root, ['admin']) : undefined
  // The syntax error comes before the key, so its value is unknown.
  if (admin === undefined && source.syntax.length > 0) return source.syntax
  if (admin === undefined || admin === null) return {}
  const written = isMap(admin) ? admin['bind'] : admin
  const first = textOf(Array.isArray(written) ? (written as readonly Raw[])[0] : written)
  const bind = first === undefined ? undefined : parseBind(first)
  if (bind === undefined || typeof bind === 'string') {
    const message =
      bind ?? 'admin.bind is not an address, so the lb of this file is not known; name it with --admin'
    return [source.problem(errorAt(['admin', 'bind'], message))]
  }
  const directory = dirname(resolve(path))
  const [unread] = readSecrets(root!, directory)
  if (unread !== undefined) return [source.problem(unread)]
  const token = isMap(admin) ? textOf(admin['token']) : undefined
  return {
    bind: bind.kind === 'unix' ? { ...bind, path: resolve(directory, bind.path) } : bind,
    ...(token !== undefined && token !== '' && { token })
  }
}

/** What the parser could read of a text with syntax errors. */
function readable(text: string, env: Environment): Raw {
  const yaml = parseYaml(text)
  return 'offset' in yaml ? null : yamlValues(yaml.document, env).value
}
