const MAX_BYTES = 16 * 1024 * 1024

/** The body as text, at most 16 MiB of it. Throws when there is more. */
export async function boundedText(body: AsyncIterable<Buffer>, most = MAX_BYTES): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > most) throw new RangeError(`the answer has more than ${most} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The lines of a stream as they come; each has at most 4 MiB. Throws at a longer one. */
export async function* boundedLines(
  body: AsyncIterable<Buffer>,
  most = 4 * 1024 * 1024
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 1)
      if (line.trim() !== '') yield line
    }
    if (rest.length > most) throw new RangeError(`a line has more than ${most} characters`)
  }
  if (rest.trim() !== '') yield rest
}
