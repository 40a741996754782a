/** Fields that the engine itself reads or replaces, noted while a head is read: bits of `seen`. Tracestate counts as traceparent. */
/** Via or CDN-Loop. */
export const SEEN_HOPS = 1
export const SEEN_FORWARDED = 2
export const SEEN_X_FORWARDED = 4
export const SEEN_REQUEST_ID = 8
export const SEEN_TRACEPARENT = 16
export const SEEN_DATE = 32
export const SEEN_TRAILER = 64
/** A name that begins with "x-", or another that backends take for a proxy's word: True-Client-IP, Client-Cert and their kin. */
export const SEEN_X = 128
export const SEEN_AUTHORIZATION = 256
