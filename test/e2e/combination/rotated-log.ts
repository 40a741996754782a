import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import type { Answer } from './clients/answer.ts'
import { pause } from './plan.ts'

/** The access log is moved away and opened anew again and again, as logrotate and SIGUSR1 do it. */
export async function rotations(running: Runtime, folder: string, isGoingOn: () => boolean): Promise<void> {
  for (let number = 1; isGoingOn(); number++) {
    await pause(150)
    // A thread may not have opened it anew yet.
    if (!existsSync(join(folder, 'access.log'))) continue
    renameSync(join(folder, 'access.log'), join(folder, `access.log.${number}`))
    running.reopenLogs()
    // Each thread has its own turn.
    await pause(50)
  }
}

/** Longer than lines wait to be written. */
const WRITTEN_MS = 500

/** What is wrong with the lines of the requests that were answered, each of which has one; those of URLs that tell them apart. */
export async function linesOf(folder: string, answers: readonly Answer[]): Promise<readonly string[]> {
  await pause(WRITTEN_MS)
  const counts = new Map<string, number>()
  for (const name of readdirSync(folder).filter((each) => /^access\.log(?:\.\d+)?$/.test(each))) {
    for (const line of readFileSync(join(folder, name), 'latin1').split('\n')) {
      const path = /"[A-Z]+ (\S+) HTTP/.exec(line)?.[1]?.replace(/^https?:\/\/[^/]+/, '')
      if (path !== undefined) counts.set(path, (counts.get(path) ?? 0) + 1)
    }
  }
  const wrong: string[] = []
  for (const { plan, status, whole } of answers) {
    const count = counts.get(plan.path) ?? 0
    if (!plan.path.includes(plan.id) || plan.door.startsWith('l4')) continue
    if (count > 1 || (count === 0 && status > 0 && whole))
      wrong.push(`${count} lines in the access log of ${status} ${JSON.stringify(plan)}`)
  }
  return wrong
}
