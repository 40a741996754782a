import { HeaderBlock } from '../../message/header-block.ts'
import { UNREADABLE, type Request } from '../../message/request.ts'

/** The rest of a longer head is ignored. */
const MOST = 4096
const LINE = /^[\r\n]*([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32})[ \t]+([^\s]{1,512})/
const ACCEPT = /\naccept:[ \t]*([ -~]{1,512})\r?\n/i
const HOST = /\nhost:[ \t]*([^\s]{1,255})/i

/** What can be parsed of a refused head: for the log, and to decide whether people or programs read the answer. */
export function readablePart(head: Buffer): Request {
  const text = head.toString('latin1', 0, MOST)
  const line = LINE.exec(text)
  const host = HOST.exec(text)?.[1] ?? ''
  const accept = ACCEPT.exec(text)?.[1]
  const headers = accept === undefined ? UNREADABLE.headers : new HeaderBlock(`Accept: ${accept}\r\n`)
  // A HEAD is treated as unknown, so that the answer has a body.
  if (line === null || line[1] === 'HEAD') return { ...UNREADABLE, headers, target: line?.[2] ?? '', host }
  return { ...UNREADABLE, headers, method: line[1]!, target: line[2]!, host }
}
