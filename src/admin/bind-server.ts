import { chmodSync, rmSync, statSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressBind } from '../config/model/bind.ts'

/** Makes the server listen; rejects with the error of `listen`. */
export async function bindServer(server: Server, bind: AddressBind): Promise<Server> {
  if (bind.kind === 'unix') await removeStaleSocket(bind.path)
  const options =
    bind.kind === 'unix' ? { path: bind.path } : { host: bind.host.replace(/^\[|\]$/g, ''), port: bind.port }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // Anyone who may open the socket may operate lb, so only owner and group may.
  if (bind.kind === 'unix') chmodSync(bind.path, 0o660)
  return server
}

/**
 * A killed process leaves its socket file behind. A socket that answers belongs to a living process, and other files
 * belong to someone: both stay, and `listen` says EADDRINUSE.
 */
async function removeStaleSocket(path: string): Promise<void> {
  try {
    if (!statSync(path).isSocket()) return
  } catch {
    return
  }
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  if (code === 'ECONNREFUSED') rmSync(path, { force: true })
}
