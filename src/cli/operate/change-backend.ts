import type { BackendChange, BackendView } from '../../admin/control-plane.ts'
import type { AdminClient } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { stateWord } from '../status/status-table.ts'
import type { Terminal } from '../terminal.ts'
import { findBackend } from './find-backend.ts'

const POLL_MS = 250

/** `lb drain|ready|maint|weight pool/backend`: makes the change and says how it stands now. */
export async function changeBackend(
  client: AdminClient,
  key: string,
  change: BackendChange,
  terminal: Terminal
): Promise<BackendView> {
  const { pool, backend } = findBackend(await client.pools(), key)
  const changed = await client.changeBackend(pool, backend.name, change)
  terminal.write(`${key}: ${stateWord(changed)}, weight ${changed.weight}, ${changed.active} active\n`)
  return changed
}

/**
 * Resolves when nothing runs over the backend any more: no request, no tunnel, no L4 connection. Idle connections that
 * `lb` keeps for later do not count. A CliError says what is left after `waitMs`.
 */
export async function waitUntilIdle(
  client: AdminClient,
  key: string,
  waitMs: number,
  terminal: Terminal
): Promise<void> {
  const { pool, backend } = findBackend(await client.pools(), key)
  const deadline = performance.now() + waitMs
  let told = -1
  for (;;) {
    const { active } = await client.backend(pool, backend.name)
    if (active === 0) {
      terminal.write(`${key}: idle\n`)
      return
    }
    const leftMs = deadline - performance.now()
    if (leftMs <= 0) throw new CliError(`${key} still has ${active} active after ${waitMs / 1e3} s`)
    if (active !== told && terminal.isTty) terminal.write(`${key}: ${active} active\n`)
    told = active
    await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, leftMs)))
  }
}
