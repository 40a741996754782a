import { hash } from 'node:crypto'
import type { ChainableCommander } from 'ioredis'
import type { Connection } from './connect.ts'

export type Argument = string | number | Buffer

/** A script of the server, called by its digest. */
export class Script {
  readonly text: string
  readonly digest: string

  constructor(text: string) {
    this.text = text
    this.digest = hash('sha1', text)
  }
}

/** All keys are in one slot of a cluster. */
export function runScript(
  connection: Connection,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[]
): Promise<unknown> {
  return known(
    () => connection.evalsha(script.digest, keys.length, ...keys, ...args),
    () => connection.eval(script.text, keys.length, ...keys, ...args)
  )
}

/**
 * The same, sent before this returns, and not with the other commands of this turn. Not in a cluster: there ioredis keeps back what goes
 * to a node that hangs, and what has left is executed when the node goes on, claims for which others would wait included.
 */
export function runScriptAtOnce(
  connection: Connection,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[]
): Promise<unknown> {
  if (connection.isCluster) return runScript(connection, script, keys, args)
  return known(
    () => atOnce(connection.pipeline().evalsha(script.digest, keys.length, ...keys, ...args)),
    () => connection.eval(script.text, keys.length, ...keys, ...args)
  )
}

/** As `runScript`, with all text of the reply as bytes. */
export function runScriptForBytes(
  connection: Connection,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[]
): Promise<unknown> {
  const bytes = connection as unknown as ForBytes
  return known(
    () => bytes.evalshaBuffer(script.digest, keys.length, ...keys, ...args),
    () => bytes.evalBuffer(script.text, keys.length, ...keys, ...args)
  )
}

/** Exists, but not in the types. */
interface ForBytes {
  evalshaBuffer(script: string, keys: number, ...args: Argument[]): Promise<unknown>
  evalBuffer(script: string, keys: number, ...args: Argument[]): Promise<unknown>
}

/** Sends one command before this returns. */
export async function atOnce(command: ChainableCommander): Promise<unknown> {
  const replies = await command.exec()
  const [error, reply] = replies![0]!
  if (error !== null) throw error
  return reply
}

async function known(call: () => Promise<unknown>, teach: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return teach()
  }
}
