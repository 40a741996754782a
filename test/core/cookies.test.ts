import t from 'tap'
import { ambiguous, certainCookie, cookieValue } from '../../src/core/cookies.ts'
import { HeaderBlock } from '../../src/l7/message/header-block.ts'

t.test('the first cookie of a name counts, in whichever Cookie field it is', (t) => {
  const fields = new HeaderBlock('Cookie: a=1\r\nX: y\r\nCookie: b="2"; a=3\r\n')
  const field = fields.get('cookie')
  t.equal(field, 'a=1; b="2"; a=3')
  t.equal(cookieValue(field, 'a'), '1')
  t.equal(cookieValue(field, 'b'), '2')
  t.equal(cookieValue(field, 'c'), undefined)
  t.equal(cookieValue('ab=1; a=2', 'a'), '2')
  t.equal(cookieValue('a', 'a'), undefined)
  t.equal(cookieValue(undefined, 'a'), undefined)
  t.end()
})

t.test('a cookie is certain only where every server finds the same value', (t) => {
  const certain: [string | undefined, string | undefined][] = [
    [undefined, undefined],
    ['a=1', undefined],
    ['a=1; lang=de', 'de'],
    ['lang=', ''],
    ['lang="de"', '"de"'],
    ['a="x"; lang=de', 'de'],
    ['lang=de=at', 'de=at'],
    ['a=1, b=2; lang=x,y', 'x,y'],
    ['slang=de', undefined]
  ]
  for (const [field, value] of certain) t.equal(certainCookie(field, 'lang'), value, String(field))
  const uncertain = [
    'lang=de; lang=evil',
    'lang=de; lang=de',
    'a=1, lang=evil',
    'lang=de, lang=evil',
    'a="x; lang=evil"',
    'lang="x; lang=evil"',
    'Lang=evil',
    'lang[]=evil',
    'lang',
    '%6cang=evil',
    '"lang"=evil'
  ]
  for (const field of uncertain) t.equal(certainCookie(field, 'lang'), ambiguous, field)
  t.equal(certainCookie('a.b=1', 'a_b'), ambiguous, 'as PHP spells it')
  t.end()
})
