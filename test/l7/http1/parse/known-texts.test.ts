import fc from 'fast-check'
import t from 'tap'
import { KnownTexts } from '../../../../src/core/latin1.ts'

t.test('whatever was read before, a text is that of its bytes', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.constantFrom('keep-alive', 'close', 'a.example', 'b.example').map((text) => Buffer.from(text))
  )
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 400 }), fc.nat(8), (texts, before) => {
      const known = new KnownTexts()
      for (const text of texts) {
        const buffer = Buffer.concat([Buffer.alloc(before, 'x'), text, Buffer.from('yy')])
        const read = known.read(buffer, before, before + text.length)
        if (read !== Buffer.from(text).toString('latin1')) return false
      }
      return true
    })
  )
})
