import { accessSync, closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../../config/model/model.ts'
import type { Logger } from '../../core/log/log.ts'
import { dropPrivileges, type Account } from './privileges.ts'

/** Continues as `account`, which becomes the owner of files that root has opened and lb has to open again. */
export function takeOn(account: Account, config: Config, log: Logger): void {
  const { name: user, uid, gid } = account
  const files = logFiles(config)
  for (const file of files) give(file, account)
  dropPrivileges(account)
  log.info({ user, uid, gid }, `runs as ${user}`)
  for (const file of files) {
    if (!may(dirname(file), constants.W_OK | constants.X_OK))
      log.warn({ file, user }, 'the user may not write to the folder of this log: it cannot be rotated')
  }
  for (const file of config.plugins.flatMap(({ files }) => files)) {
    if (!may(file, constants.R_OK))
      log.warn({ file, user }, 'the user may not read this plugin: a worker that dies cannot be replaced')
  }
}

function logFiles({ listeners }: Config): readonly string[] {
  return [...new Set(listeners.flatMap(({ accessLog }) => accessLog.file ?? []))]
}

/**
 * Only files of root, and through a descriptor: a user who can write to the folder could have replaced it by a link to
 * another file.
 */
function give(file: string, { uid, gid }: Account): void {
  let fd: number | undefined
  try {
    fd = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const found = fstatSync(fd)
    if (found.isFile() && found.nlink === 1 && found.uid === 0) fchownSync(fd, uid, gid)
  } catch {
    // A link, or removed: that is the operator's responsibility.
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function may(path: string, how: number): boolean {
  try {
    accessSync(path, how)
    return true
  } catch {
    return false
  }
}
