/** What a Connection field says (RFC 9110 §7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean
  readonly keepAlive: boolean
  readonly upgrade: boolean
  /** Other names in it, lower case, ", "-separated: hop-by-hop too. '' for none. */
  readonly names: string
}

const NONE: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, names: '' }
const CLOSE: ConnectionOptions = { ...NONE, close: true }
const KEEP_ALIVE: ConnectionOptions = { ...NONE, keepAlive: true }
const UPGRADE: ConnectionOptions = { ...NONE, upgrade: true }

export function connectionOptions(value: string): ConnectionOptions {
  // What nearly every client sends, without taking the value apart.
  switch (value) {
    case '':
      return NONE
    case 'keep-alive':
    case 'Keep-Alive':
      return KEEP_ALIVE
    case 'close':
      return CLOSE
    case 'Upgrade':
    case 'upgrade':
      return UPGRADE
    default:
      return readOptions(value)
  }
}

function readOptions(value: string): ConnectionOptions {
  let close = false
  let keepAlive = false
  let upgrade = false
  let names = ''
  for (const option of value.toLowerCase().split(',')) {
    const name = option.trim()
    if (name === 'close') close = true
    else if (name === 'keep-alive') keepAlive = true
    else if (name === 'upgrade') upgrade = true
    else if (name !== '' && name !== 'te') names += names === '' ? name : `, ${name}`
  }
  return { close, keepAlive, upgrade, names }
}
