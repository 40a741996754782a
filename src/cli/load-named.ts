import { readStandardInput } from '../config/config-file.ts'
import { loadConfig, loadText } from '../config/load-config.ts'
import { type ConfigResult, unreadable } from '../config/parse-config.ts'

/** A file as the command line names it; `-` is standard input. */
export async function loadNamed(file: string): Promise<ConfigResult> {
  if (file !== '-') return loadConfig(file, process.env)
  const text = readStandardInput()
  return typeof text === 'string' ? loadText(text, '-', process.env) : unreadable('-', text)
}
