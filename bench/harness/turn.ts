import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * Two benchmarks on one machine at once are both worthless: waits until the one that holds the file has ended. Returns
 * what gives the turn back; it is given back when the process ends, too.
 */
export async function takeTurn(file: string, onWait: (pid: number) => void): Promise<() => void> {
  for (let told = false; ;) {
    const holder = tryTake(file)
    if (holder === undefined) break
    if (!told) onWait(holder)
    told = true
    await wait(500)
  }
  const giveBack = (): void => {
    if (holderOf(file) === process.pid) rmSync(file, { force: true })
  }
  process.once('exit', giveBack)
  return giveBack
}

/** Undefined when it is ours now, otherwise the pid that holds it. What a dead process left is taken over. */
function tryTake(file: string): number | undefined {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const holder = holderOf(file)
  if (holder !== undefined && isAlive(holder)) return holder
  rmSync(file, { force: true })
  return tryTake(file)
}

function holderOf(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
