import t from 'tap'
import { queryValue } from '../../../src/l7/uri/query.ts'
import { splitTarget } from '../../../src/l7/uri/target.ts'

t.test('each form is taken apart', async (t) => {
  t.match(splitTarget('GET', '/a/b?c=d?e'), {
    form: 'origin',
    path: '/a/b',
    query: 'c=d?e',
    authority: undefined
  })
  t.match(splitTarget('GET', '/a?'), { path: '/a', query: '' })
  t.match(splitTarget('GET', '/'), { path: '/', query: undefined })
  t.match(splitTarget('GET', 'http://x.example:80/a?b'), {
    form: 'absolute',
    path: '/a',
    query: 'b',
    authority: 'x.example:80',
    scheme: 'http'
  })
  t.match(splitTarget('GET', 'HTTPS://x?b'), {
    form: 'absolute',
    path: '/',
    query: 'b',
    authority: 'x',
    scheme: 'https'
  })
  t.match(splitTarget('OPTIONS', 'http://x'), { form: 'asterisk', path: '*', authority: 'x' })
  t.match(splitTarget('OPTIONS', 'http://x/'), { form: 'absolute', path: '/' })
  t.match(splitTarget('GET', 'http://x:/a'), { authority: 'x', path: '/a' })
  t.match(splitTarget('OPTIONS', '*'), { form: 'asterisk', path: '*' })
  t.match(splitTarget('CONNECT', 'x.example:443'), { form: 'authority', authority: 'x.example:443' })
})

t.test('what has none of the forms, or the wrong one for the method, is refused', async (t) => {
  const bad: [string, string][] = [
    ['GET', ''],
    ['GET', 'a'],
    ['GET', '*'],
    ['GET', '?a'],
    ['GET', 'x:80'],
    ['OPTIONS', '**'],
    ['OPTIONS', '*?a'],
    ['GET', 'ftp://x/'],
    ['GET', 'http:/x'],
    ['GET', 'http:///a'],
    ['GET', 'http://'],
    ['GET', 'http://u@x/'],
    ['GET', 'http://a"/'],
    ['GET', 'http://x:99999/'],
    ['CONNECT', 'x:99999'],
    ['GET', 'file:///etc'],
    ['GET', '://x'],
    ['GET', '/a#b'],
    ['GET', 'http://x/#'],
    ['GET', '/?a#'],
    ['CONNECT', '/'],
    ['CONNECT', 'x'],
    ['CONNECT', 'http://x'],
    ['CONNECT', 'x:'],
    ['CONNECT', 'x:80/'],
    ['CONNECT', 'u@x:80'],
    ['GET', 'httpx://y/'],
    ['GET', '\\/a']
  ]
  for (const [method, target] of bad) t.equal(splitTarget(method, target), undefined, `${method} ${target}`)
})

t.test('a query parameter is found by its decoded name, the first of several', async (t) => {
  t.equal(queryValue('a=1&b=2&a=3', 'a'), '1')
  t.equal(queryValue('xa=1&a', 'a'), '')
  t.equal(queryValue('a=', 'a'), '')
  t.equal(queryValue('a=b%20c+d%3d', 'a'), 'b c d=')
  t.equal(queryValue('%61=1', 'a'), '1')
  t.equal(queryValue('a+b=1', 'a b'), '1')
  t.equal(queryValue('a=%', 'a'), '%')
  t.equal(queryValue('a=%zz%c3%a9', 'a'), '%zzé')
  t.equal(queryValue('a=x=y', 'a'), 'x=y')
  for (const none of [undefined, '', 'b', 'ab=1', '=a', '&&', 'b=a&c'])
    t.equal(queryValue(none, 'a'), undefined)
  t.equal(queryValue('&&a=1', 'a'), '1')
  t.equal(queryValue('a%2Bb=1&a+b=2', 'a+b'), '1', 'a plus is a space unless it is encoded')
})
