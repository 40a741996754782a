import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs'
import type { Config } from '../../../config/model/model.ts'
import { StartError } from '../../control/start-error.ts'

/**
 * Sets mode, owner and group of the socket files. Called by the main thread, after binding and before it drops root.
 * Throws a StartError.
 */
export function giveSocketAccess(config: Config): void {
  for (const [index, { name, binds, socket }] of config.listeners.entries()) {
    if (socket === undefined) continue
    for (const bind of binds) {
      if (bind.kind !== 'unix') continue
      const setting = `listeners[${index}].socket`
      try {
        // An unchanged value needs no permission: a reload may come after root was dropped.
        const has = statSync(bind.path)
        const uid = socket.owner === undefined ? has.uid : idOf(socket.owner, '/etc/passwd', 'user')
        const gid = socket.group === undefined ? has.gid : idOf(socket.group, '/etc/group', 'group')
        if (uid !== has.uid || gid !== has.gid) chownSync(bind.path, uid, gid)
        if (socket.mode !== undefined && socket.mode !== (has.mode & 0o777)) chmodSync(bind.path, socket.mode)
      } catch (error) {
        const { code = 'LB_SOCKET', message } = error as NodeJS.ErrnoException
        const why = code === 'EPERM' ? 'that needs root' : message
        throw new StartError(
          {
            code,
            message: `cannot give ${bind.text} its access (${setting}, listener ${name}): ${why}`,
            setting
          },
          error
        )
      }
    }
  }
}

/** Why a socket cannot be given to this owner and group; undefined: it can. */
export function whyNoAccess({
  owner,
  group
}: NonNullable<Config['listeners'][number]['socket']>): string | undefined {
  try {
    if (owner !== undefined) idOf(owner, '/etc/passwd', 'user')
    if (group !== undefined) idOf(group, '/etc/group', 'group')
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** passwd(5) and group(5): name in the first field, number in the third. */
function idOf(name: string, file: string, word: string): number {
  const rows = readFileSync(file, 'utf8').split('\n')
  const fields = rows.map((row) => row.split(':')).filter((row) => row.length >= 3)
  const row = fields.find(([each]) => each === name) ?? fields.find(([, , id]) => id === name)
  if (row === undefined) throw new Error(`${word} ${name} does not exist on this machine`)
  return Number(row[2])
}
