interface Latin1Buffer {
  latin1Slice(start: number, end: number): string
}

/** `buffer.toString('latin1', start, end)` without its look-up of the encoding's name: 40 of 110 ns. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return (buffer as unknown as Latin1Buffer).latin1Slice(start, end)
}

interface Latin1Target {
  latin1Write(text: string, at: number, length: number): number
}

/** `buffer.write(text, at, 'latin1')` without that look-up; returns the number of bytes. */
export function writeLatin1(buffer: Buffer, text: string, at: number): number {
  return (buffer as unknown as Latin1Target).latin1Write(text, at, text.length)
}

/** White space within a field line (OWS, RFC 9110 §5.6.3). */
export function isBlank(c: number | undefined): boolean {
  return c === 32 || c === 9
}
