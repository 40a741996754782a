import { STATUS_CODES } from 'node:http'
import t from 'tap'
import { statusTexts } from '../../../src/l7/message/status-texts.ts'

t.test('every status that Node has words for has words here', async (t) => {
  const missing = Object.keys(STATUS_CODES).filter((status) => !statusTexts[Number(status)])
  t.strictSame(missing, [])
  t.equal(statusTexts[200], 'OK')
  t.equal(statusTexts[421], 'Misdirected Request')
})
