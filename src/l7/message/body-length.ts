/** Length of a body in bytes, or one of these two where there is no such number. */
export type BodyLength = number

/** Only the end of the body tells: chunks, the end of a stream or of a connection. */
export const UNKNOWN_LENGTH = -1
/** A response without a body, whatever its fields say (HEAD, 204, 304); its Content-Length is not sent. */
export const NO_BODY = -2
