/** What one generated request is, and how the backend is to treat it. It travels in the field X-Plan. */
export interface Plan {
  readonly id: string
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  path: string
  /** Bytes of the upload; 0 for none. */
  upload: number
  chunkedUpload: boolean
  /** Pause in ms before each piece of the upload. */
  pieceMs: number
  status: number
  /** Bytes of the answer's body, where its status has one. */
  size: number
  framing: 'length' | 'chunked' | 'close'
  /** Interim responses before the answer. */
  interim: number
  /** The backend closes a kept connection on which this request comes, without an answer. */
  closesKept: boolean
  /** … after this much of the upload. */
  closesAfter: number
  /** The backend closes the connection with the answer. */
  closesAfterwards: boolean
  /** The answer comes in pieces, this many ms apart; 0: at once. */
  drip: number
  /** Answers as soon as it has the head. */
  early: boolean
  /** Never answers. */
  hangs: boolean
  cacheControl: string
  /** Fields that the client sends besides. */
  fields: string
}

export function plainPlan(id: string): Plan {
  return {
    id,
    method: 'GET',
    path: `/r/${id}`,
    upload: 0,
    chunkedUpload: false,
    pieceMs: 0,
    status: 200,
    size: 100,
    framing: 'length',
    interim: 0,
    closesKept: false,
    closesAfter: 0,
    closesAfterwards: false,
    drip: 0,
    early: false,
    hangs: false,
    cacheControl: '',
    fields: ''
  }
}

/** Bytes that tell by themselves where they belong. */
export function bytesOf(id: string, size: number): Buffer {
  const line = `${id};`
  return Buffer.from(line.repeat(Math.ceil(size / line.length)).slice(0, size), 'latin1')
}
