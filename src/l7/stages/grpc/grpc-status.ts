import { own } from '../../../core/own.ts'
import { errorKind, type ErrorCode } from '../../../core/errors.ts'

const UNKNOWN = 2
const DEADLINE_EXCEEDED = 4
const RESOURCE_EXHAUSTED = 8
const UNAVAILABLE = 14
const UNAUTHENTICATED = 16

/**
 * By HTTP status, as in gRPC's own table where it has an entry (doc/http-grpc-status-mapping.md). Except 429: that table is
 * for clients, which cannot tell who is exhausted. UNAVAILABLE would tell a client over its limit to ask again at once.
 */
const BY_STATUS: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, UNAUTHENTICATED],
  [403, 7],
  [404, 12],
  [405, 12],
  [408, DEADLINE_EXCEEDED],
  [413, RESOURCE_EXHAUSTED],
  [414, RESOURCE_EXHAUSTED],
  [429, RESOURCE_EXHAUSTED],
  [431, RESOURCE_EXHAUSTED],
  [500, 13],
  [501, 12],
  [502, UNAVAILABLE],
  [503, UNAVAILABLE],
  [504, UNAVAILABLE]
])

/** The gRPC status for an error of lb. */
export function grpcStatusOf(code: ErrorCode | undefined, httpStatus: number): number {
  if (code === 'LB_RESPONSE_TIMEOUT') return DEADLINE_EXCEEDED
  if (code === 'LB_CLIENT_CERTIFICATE') return UNAUTHENTICATED
  return BY_STATUS.get(httpStatus) ?? UNKNOWN
}

/** For grpc-message: `phrase (LB_CODE)`. lb's phrases need no percent-encoding. */
export function grpcMessageOf(code: ErrorCode | undefined): string {
  return code === undefined ? 'refused' : `${errorKind(code).phrase} (${code})`
}

const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** The value of grpc-timeout in milliseconds; undefined when it is malformed. */
export function grpcTimeoutMs(value: string | undefined): number | undefined {
  const parts = value === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(value)
  return parts === null ? undefined : Math.ceil(Number(parts[1]) * own(UNITS, parts[2]!)!)
}

/** Whether it is a request or response of gRPC; gRPC-Web is not. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:$|[+; ])/i.test(contentType)
}
