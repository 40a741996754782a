import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Why `lb` cannot run, in terms of the user's configuration: the CLI prints `message` and exits 1. */
export class StartError extends Error {
  override readonly name = 'StartError'
  /** EADDRINUSE, EACCES … or LB_… for a cause of lb's own. */
  readonly code: string
  /** `0.0.0.0:80`, as in the configuration. */
  readonly address: string | undefined
  /** The setting that has the address: `listeners[2].bind` or `admin.bind`. */
  readonly setting: string | undefined

  constructor(plain: PlainStartError, cause?: unknown) {
    super(plain.message, cause === undefined ? undefined : { cause })
    this.code = plain.code
    this.address = plain.address
    this.setting = plain.setting
  }
}

/** The same in a form that can be sent between threads. */
export interface PlainStartError {
  readonly code: string
  readonly message: string
  readonly address?: string | undefined
  readonly setting?: string | undefined
}

export function plainStartError(error: unknown): PlainStartError {
  if (error instanceof StartError) {
    const { code, message, address, setting } = error
    return { code, message, address, setting }
  }
  const { code, message } = error as NodeJS.ErrnoException
  return { code: code ?? 'LB_INTERNAL', message: message ?? String(error) }
}

/** The error of a failed bind: the address, its setting, the reason and a cure. */
export function bindError(
  error: NodeJS.ErrnoException,
  address: string,
  setting: string,
  listener?: string
): StartError {
  const where = listener === undefined ? setting : `${setting}, listener ${listener}`
  const message = `cannot listen on ${address} (${where}): ${reasonOf(error, address)}`
  return new StartError({ code: error.code ?? 'LB_INTERNAL', message, address, setting }, error)
}

const startedAsRoot = process.geteuid?.() === 0

function droppedRoot(): boolean {
  return startedAsRoot && process.geteuid?.() !== 0
}

function reasonOf(error: NodeJS.ErrnoException, address: string): string {
  if (address.startsWith('unix:')) return unixReason(error, address.slice('unix:'.length))
  switch (error.code) {
    case 'EADDRINUSE':
      return droppedRoot()
        ? 'the address is in use by another program, or lb bound this port before `user:` dropped root and may not share it now: start lb again'
        : 'the address is in use by another program'
    case 'EACCES':
      if (droppedRoot())
        return 'permission denied: `user:` has dropped root, and ports below 1024 are bound before that: start lb again'
      return 'permission denied: ports below 1024 need root (then `user:` drops it) or the capability CAP_NET_BIND_SERVICE'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved'
    case 'ENOENT':
      return 'no such file'
    case 'EMFILE':
      return 'too many open files (ulimit -n)'
    default:
      return error.message
  }
}

/** libuv says EACCES where bind(2) says that the directory does not exist. */
function unixReason(error: NodeJS.ErrnoException, path: string): string {
  const folder = dirname(path)
  const there = statSync(folder, { throwIfNoEntry: false })
  if (there === undefined) return `the directory ${folder} does not exist; make it, or name another`
  if (!there.isDirectory()) return `${folder} is not a directory`
  switch (error.code) {
    case 'EADDRINUSE':
      return existsSync(path) && !statSync(path).isSocket()
        ? 'there is a file with that name, and it is not a socket'
        : 'another program listens on it'
    case 'EACCES':
    case 'EPERM':
      return `permission denied in ${folder}: the user who starts lb needs write permission there`
    default:
      return error.message
  }
}
