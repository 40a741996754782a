import type { AdminClient } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'
import type { Terminal } from '../terminal.ts'

/**
 * `lb reload`: prints what changed, or would change; a refused configuration counts as wrong usage, as in `lb check`.
 */
export async function reload(client: AdminClient, plan: boolean, terminal: Terminal): Promise<void> {
  const { changed, lines, errors } = await client.reload(plan)
  if (errors !== undefined && errors.length > 0) {
    throw new CliError(`refused, the configuration in force stays:\n${errors.join('\n')}`, exitCode.usage)
  }
  for (const line of lines) terminal.write(`${line}\n`)
  // A plan lists unchanged parts; the report of a reload says itself that nothing changed.
  if (!changed && plan) terminal.write('nothing would change\n')
}
