import { randomHex } from './random-hex.ts'

export const MAX_REQUEST_ID = 128

/** 128 random bits, which is also a valid trace id. Not a UUIDv7: logs are sorted by time without it. */
export function newRequestId(): string {
  return randomHex(32)
}

/**
 * The id that a trusted peer gave, or undefined when it is no id: longer than 128, or with anything in it but
 * letters, digits and `-._~:/+=@`, so that it can be written into any log and any field as it is.
 * What others send is not even looked at: they could make two requests look like one.
 */
export function keptRequestId(value: string | undefined): string | undefined {
  if (value === undefined || value.length === 0 || value.length > MAX_REQUEST_ID) return undefined
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (c > 127 || ALLOWED[c] === 0) return undefined
  }
  return value
}

const ALLOWED = new Uint8Array(128)
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/+=@') {
  ALLOWED[c.charCodeAt(0)] = 1
}
