/** Frames of RFC 6455 as a client sends them, also such as no client should. */
export interface FrameShape {
  readonly opcode: number
  readonly payload?: string | Buffer
  readonly fin?: boolean
  /** The three reserved bits. */
  readonly reserved?: number
  readonly unmasked?: boolean
}

export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

/** Always the same, so that what comes back can be compared. */
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

export function frame({
  opcode,
  payload = '',
  fin = true,
  reserved = 0,
  unmasked = false
}: FrameShape): Buffer {
  const body = Buffer.from(payload)
  const length = body.length
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const head = Buffer.alloc(2 + size)
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  head[1] = (unmasked ? 0 : 0x80) | (size === 0 ? length : size === 2 ? 126 : 127)
  if (size === 2) head.writeUInt16BE(length, 2)
  else if (size === 8) head.writeBigUInt64BE(BigInt(length), 2)
  if (unmasked) return Buffer.concat([head, body])
  for (let i = 0; i < length; i++) body[i]! ^= MASK[i % 4]!
  return Buffer.concat([head, MASK, body])
}

export const text = (payload: string | Buffer, fin = true): Buffer => frame({ opcode: TEXT, payload, fin })
export const binary = (payload: Buffer, fin = true): Buffer => frame({ opcode: BINARY, payload, fin })
export const more = (payload: string | Buffer, fin = false): Buffer => frame({ opcode: 0, payload, fin })
export const ping = (payload: string | Buffer = '', fin = true): Buffer =>
  frame({ opcode: PING, payload, fin })
export const pong = (payload = ''): Buffer => frame({ opcode: PONG, payload })

/** A close with a code, or with a payload of one's own. */
export function close(code: number | Buffer = 1000, reason: string | Buffer = ''): Buffer {
  if (typeof code !== 'number') return frame({ opcode: CLOSE, payload: code })
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return frame({ opcode: CLOSE, payload: Buffer.concat([payload, Buffer.from(reason)]) })
}
