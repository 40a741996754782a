interface Latin1Buffer {
  latin1Slice(start: number, end: number): string
}

/** `buffer.toString('latin1', start, end)` without its look-up of the encoding's name: 40 of 110 ns. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return (buffer as unknown as Latin1Buffer).latin1Slice(start, end)
}
