import { bad, MORE, type ParsedHeader } from './header.ts'
import { parseV1, V1_PREFIX } from './parse-v1.ts'
import { parseV2, V2_SIGNATURE } from './parse-v2.ts'

const v1Prefix = Buffer.from(V1_PREFIX)

/**
 * The PROXY header of either version at the start of a connection's bytes. Returns `bad` as soon as the first bytes
 * cannot begin one, so that a client that sends something else need not wait for the deadline.
 */
export function parseProxyHeader(buffer: Buffer, start: number, end: number): ParsedHeader {
  if (begins(v1Prefix, buffer, start, end)) {
    return end - start < v1Prefix.length ? MORE : parseV1(buffer, start, end)
  }
  if (begins(V2_SIGNATURE, buffer, start, end)) {
    return end - start < V2_SIGNATURE.length ? MORE : parseV2(buffer, start, end)
  }
  return bad('no PROXY header')
}

/** True while `start..end` matches the signature as far as both go. */
function begins(signature: Buffer, buffer: Buffer, start: number, end: number): boolean {
  const length = Math.min(signature.length, end - start)
  return buffer.compare(signature, 0, length, start, start + length) === 0
}
