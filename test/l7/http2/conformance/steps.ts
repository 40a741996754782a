import {
  CONTINUATION,
  DATA,
  errorName,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FLAG_PRIORITY,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE
} from '../../../../src/l7/http2/frames/codes.ts'
import { block, frame, setting, u32, type Frame } from '../wire.ts'
import type { Peer } from './peer.ts'

// The words in which the cases are written: bytes to send, and what must come.

/** Bytes are sent; a function sends or waits as it likes, and throws if what comes is wrong. */
export type Step = Buffer | ((peer: Peer) => Promise<void>)
export type Case = readonly [section: string, title: string, ...steps: Step[]]
type Field = readonly [name: string, value: string]

export const END = FLAG_END_STREAM
export const WHOLE = FLAG_END_HEADERS

const FIELDS: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a.example']
]

/** A request's fields, some of them with other values; `undefined` leaves one out. */
export function fields(changes: Record<string, string | undefined> = {}, ...more: Field[]): Field[] {
  const kept = FIELDS.map(([name, value]): [string, string | undefined] => [
    name,
    name in changes ? changes[name] : value
  ])
  return [...kept.filter((each): each is [string, string] => each[1] !== undefined), ...more]
}

export const POST = { ':method': 'POST' }

/** `count` fields of 4,000 bytes. */
export const dummies = (count: number): Buffer =>
  block(Array.from({ length: count }, (_, i): Field => [`x-dummy${i}`, 'x'.repeat(4000)]))

export const get = (id = 1, more: Uint8Array = Buffer.alloc(0)): Buffer =>
  frame(HEADERS, END | WHOLE, id, Buffer.concat([block(fields()), more]))
export const post = (id = 1, ...more: Field[]): Buffer =>
  frame(HEADERS, WHOLE, id, block(fields(POST, ...more)))
export const request = (list: readonly Field[], flags = END | WHOLE): Buffer =>
  frame(HEADERS, flags, 1, block(list))
export const headers = (flags: number, id: number, ...parts: Uint8Array[]): Buffer =>
  frame(HEADERS, flags, id, Buffer.concat(parts))
export const continuation = (flags: number, id: number, bytes: Uint8Array = dummies(1)): Buffer =>
  frame(CONTINUATION, flags, id, bytes)
export const data = (id: number, text = 'test', flags = END): Buffer =>
  frame(DATA, flags, id, Buffer.from(text))
export const reset = (id: number, code = 8): Buffer => frame(RST_STREAM, 0, id, u32(code))
export const widen = (id: number, by: number): Buffer => frame(WINDOW_UPDATE, 0, id, u32(by))
export const settings = (...pairs: (readonly [number, number])[]): Buffer =>
  frame(SETTINGS, 0, 0, Buffer.concat(pairs.map(([id, value]) => setting(id, value))))
export const weight = (dependency: number, value: number, exclusive = false): Buffer =>
  Buffer.concat([u32(exclusive ? dependency | 0x8000_0000 : dependency), Buffer.from([value])])
export const priority = (id: number, dependency = 0, value = 255, exclusive = false): Buffer =>
  frame(PRIORITY, 0, id, weight(dependency, value, exclusive))
export const withPriority = (dependency: number): Buffer =>
  headers(END | WHOLE | FLAG_PRIORITY, 1, weight(dependency, 255), block(fields()))
export const ping = (flags = 0): Buffer => frame(PING, flags, 0, Buffer.from('h2-check'))
export { block, frame }

/** GOAWAY with one of these codes, and then the end of the connection. */
export const connectionError =
  (...codes: number[]): Step =>
  async (peer) => {
    const { payload } = await peer.next(
      ({ type }) => type === GOAWAY,
      `GOAWAY ${codes.map(errorName).join()}`
    )
    const code = payload.readUInt32BE(4)
    if (!codes.includes(code)) throw new Error(`GOAWAY ${errorName(code)}`)
    await peer.end()
  }

/** RST_STREAM or GOAWAY with one of these codes. */
export const streamError =
  (...codes: number[]): Step =>
  async (peer) => {
    const code = ({ type, payload }: Frame): number =>
      type === RST_STREAM ? payload.readUInt32BE(0) : payload.readUInt32BE(4)
    await peer.next(
      (each) => (each.type === RST_STREAM || each.type === GOAWAY) && codes.includes(code(each)),
      `stream error ${codes.map(errorName).join()}`
    )
  }

/** RST_STREAM on stream 1, and the connection goes on. */
export const resetWith =
  (code: number): Step =>
  async (peer) => {
    await peer.next(
      ({ type, id, payload }) => type === RST_STREAM && id === 1 && payload.readUInt32BE(0) === code,
      `RST_STREAM ${errorName(code)}`
    )
  }

export const goaway =
  (code: number): Step =>
  async (peer) => {
    await peer.next(
      ({ type, payload }) => type === GOAWAY && payload.readUInt32BE(4) === code,
      `GOAWAY ${errorName(code)}`
    )
  }

export const closed: Step = async (peer) => peer.end()

/** A response's head on stream 1. */
export const answered: Step = async (peer) => {
  await peer.next(({ type, id }) => type === HEADERS && id === 1, 'HEADERS')
}

/** END_STREAM of the response. */
export const finished: Step = async (peer) => {
  await peer.next(
    ({ type, flags }) => (type === DATA || type === HEADERS) && (flags & END) !== 0,
    'END_STREAM'
  )
}

export const pong: Step = async (peer) => {
  await peer.next(
    ({ type, flags, payload }) => type === PING && flags === FLAG_ACK && payload.toString() === 'h2-check',
    'PING ACK'
  )
}

export const acknowledged: Step = async (peer) => {
  await peer.next(({ type, flags }) => type === SETTINGS && flags === FLAG_ACK, 'SETTINGS ACK')
}

/** DATA; `size`: of just so many bytes. */
export const body =
  (size?: number): Step =>
  async (peer) => {
    const { payload } = await peer.next(({ type }) => type === DATA, 'DATA')
    if (size !== undefined && payload.length !== size) throw new Error(`DATA of ${payload.length}`)
  }
