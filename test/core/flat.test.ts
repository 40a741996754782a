import t from 'tap'
import { flat } from '../../src/core/flat.ts'

void t.test('a flat text is the same text', async (t) => {
  for (const text of [
    '',
    'a',
    `X: ${'y'.repeat(300)}\r\n`,
    '\u00ff\u0000',
    'beyond latin1: \u20ac',
    '\ud83d\ude00'
  ])
    t.equal(flat(`${text}${text}`), text + text)
})
