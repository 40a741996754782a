import t from 'tap'
import { checkUser, dropPrivileges, type PrivilegedProcess } from '../../src/runtime/process/privileges.ts'

const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/bin/false\n'
const fake = (uid: number) => {
  const calls: string[] = []
  const self: PrivilegedProcess = {
    getuid: () => uid,
    initgroups: (user, group) => void calls.push(`initgroups ${user} ${group}`),
    setgid: (id) => void calls.push(`setgid ${id}`),
    setuid: (id) => {
      if (uid !== 0) throw new Error('EPERM')
      calls.push(`setuid ${id}`)
      uid = id
    }
  }
  return { self, calls }
}

t.test('groups go first, then the group, then the user, and root cannot be taken back', async (t) => {
  const { self, calls } = fake(0)
  const account = checkUser('nobody', self, passwd)!
  t.strictSame(account, { name: 'nobody', uid: 65534, gid: 65533 })
  dropPrivileges(account, self)
  t.strictSame(calls, ['initgroups nobody 65533', 'setgid 65533', 'setuid 65534'])
})

t.test('an account may be named by its number', async (t) => {
  t.equal(checkUser('65534', fake(0).self, passwd)?.name, 'nobody')
})

t.test('whoever is that user already has nothing to drop', async (t) => {
  t.equal(checkUser('nobody', fake(65534).self, passwd), undefined)
})

t.test('what cannot be done is refused with the setting and a cure', async (t) => {
  const refused = { name: 'StartError', code: 'LB_USER', setting: 'user' }
  t.throws(() => checkUser('nobody', fake(1000).self, passwd), {
    ...refused,
    message: /needs a start as root/
  })
  t.throws(() => checkUser('who', fake(0).self, passwd), { ...refused, message: /who does not exist/ })
  t.throws(() => checkUser('nobody', {}, passwd), { ...refused, message: /not supported/ })
})

t.test('a process that could become root again does not go on', async (t) => {
  const { self } = fake(0)
  const tame = { ...self, setuid: () => {}, getuid: () => 0 }
  t.throws(() => dropPrivileges({ name: 'nobody', uid: 65534, gid: 65533 }, tame), /regained/)
})
