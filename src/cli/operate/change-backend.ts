import type { BackendView } from '../../admin/control-plane.ts'
import type { AdminClient, BackendRequest } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { sessionsText, stateWord } from '../status/status-table.ts'
import type { Terminal } from '../terminal.ts'
import { findBackend } from './find-backend.ts'

const POLL_MS = 250
/** Holders are counted over this time: shortly after the start, few may only mean that they have not come yet. */
const WATCH_SECONDS = 600

/** `lb drain|ready|maint|weight pool/backend`: makes the change and prints the new state. */
export async function changeBackend(
  client: AdminClient,
  key: string,
  change: BackendRequest,
  terminal: Terminal
): Promise<BackendView> {
  const { pool, backend } = findBackend(await client.pools(), key)
  const changed = await client.changeBackend(pool, backend.name, change)
  const sessions = changed.sessions === undefined ? '' : `, ${sessionsText(changed.sessions, Date.now())}`
  terminal.write(
    `${key}: ${stateWord(changed)}, weight ${changed.weight}, ${changed.active} active${sessions}\n`
  )
  if (change.state === 'drain' || change.state === 'maint') await tellIfEmpty(client, pool, terminal)
  return changed
}

/** Who takes the last one out should know it at once. */
async function tellIfEmpty(client: AdminClient, pool: string, terminal: Terminal): Promise<void> {
  const now = (await client.pools()).find(({ name }) => name === pool)
  if (now?.usable === 0)
    terminal.write(`pool ${pool} has no usable backend left: what is new there is refused\n`)
}

/**
 * Resolves when the backend has no active request, tunnel or L4 connection, and, where its sessions are kept, when no
 * client with its cookie has come for ten minutes. Idle connections of `lb` do not count. A CliError says what is left
 * after `waitMs`.
 */
export async function waitUntilIdle(
  client: AdminClient,
  key: string,
  waitMs: number,
  terminal: Terminal
): Promise<void> {
  const { pool, backend } = findBackend(await client.pools(), key)
  const deadline = performance.now() + waitMs
  let told = ''
  for (;;) {
    const { active, sessions } = await client.backend(pool, backend.name)
    const held = sessions !== undefined && (sessions.holders > 0 || sessions.watchedSeconds < WATCH_SECONDS)
    if (active === 0 && !held) {
      terminal.write(`${key}: idle\n`)
      return
    }
    const leftMs = deadline - performance.now()
    const left = held ? `${active} active, ${sessions.holders} holders of its cookie` : `${active} active`
    if (leftMs <= 0) throw new CliError(`${key} still has ${left} after ${waitMs / 1e3} s`)
    if (left !== told && terminal.isTty) terminal.write(`${key}: ${left}\n`)
    told = left
    await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, leftMs)))
  }
}
