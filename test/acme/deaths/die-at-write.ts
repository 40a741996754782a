// Loaded before lb by run-deaths.ts: the process kills itself at writes that a file names.
import fs from 'node:fs'
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/** `before` and `after` it is moved to its place; `torn`: half of it is written. */
export interface WriteDeath {
  /** `account`, or the step that a name's record says. */
  readonly what: string
  readonly phase: 'before' | 'after' | 'torn'
}

const list = process.env['LB_DEATHS']
const rename = fsPromises.rename

if (list !== undefined) {
  fsPromises.rename = async (from, to) => {
    const phase = takeDeath(String(from), String(to))
    if (phase === 'torn') fs.truncateSync(from, fs.statSync(from).size >> 1)
    if (phase === 'torn' || phase === 'before') process.kill(process.pid, 'SIGKILL')
    await rename(from, to)
    if (phase === 'after') process.kill(process.pid, 'SIGKILL')
  }
  syncBuiltinESMExports()
}

function takeDeath(from: string, to: string): WriteDeath['phase'] | undefined {
  if (!to.endsWith('.json')) return undefined
  const record = JSON.parse(fs.readFileSync(from, 'utf8')) as {
    order?: { step: string }
    certificate?: object
    failure?: object
  }
  const step = record.order?.step ?? (record.certificate ? 'obtained' : 'other')
  const what = to.includes('/accounts/') ? 'account' : step
  const deaths = JSON.parse(fs.readFileSync(list!, 'utf8')) as WriteDeath[]
  const found = deaths.find((each) => each.what === what)
  if (found === undefined) return undefined
  fs.writeFileSync(list!, JSON.stringify(deaths.filter((each) => each !== found)))
  return found.phase
}
