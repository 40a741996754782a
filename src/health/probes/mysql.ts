import { ProbeMismatch, type Probe } from '../probe.ts'
import { converse } from './converse.ts'
import type { Dialogue, Step } from './dialogue.ts'

/**
 * A login to MySQL or MariaDB that is carried to its end, accepted or not: servers count connections that break off in
 * between and block the address after max_connect_errors (100) of them, but a refused login is none.
 */
export const mysqlProbe: Probe = (target, signal) =>
  converse(target, new MysqlDialogue(target.config.user), signal)

const MOST_PACKET = 64 * 1024
const QUIT = Buffer.from([1, 0, 0, 0, 1])
// LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH.
const CAPABILITIES = 0x1 | 0x200 | 0x8000 | 0x80000
const UTF8 = 33
/**
 * Errors about who asks, which a server that works answers to a stranger: access denied (1044, 1045, 1698), no such
 * database (1049), an authentication that this client does not know (1251, 1275), TLS demanded (3159), account locked or
 * expired (3118, 1820, 1862).
 */
const STRANGER = new Set([1044, 1045, 1049, 1251, 1275, 1698, 1820, 1862, 3118, 3159])

export class MysqlDialogue implements Dialogue {
  readonly #user: string
  #bytes = Buffer.alloc(0)
  #version: string | undefined

  constructor(user: string) {
    this.#user = user
  }

  begin(): undefined {
    return undefined
  }

  received(bytes: Buffer): Step | undefined {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length < 5) return undefined
    const length = this.#bytes.readUIntLE(0, 3)
    if (length === 0 || length > MOST_PACKET) throw new ProbeMismatch('not MySQL: a packet of odd length')
    if (this.#bytes.length < 4 + length) return undefined
    const sequence = this.#bytes[3]!
    const payload = this.#bytes.subarray(4, 4 + length)
    this.#bytes = this.#bytes.subarray(4 + length)
    return this.#version === undefined ? this.#greeting(payload) : this.#reply(payload, sequence)
  }

  closed(): Step {
    throw new ProbeMismatch(this.#version === undefined ? 'closed without a greeting' : 'closed at the login')
  }

  #greeting(payload: Buffer): Step {
    if (payload[0] === 0xff) throw new ProbeMismatch(errorText(payload))
    if (payload[0] !== 10) throw new ProbeMismatch(`not MySQL: protocol ${payload[0]}`)
    const end = payload.indexOf(0, 1)
    // MariaDB puts 5.5.5- in front for replicas that know no version above 5.
    this.#version = payload.toString('latin1', 1, end === -1 ? 1 : Math.min(end, 40)).replace(/^5\.5\.5-/, '')
    const body = Buffer.alloc(32)
    body.writeUInt32LE(CAPABILITIES, 0)
    body.writeUInt32LE(1 << 24, 4)
    body[8] = UTF8
    return { send: packet(1, Buffer.concat([body, Buffer.from(`${this.#user}\0\0mysql_native_password\0`)])) }
  }

  #reply(payload: Buffer, sequence: number): Step | undefined {
    const passed = `${this.#version} answers`
    if (payload[0] === 0) return { send: QUIT, passed }
    // AuthSwitchRequest: the account wants another method, of which an empty password is tried.
    if (payload[0] === 0xfe) return { send: packet(sequence + 1, Buffer.alloc(0)) }
    if (payload[0] !== 0xff || payload.length < 3) return { send: QUIT, passed }
    if (STRANGER.has(payload.readUInt16LE(1))) return { send: '', passed }
    throw new ProbeMismatch(errorText(payload))
  }
}

function packet(sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(payload.length, 0, 3)
  head[3] = sequence & 255
  return Buffer.concat([head, payload])
}

/** `1040 Too many connections`. The SQL state before the text is left out. */
function errorText(payload: Buffer): string {
  if (payload.length < 3) return 'an error without a code'
  const text = payload.toString('latin1', 3).replace(/^#.{5}/, '')
  return `${payload.readUInt16LE(1)} ${text}`.slice(0, 160)
}
